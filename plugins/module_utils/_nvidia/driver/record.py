# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What this collection wrote down of the driver that it installed, and of the one before it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import DriverWish, Target
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observation

PATH = "/var/lib/gpufleet-mlstack/nvidia-driver.json"
_KEYS = ("source", "branch", "version", "flavour", "modules", "libraries", "server")


def read(host: Host) -> dict[str, t.Any]:
    """The record, empty where there is none or it is broken: it is a note, the packages are the truth."""
    try:
        found = json.loads(host.read_text(PATH) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def entry(target: Target, found: Observation) -> dict[str, t.Any]:
    """One driver as it is installed: how it was wished, its exact version, and every package."""
    return {
        "source": target.source,
        "branch": target.branch,
        "version": found.libraries or target.version,
        "flavour": target.flavour,
        "modules": target.modules,
        "libraries": target.libraries,
        "server": target.server,
        "wished_version": target.version,
        "needs_fabric": target.needs_fabric,
        "asked": list(target.asked),
        "packages": {piece.package: piece.version for piece in found.pieces},
    }


def following(
    record: t.Mapping[str, t.Any], before: Observation, target: Target | None, after: Observation
) -> dict[str, t.Any]:
    """The record after a change. A driver that was loaded and whole becomes the one to go back to. Pure."""
    current = entry(target, after) if target is not None else {}
    known = dict(record.get("current") or {})
    good = before.loaded is not None and before.loaded.version == before.libraries == known.get("version")
    previous = known if good and known.get("version") != current.get("version") else record.get("previous")
    if previous and all(previous.get(key) == current.get(key) for key in _KEYS):
        previous = dict(current)
    return {"current": current, **({"previous": previous} if previous else {})}


def write(host: Host, record: t.Mapping[str, t.Any]) -> None:
    """Replace the record; without a current driver it goes."""
    text = json.dumps(record, indent=2, sort_keys=True) + "\n" if record.get("current") else None
    managed.write(host, managed.ManagedFile(PATH, text))


def previous_wish(host: Host, wish: DriverWish) -> DriverWish:
    """The wish for the driver to go back to. Raises MlstackError where none was written down."""
    from dataclasses import replace

    previous = read(host).get("previous")
    if not isinstance(previous, dict) or not previous.get("version"):
        raise MlstackError(
            "no_previous_driver",
            wished="the driver that this host had before",
            found=f"{PATH} names none: only a driver that was loaded and whole when it was replaced is written down",
            todo="wish for a version",
        )
    return replace(wish, **{key: previous[key] for key in _KEYS if key in previous})
