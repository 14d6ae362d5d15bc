# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that activating an environment sets, in C(conda-meta/state), where conda and mamba look for them."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder

_MOST_BYTES = 1 << 20


def read(prefix: str) -> dict[str, str]:
    """The variables by name; none where there is no such file, or one that says nothing of them."""
    try:
        with Folder.at(prefix) as tree, tree.folder("conda-meta") as place:
            found = json.loads(place.read("state", _MOST_BYTES).decode("utf-8")).get("env_vars", {})
        return {str(name): str(value) for name, value in found.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


def write(prefix: str, variables: t.Mapping[str, str]) -> None:
    """Let activation set these; nothing is written for none."""
    if variables:
        with open(_path(prefix), "w", encoding="utf-8") as stream:
            json.dump({"version": 1, "env_vars": dict(variables)}, stream, indent=2, sort_keys=True)


def drift(recorded: t.Mapping[str, str], found: t.Mapping[str, str]) -> list[str]:
    """What somebody did to the variables by hand, a sentence each; values are not told."""
    lines = []
    for name in sorted({*recorded, *found}):
        if recorded.get(name) != found.get(name):
            what = "added" if name not in recorded else "removed" if name not in found else "changed"
            lines.append(f"the variable {name} was {what} by hand")
    return lines


def _path(prefix: str) -> str:
    return os.path.join(prefix, "conda-meta", "state")
