# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The checks that a new conda environment passes before it is switched to."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import drift, match_spec, meta
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import site_packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import verify as python_verify


def check_packages(title: str, prefix: str, packages: t.Sequence[Package], specs: t.Iterable[str]) -> list[Package]:
    """The installed packages, which must be those that were to be installed, as wished, with all that they depend on.

    Raises MlstackError C(not_as_wished) or C(broken_requirements).
    """
    found = meta.read(prefix)
    installed = {item.name: item for item in found.packages}
    problems = [f"conda-meta/{item.file}: {item.reason}" for item in found.broken]
    expected, there = {item.stem for item in packages}, {item.stem for item in found.packages}
    problems += [f"{stem} is missing" for stem in sorted(expected - there)]
    problems += [f"{stem} is there, and nobody asked for it" for stem in sorted(there - expected)]
    problems += [f"{spec} is wished, and {_told(installed, spec)}" for spec in specs if not _fits(installed, spec)]
    if problems:
        raise _failed(title, "not_as_wished", problems, "find out what the channel serves under these names")
    broken = [
        f"{item.name} {item.version} depends on {text}, and {_told(installed, text)}"
        for item in found.packages
        for text in item.depends
        if not text.startswith("__") and not _fits(installed, text)
    ]
    if broken:
        raise _failed(title, "broken_requirements", broken, "lock the environment anew, with all that it depends on")
    return list(found.packages)


def damaged(prefix: str) -> dict[str, list[str]]:
    """Files that are not as their packages say, by the package's name; what is missing counts."""
    inventory = meta.read(prefix, entries=True)
    found = drift.of_files(prefix, inventory)
    wrong = {*found.missing, *found.changed}
    owned = {item.package.name: [e.path for e in item.entries if e.path in wrong] for item in inventory.installed}
    return {name: files for name, files in owned.items() if files}


def distributions(prefix: str) -> dict[str, str]:
    """What Python finds in a prefix, by name and version, without starting it."""
    return site_packages.scan(*python_folders(prefix)).versions


def python_folders(prefix: str) -> list[str]:
    """The site-packages of a prefix; none where it has no Python."""
    places = os.path.join(prefix, "lib")
    minors = sorted(os.listdir(places)) if os.path.isdir(places) else []
    folders = [os.path.join(places, name, "site-packages") for name in minors if name.startswith("python3")]
    return [folder for folder in folders if os.path.isdir(folder) and not os.path.islink(os.path.dirname(folder))]


def check_python(
    title: str,
    prefix: str,
    imports: t.Sequence[str],
    pip: t.Collection[str],
    installed_from: str,
    commands: Commands,
    scratch: str,
) -> python_verify.Found | None:
    """Imports, and pip check's verdict on what pip brought; None where the environment has no Python.

    What conda brought was judged by conda's own dependencies: its recipes change those that wheels declare.
    """
    if not os.path.exists(os.path.join(prefix, "bin", "python")):
        if imports:
            wished = [f"{', '.join(imports)} cannot be imported: the environment has no Python"]
            raise _failed(title, "import_failed", wished, "add python to the packages, or leave verify_imports out")
        return None
    return python_verify.verify(title, None, imports, prefix, commands, scratch, installed_from, judged=pip)


def _fits(installed: t.Mapping[str, Package], text: str) -> bool:
    try:
        spec = match_spec.parse(text)
    except match_spec.BadSpec:
        return True  # the engine understood it, we do not: no verdict
    item = installed.get(spec.name)
    return item is not None and spec.allows(name=item.name, version=item.version, build=item.build)


def _told(installed: t.Mapping[str, Package], text: str) -> str:
    name = match_spec.parse(text).name
    item = installed.get(name)
    return f"{name} {item.version} {item.build} is installed" if item else f"no {name} is installed"


def _failed(title: str, code: str, found: t.Iterable[str], todo: str) -> MlstackError:
    return MlstackError(code, wished=f"{title} verified before it is used", found="; ".join(found), todo=todo)
