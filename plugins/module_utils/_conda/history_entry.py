# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of conda-meta/history: without one, conda takes nothing for asked for, and removes more than it should."""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import InstallRequest, Package

# conda refuses an environment that a newer conda has changed; this is the version that mamba writes.
_FORMAT_OF = "3.8.0"


def write(request: InstallRequest, linked: t.Sequence[str], unlinked: t.Sequence[str]) -> None:
    """Append what was done to the history of the prefix; nothing where nothing was."""
    path = os.path.join(request.prefix, "conda-meta", "history")
    if not (linked or unlinked) and os.path.exists(path) and os.path.getsize(path):
        return
    text = render(request, linked, unlinked, time.strftime("%Y-%m-%d %H:%M:%S"))
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(text)


def render(request: InstallRequest, linked: t.Sequence[str], unlinked: t.Sequence[str], now: str) -> str:
    """The entry in conda's format (C(conda/history.py)); its readers take the packages from conda-meta."""
    packages = {package.stem: package for package in request.packages}
    lines = [f"==> {now} <==", "# cmd: gpufleet.mlstack", f"# conda version: {_FORMAT_OF}"]
    lines += [f"-{stem}" for stem in unlinked]
    lines += [f"+{_named(packages[stem])}" for stem in linked]
    lines += [f"# update specs: {[str(spec) for spec in request.specs]!r}"] if request.specs else []
    return "".join(f"{line}\n" for line in lines)


def _named(package: Package) -> str:
    where = "/".join(part for part in (package.channel.rstrip("/"), package.subdir) if part)
    return f"{where}::{package.stem}" if where else package.stem
