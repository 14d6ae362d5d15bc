# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a generation holds, and how it differs from its record, without starting anything."""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import site_packages


def folders_of(generation: Generation) -> list[str]:
    """The site-packages folders of a generation."""
    return [os.path.join(generation.prefix, folder) for folder in generation.record.get("site_packages", [])]


def installed_in(generation: Generation) -> dict[str, str]:
    """Name to version of what the folders of a generation hold, without opening a single file."""
    return site_packages.scan(*folders_of(generation)).versions


def drift_of(generation: Generation, *, files: bool = False) -> tuple[str, ...]:
    """How a generation differs from its record; ``files`` compares every file with its recorded hash too."""
    listed = site_packages.scan(*folders_of(generation))
    lines = [*_python_drift(generation), *planner.drift(generation.record.get("installed", {}), listed.versions)]
    lines += [f"{name} is there in versions {' and '.join(found)}" for name, found in listed.duplicates.items()]
    lines += [f"{entry} was left by an editable install or an interrupted removal" for entry in listed.leftovers]
    lines += [f"the metadata in {entry} cannot be read" for entry in listed.unreadable]
    return (*lines, *(_file_drift(generation) if files else ()))


def _python_drift(generation: Generation) -> list[str]:
    python = generation.record.get("python", {}).get("path", "")
    target = os.path.realpath(os.path.join(generation.prefix, "bin", "python"))
    if not os.path.exists(target):
        return [f"the Python it was built on, {python}, is gone"]
    if python and target != os.path.realpath(python):
        return [f"its Python is {target} instead of {python}"]
    return []


def _file_drift(generation: Generation) -> list[str]:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import record

    lines = []
    for folder in folders_of(generation):
        found = record.verify(folder)
        lines += [f"the file {path} is missing" for path in found.missing]
        lines += [f"the file {path} was changed" for path in found.changed]
        lines += [f"the file {path} belongs to no package" for path in found.unrecorded]
        lines += [f"{path} does not say which files it has" for path in found.without_record]
    return lines
