# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changed in an environment by hand, told from records and names, and on request from every file."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import meta, state_file
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Allowance, Folder, below
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import plan as python_plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import record, site_packages


class Findings(t.NamedTuple):
    """Paths relative to the prefix, sorted. ``unowned`` are modules and programs that no package has."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    unowned: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not any(self)


def of_record(prefix: str, record: t.Mapping[str, t.Any], *, files: bool = False) -> tuple[str, ...]:
    """How the prefix of a generation differs from its record, one sentence each; ``files`` compares every file, too.

    Of the record C(conda) (stems), C(installed) (distributions by name and version), C(site_packages) (folders
    relative to the prefix) and C(variables) are read.
    """
    folders = [os.path.join(prefix, folder) for folder in record.get("site_packages", [])]
    here = site_packages.scan(*folders)
    lines = of_names(record.get("conda", []), record.get("installed", {}), meta.names(prefix), here)
    lines = (*lines, *state_file.drift(record.get("variables", {}), state_file.read(prefix)))
    return (*lines, *sentences(of_files(prefix, meta.read(prefix, entries=True)))) if files else lines


def sentences(found: Findings) -> tuple[str, ...]:
    """Findings as sentences."""
    return (
        *(f"the file {path} is missing" for path in found.missing),
        *(f"the file {path} was changed" for path in found.changed),
        *(f"the file {path} belongs to no package" for path in found.unowned),
    )


def of_names(
    stems: t.Iterable[str], distributions: t.Mapping[str, str], found: meta.Names, here: site_packages.Names
) -> tuple[str, ...]:
    """How a prefix differs from what was recorded of it, one sentence each.

    ``stems`` are the recorded conda packages (NAME-VERSION-BUILD), ``distributions`` what its site-packages held, by
    name and version, conda's and pip's.
    """
    recorded = meta.Names(tuple(sorted(stems))).packages
    conda = python_plan.drift(recorded, found.packages)
    lines = list(conda)
    lines += [f"{name} has two records in conda-meta" for name in found.duplicates]
    lines += [f"conda-meta/{file} is no record" for file in found.unreadable]
    # A package of conda's brings its distribution along: what was said of the one need not be said of the other.
    known = {line.split(" ", 1)[0] for line in conda}
    python = python_plan.drift(distributions, here.versions)
    lines += [line for line in python if line.split(" ", 1)[0] not in known]
    lines += [f"{name} is there in versions {' and '.join(versions)}" for name, versions in here.duplicates.items()]
    lines += [f"{entry} was left by an editable install or an interrupted removal" for entry in here.leftovers]
    lines += [f"the metadata in {entry} cannot be read" for entry in here.unreadable]
    return tuple(lines)


def of_files(prefix: str, inventory: meta.Inventory) -> Findings:
    """Compare every file with its record; ``inventory`` was read with entries.

    Bytecode is left alone, and a link counts as whole where it is there: engines record the hash of what it leads to.
    What pip installed is compared with its own RECORD. Strangers are looked for in bin and site-packages.
    """
    missing: list[str] = []
    changed: list[str] = []
    owned: set[str] = set()
    for item in inventory.installed:
        for entry in item.entries:
            owned.add(entry.path)
            state = None if _is_bytecode(entry.path) else _state(prefix, entry)
            if state is not None:
                (missing if state == "missing" else changed).append(entry.path)
    folders = _python_folders(owned)
    for folder in folders:
        for compared in _of_pip(prefix, folder, owned):
            missing += [os.path.normpath(os.path.join(folder, path)) for path in compared.missing]
            changed += [os.path.normpath(os.path.join(folder, path)) for path in compared.changed]
            owned |= {os.path.normpath(os.path.join(folder, path)) for path in compared.recorded}
    unowned = [path for path in _programs_and_modules(prefix, folders) if path not in owned]
    return Findings(tuple(sorted(missing)), tuple(sorted(changed)), tuple(sorted(unowned)))


def _state(prefix: str, entry: meta.Entry) -> str | None:
    path = os.path.join(prefix, entry.path)
    if not os.path.lexists(path):
        return "missing"
    if entry.kind == "link":
        return None if os.path.islink(path) else "changed"
    if entry.kind == "folder" or not entry.sha256:
        return None
    try:
        if entry.size is not None and os.path.getsize(path) != entry.size:
            return "changed"
        folder, name = os.path.split(path)
        with Folder.at(folder, Allowance.for_files(), within=prefix) as place:
            return None if place.digest(name, "sha256")[0].hex() == entry.sha256 else "changed"
    except OSError:
        return "changed"


def _programs_and_modules(prefix: str, folders: t.Iterable[str]) -> t.Iterator[str]:
    for start in ("bin", *folders):
        for entry in below(os.path.join(prefix, start), without=("__pycache__",)):
            if not entry.is_dir(follow_symlinks=False) and not _is_bytecode(entry.name):
                yield os.path.relpath(entry.path, prefix)


def _python_folders(owned: t.Iterable[str]) -> list[str]:
    marks = {path.partition("/site-packages/")[0] for path in owned if "/site-packages/" in path}
    return sorted(f"{mark}/site-packages" for mark in marks if mark.startswith("lib/python"))


def _of_pip(prefix: str, folder: str, owned: t.Collection[str]) -> t.Iterator[record.Compared]:
    """What the distributions say of themselves that no package of conda's brought."""
    place = os.path.join(prefix, folder)
    for entry in sorted(os.listdir(place)) if os.path.isdir(place) else ():
        mine = any(f"{folder}/{entry}/{name}" in owned for name in ("METADATA", "RECORD"))
        if entry.endswith(".dist-info") and not mine:
            compared = record.compare(place, entry, within=prefix)
            if compared is not None:
                yield compared


def _is_bytecode(path: str) -> bool:
    return path.endswith((".pyc", ".pyo"))
