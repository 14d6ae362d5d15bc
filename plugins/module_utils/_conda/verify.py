# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that a new conda environment passes before it is switched to."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import (
    drift,
    engine_conflicts,
    meta,
    relations,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.match_spec import MatchSpec
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package, VirtualPackage
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import site_packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import verify as python_verify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement

# What of the host is compared. Not the processor: engines have its exact name, and we the level that it reaches.
_OF_HOST = frozenset({"__cuda", "__glibc", "__linux", "__unix", "__osx", "__win"})
# conda-forge writes cpu_py311_0, cpu_mkl_py311_0, others py3.11_cpu_0.
_FOR_CPU = re.compile(r"(?:^|_)cpu(?:_|\Z)")


def check_packages(title: str, prefix: str, packages: t.Sequence[Package], specs: t.Iterable[str]) -> list[Package]:
    """The installed packages, which must be those that were to be installed, as desired, with all that they depend on.

    Raises MlstackError C(not_as_desired) or C(broken_requirements).
    """
    found = meta.read(prefix)
    installed = {item.name: item for item in found.packages}
    problems = [f"conda-meta/{item.file}: {item.reason}" for item in found.broken]
    expected, there = {item.stem for item in packages}, {item.stem for item in found.packages}
    problems += [f"{stem} is missing" for stem in sorted(expected - there)]
    problems += [f"{stem} is there, and nobody asked for it" for stem in sorted(there - expected)]
    problems += [
        f"{spec} is wanted, and {_found_of(installed, spec)}" for spec in specs if not _is_there(installed, spec)
    ]
    if problems:
        raise _failed(title, "not_as_desired", problems, "find out what the channel serves under these names")
    broken = [
        f"{item.package.name} {item.package.version} {'excludes' if item.constrains else 'depends on'} "
        f"{'all but ' * item.constrains}{item.text}, and {_found_of(installed, item.text)}"
        for item in relations.broken(found.packages, installed)
        if not item.name.startswith("__")
    ]
    if broken:
        raise _failed(title, "broken_requirements", broken, "lock the environment anew, with all that it depends on")
    return list(found.packages)


def check_host(
    title: str, packages: t.Iterable[Package], virtual: t.Sequence[VirtualPackage], *, settled: bool = False
) -> list[str]:
    """Refuse packages that do not work with the host's kernel, C library or NVIDIA driver; returns warnings.

    Solvers should have seen to it; conda's classic one passes over C(constrains), and a lock was solved elsewhere.
    What is ``settled`` by a lock or a record may lie there before the driver is loaded: that is a warning.
    Raises MlstackError C(no_virtual_package).
    """
    host = relations.of_host(virtual)
    problems, warnings = [], []
    for item in relations.broken(packages, host):
        if item.name not in _OF_HOST:
            continue
        needs = f"{item.package.name} {item.package.version} {item.package.build} needs {item.text}"
        if item.name != "__cuda":
            there = f"{item.name} {item.found.version} is here" if item.found else f"there is no {item.name} here"
            problems.append(f"{needs}, and {there}")
        elif item.found is not None:
            problems.append(engine_conflicts.driver_found(needs, item.found.version))
        elif settled:
            warnings.append(f"{title}: {needs}, and no NVIDIA driver is loaded on this host")
        else:
            problems.append(f"{needs}, and no NVIDIA driver is loaded on this host")
    if problems:
        to_fix = "choose versions and builds for this host, or a newer system"
        to_fix = engine_conflicts.DRIVER if any("NVIDIA driver" in text for text in problems) else to_fix
        raise _failed(title, "no_virtual_package", problems, to_fix)
    return warnings


def cpu_builds(
    title: str, packages: t.Sequence[Package], virtual: t.Sequence[VirtualPackage], specs: t.Sequence[MatchSpec]
) -> list[str]:
    """Warnings of builds for the CPU where a GPU was meant: the host has a driver, or the desired state speaks of
    CUDA.
    """
    cuda = next((item.version for item in virtual if item.name == "__cuda"), "")
    named = next((item.name for item in specs if item.name.startswith("cuda")), "")
    if not (cuda or named):
        return []
    why = f"the host has an NVIDIA driver for CUDA {cuda}" if cuda else f"the desired state names {named}"
    meant = {item.name for item in specs if "cpu" in item.build}
    return [
        f"{title}: {item.name} {item.version} {item.build} is a build for the CPU, and {why}: ask for one that fits "
        f"the driver ({item.name}=*=cuda*), or for this one ({item.name}=*=*cpu*) to say that it is meant"
        for item in packages
        if _FOR_CPU.search(item.build) and item.name not in meant
    ]


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
    installed_from: t.Sequence[Requirement],
    commands: Commands,
    scratch: str,
) -> python_verify.Found | None:
    """Imports, and pip check's verdict on what pip brought; None where the environment has no Python.

    What conda brought was judged by conda's own dependencies: its recipes change those that wheels declare.
    """
    if not os.path.exists(os.path.join(prefix, "bin", "python")):
        if imports:
            wanted = [f"{', '.join(imports)} cannot be imported: the environment has no Python"]
            raise _failed(title, "import_failed", wanted, "add python to the packages, or leave verify_imports out")
        return None
    return python_verify.verify(title, None, imports, prefix, commands, scratch, installed_from, judged=pip)


def _is_there(installed: t.Mapping[str, Package], text: str) -> bool:
    item = installed.get(relations.name_of(text))
    return item is not None and relations.asked(item, text)


def _found_of(installed: t.Mapping[str, Package], text: str) -> str:
    name = relations.name_of(text)
    item = installed.get(name)
    return f"{name} {item.version} {item.build} is installed" if item else f"no {name} is installed"


def _failed(title: str, code: str, found: t.Iterable[str], to_fix: str) -> MlstackError:
    return MlstackError(code, wanted=f"{title} verified before it is used", found="; ".join(found), to_fix=to_fix)
