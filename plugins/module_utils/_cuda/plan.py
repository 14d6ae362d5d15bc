# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must change so that a host has the CUDA toolkits that were wanted. Pure: data in, data out."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import facts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import (
    CHECK,
    COMPAT,
    IGNORE,
    LINK,
    RUNFILE,
    RUNTIME,
    WHEELS,
    Desired,
    DesiredToolkit,
    Found,
    Observed,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


def plan(desired: Desired, observed: Observed) -> Plan:
    """The steps, in the order in which they are taken. Raises MlstackError for what must not be done."""
    refuse_driver(desired, observed)
    refuse_folder(desired, observed)
    refuse_missing_wheels(desired, observed)
    return joined(package_plan(observed), own_plan(desired, observed))


def joined(first: Plan, second: Plan) -> Plan:
    """One plan after the other."""
    return Plan(first.actions + second.actions, first.before + second.before, first.after + second.after)


def own_plan(desired: Desired, observed: Observed) -> Plan:
    """What is not the package manager's: runfiles, the default, files."""
    before: list[str] = []
    after: list[str] = []
    steps: list[Action] = []
    for toolkit in missing_runfiles(desired, observed):
        present = observed.toolkits.get(toolkit.path)
        before += [_shown(present)] if present else []
        after.append(f"{toolkit.name} in {toolkit.path}")
        steps.append(Action("install_runfile", toolkit.path, f"install {toolkit.name} into {toolkit.path}, no driver"))
    for toolkit in unwanted_runfiles(desired, observed):
        before.append(_shown(observed.toolkits[toolkit.path]))
        steps.append(Action("delete_toolkit", toolkit.path, f"delete {toolkit.path}, which a runfile brought"))
    steps += [
        Action("unregister", path, f"no longer offer {path} as {LINK}") for path in unregistered(desired, observed)
    ]
    wanted = default_path(desired, observed)
    if wanted and (observed.default.path != wanted or observed.default.foreign):
        before.append(f"{LINK} -> {observed.default.path}" if observed.default.path else f"no {LINK}")
        after.append(f"{LINK} -> {wanted}")
        steps.append(Action("default", LINK, f"let {LINK} lead to {wanted}", {"path": wanted}))
    files = managed.differing(observed.files, observed.texts)
    steps += managed.actions(files, observed.texts)
    before += managed.lines(files, observed.texts)
    after += managed.lines(files, managed.texts(files))
    return Plan(tuple(steps), tuple(before), tuple(after))


def package_plan(observed: Observed) -> Plan:
    """The package manager's part."""
    if observed.wanted is None or observed.packages is None:
        return Plan()
    return packages.plan(observed.wanted, observed.packages)


def missing_runfiles(desired: Desired, observed: Observed) -> list[DesiredToolkit]:
    """Toolkits to be installed from a runfile, because they are absent or of another version."""
    found = []
    for toolkit in desired.present:
        if toolkit.method == RUNFILE:
            present = observed.toolkits.get(toolkit.path)
            if present is not None and present.source == "nvidia":
                raise MlstackError(
                    "mixed_methods",
                    wanted=f"{toolkit.name} from a runfile",
                    found=f"{present.path} belongs to packages of NVIDIA's repository",
                    to_fix="keep method nvidia for this release, or have it absent by that method first",
                )
            if present is None or not present.compiler or present.version != toolkit.version:
                found.append(toolkit)
    return found


def unwanted_runfiles(desired: Desired, observed: Observed) -> list[DesiredToolkit]:
    """Toolkits of runfiles that shall be absent and are there."""
    return [
        toolkit
        for toolkit in desired.absent
        if toolkit.method == RUNFILE and getattr(observed.toolkits.get(toolkit.path), "source", "") == RUNFILE
    ]


def unregistered(desired: Desired, observed: Observed) -> list[str]:
    """Choices that shall go, and that no package takes away by itself."""
    paths = [observed.paths.get(t.release, "") for t in desired.absent if t.method in (RUNFILE, WHEELS)]
    paths += [t.path for t in desired.absent if t.method not in (RUNFILE, WHEELS, "nvidia")]
    return [path for path in paths if path in observed.default.choices]


def default_path(desired: Desired, observed: Observed) -> str:
    """Where the link shall lead; empty where this task does not care."""
    chosen = desired.chosen
    return observed.paths.get(chosen.release, "") if chosen is not None else ""


def remaining(desired: Desired, toolkits: t.Iterable[Found]) -> bool:
    """Whether any toolkit is left when everything is as desired."""
    gone = {toolkit.release for toolkit in desired.absent}
    return bool(desired.present) or any(found.release not in gone for found in toolkits)


def refuse_folder(desired: Desired, observed: Observed) -> None:
    """Raise MlstackError where a folder stands in the link's place: it can hold somebody's toolkit."""
    if desired.chosen is not None and observed.default.foreign and not observed.default.path:
        raise MlstackError(
            "default_is_a_folder",
            wanted=f"{LINK} leading to {desired.chosen.name}",
            found=f"{LINK} is a folder",
            to_fix="move it away, to /usr/local/cuda-VERSION for example",
        )


def refuse_missing_wheels(desired: Desired, observed: Observed) -> None:
    """Raise MlstackError where the environment that shall hold a toolkit's wheels does not."""
    for toolkit in desired.present:
        found = observed.toolkits.get(observed.paths.get(toolkit.release, ""))
        if toolkit.method == WHEELS and (found is None or (not found.compiler and toolkit.components != RUNTIME)):
            raise MlstackError(
                "wheels_missing",
                wanted=f"{toolkit.name} from wheels in {toolkit.environment}",
                found=f"there is no {toolkit.path}{'/bin/nvcc' if found else ''}",
                to_fix="install them with pip_pinned before (the wheels from CUDA 13 on bring nvcc, those of 12 do "
                "not), or ask for components runtime",
            )


def refuse_driver(desired: Desired, observed: Observed) -> None:
    """Raise MlstackError for a toolkit that this host's driver cannot run."""
    if desired.driver == IGNORE or not observed.driver:
        return
    for toolkit in desired.present:
        needs = facts.needs(toolkit.release, toolkit.version)
        oldest = needs.minor or needs.full
        forward = desired.driver == COMPAT and facts.compatible(observed.driver, toolkit.major)
        if not facts.older(observed.driver, oldest) or (forward and not observed.consumer):
            continue
        would_do = f"driver {oldest} or newer runs it"
        if facts.older(oldest, needs.full):
            would_do = f"driver {needs.minor} or newer runs its programs, and {needs.full} or newer all of it"
        raise MlstackError(
            "driver_too_old",
            wanted=toolkit.name,
            found=f"this host has driver {observed.driver}"
            + (f", and forward compatibility is not for {', '.join(observed.consumer)}" if forward else ""),
            to_fix=f"{would_do}; or set driver to {'' if forward else 'compat (data-centre GPUs), or to '}ignore where "
            "nothing runs here",
            driver=observed.driver,
            minimum_driver=oldest,
            full_driver=needs.full,
        )


def driver_warnings(desired: Desired, observed: Observed) -> list[str]:
    """What a person should know of drivers that run a toolkit in part."""
    told = []
    for toolkit in desired.present if desired.driver == CHECK and observed.driver else ():
        needs = facts.needs(toolkit.release, toolkit.version)
        if not needs.full:
            told.append(f"{toolkit.name} is newer than the tables of this collection: its driver was not checked")
        elif facts.older(observed.driver, needs.full):
            told.append(
                f"{toolkit.name} runs with driver {observed.driver} by minor-version compatibility: programs that "
                f"are compiled at run time (PTX) need {needs.full} or newer"
            )
    return told


def _shown(found: Found) -> str:
    return f"CUDA {found.version or found.release} in {found.path}"
