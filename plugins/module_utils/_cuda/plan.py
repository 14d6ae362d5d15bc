# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What must change so that a host has the CUDA toolkits that were wished. Pure: data in, data out."""

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
    Found,
    Observation,
    ToolkitWish,
    Wish,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


def plan(wish: Wish, observation: Observation) -> Plan:
    """The steps, in the order in which they are taken. Raises MlstackError for what must not be done."""
    refuse_driver(wish, observation)
    refuse_folder(wish, observation)
    refuse_missing_wheels(wish, observation)
    return joined(package_plan(observation), own_plan(wish, observation))


def joined(first: Plan, second: Plan) -> Plan:
    """One plan after the other."""
    return Plan(first.actions + second.actions, first.before + second.before, first.after + second.after)


def own_plan(wish: Wish, observation: Observation) -> Plan:
    """What is not the package manager's: runfiles, the default, files."""
    before: list[str] = []
    after: list[str] = []
    steps: list[Action] = []
    for toolkit in missing_runfiles(wish, observation):
        present = observation.toolkits.get(toolkit.path)
        before += [_shown(present)] if present else []
        after.append(f"{toolkit.name} in {toolkit.path}")
        steps.append(Action("install_runfile", toolkit.path, f"install {toolkit.name} into {toolkit.path}, no driver"))
    for toolkit in unwished_runfiles(wish, observation):
        before.append(_shown(observation.toolkits[toolkit.path]))
        steps.append(Action("delete_toolkit", toolkit.path, f"delete {toolkit.path}, which a runfile brought"))
    steps += [
        Action("unregister", path, f"no longer offer {path} as {LINK}") for path in unregistered(wish, observation)
    ]
    wanted = default_path(wish, observation)
    if wanted and (observation.default.path != wanted or observation.default.foreign):
        before.append(f"{LINK} -> {observation.default.path}" if observation.default.path else f"no {LINK}")
        after.append(f"{LINK} -> {wanted}")
        steps.append(Action("default", LINK, f"let {LINK} lead to {wanted}", {"path": wanted}))
    files = managed.differing(observation.files, observation.texts)
    steps += managed.actions(files, observation.texts)
    before += managed.lines(files, observation.texts)
    after += managed.lines(files, managed.texts(files))
    return Plan(tuple(steps), tuple(before), tuple(after))


def package_plan(observation: Observation) -> Plan:
    """The package manager's part."""
    if observation.wished is None or observation.packages is None:
        return Plan()
    return packages.plan(observation.wished, observation.packages)


def missing_runfiles(wish: Wish, observation: Observation) -> list[ToolkitWish]:
    """Toolkits to be installed from a runfile, because they are absent or of another version."""
    found = []
    for toolkit in wish.present:
        if toolkit.method == RUNFILE:
            present = observation.toolkits.get(toolkit.path)
            if present is not None and present.source == "nvidia":
                raise MlstackError(
                    "mixed_methods",
                    wished=f"{toolkit.name} from a runfile",
                    found=f"{present.path} belongs to packages of NVIDIA's repository",
                    todo="keep method nvidia for this release, or have it absent by that method first",
                )
            if present is None or not present.compiler or present.version != toolkit.version:
                found.append(toolkit)
    return found


def unwished_runfiles(wish: Wish, observation: Observation) -> list[ToolkitWish]:
    """Toolkits of runfiles that shall be absent and are there."""
    return [
        toolkit
        for toolkit in wish.absent
        if toolkit.method == RUNFILE and getattr(observation.toolkits.get(toolkit.path), "source", "") == RUNFILE
    ]


def unregistered(wish: Wish, observation: Observation) -> list[str]:
    """Choices that shall go, and that no package takes away by itself."""
    paths = [observation.paths.get(t.release, "") for t in wish.absent if t.method in (RUNFILE, WHEELS)]
    paths += [t.path for t in wish.absent if t.method not in (RUNFILE, WHEELS, "nvidia")]
    return [path for path in paths if path in observation.default.choices]


def default_path(wish: Wish, observation: Observation) -> str:
    """Where the link shall lead; empty where this task does not care."""
    chosen = wish.chosen
    return observation.paths.get(chosen.release, "") if chosen is not None else ""


def remaining(wish: Wish, toolkits: t.Iterable[Found]) -> bool:
    """Whether any toolkit is left when everything is as wished."""
    gone = {toolkit.release for toolkit in wish.absent}
    return bool(wish.present) or any(found.release not in gone for found in toolkits)


def refuse_folder(wish: Wish, observation: Observation) -> None:
    """Raise MlstackError where a folder stands in the link's place: it can hold somebody's toolkit."""
    if wish.chosen is not None and observation.default.foreign and not observation.default.path:
        raise MlstackError(
            "default_is_a_folder",
            wished=f"{LINK} leading to {wish.chosen.name}",
            found=f"{LINK} is a folder",
            todo="move it away, to /usr/local/cuda-VERSION for example",
        )


def refuse_missing_wheels(wish: Wish, observation: Observation) -> None:
    """Raise MlstackError where the environment that shall hold a toolkit's wheels does not."""
    for toolkit in wish.present:
        found = observation.toolkits.get(observation.paths.get(toolkit.release, ""))
        if toolkit.method == WHEELS and (found is None or (not found.compiler and toolkit.components != RUNTIME)):
            raise MlstackError(
                "wheels_missing",
                wished=f"{toolkit.name} from wheels in {toolkit.environment}",
                found=f"there is no {toolkit.path}{'/bin/nvcc' if found else ''}",
                todo="install them with pip_pinned before (the wheels of CUDA 13 and later bring nvcc, those of 12 do "
                "not), or ask for components runtime",
            )


def refuse_driver(wish: Wish, observation: Observation) -> None:
    """Raise MlstackError for a toolkit that this host's driver cannot run."""
    if wish.driver == IGNORE or not observation.driver:
        return
    for toolkit in wish.present:
        needs = facts.needs(toolkit.release, toolkit.version)
        oldest = needs.minor or needs.full
        forward = wish.driver == COMPAT and facts.compatible(observation.driver, toolkit.major)
        if not facts.older(observation.driver, oldest) or (forward and not observation.consumer):
            continue
        would_do = f"driver {oldest} or newer runs it"
        if facts.older(oldest, needs.full):
            would_do = f"driver {needs.minor} or newer runs its programs, and {needs.full} or newer all of it"
        raise MlstackError(
            "driver_too_old",
            wished=toolkit.name,
            found=f"this host has driver {observation.driver}"
            + (f", and forward compatibility is not for {', '.join(observation.consumer)}" if forward else ""),
            todo=f"{would_do}; or set driver to {'' if forward else 'compat (data-centre GPUs), or to '}ignore where "
            "nothing runs here",
            driver=observation.driver,
            minimum_driver=oldest,
            full_driver=needs.full,
        )


def driver_warnings(wish: Wish, observation: Observation) -> list[str]:
    """What a person should know of drivers that run a toolkit in part."""
    told = []
    for toolkit in wish.present if wish.driver == CHECK and observation.driver else ():
        needs = facts.needs(toolkit.release, toolkit.version)
        if not needs.full:
            told.append(f"{toolkit.name} is newer than the tables of this collection: its driver was not checked")
        elif facts.older(observation.driver, needs.full):
            told.append(
                f"{toolkit.name} runs with driver {observation.driver} by minor-version compatibility: programs that "
                f"are compiled at run time (PTX) need {needs.full} or newer"
            )
    return told


def _shown(found: Found) -> str:
    return f"CUDA {found.version or found.release} in {found.path}"
