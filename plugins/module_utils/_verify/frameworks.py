# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frameworks: do they compute, on each device, and come to what the CPU comes to."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import confined, environments, probing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    FAILED,
    PASSED,
    SKIPPED,
    UNKNOWN,
    WARNING,
    Check,
    Selection,
    timed,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.probes import FRAMEWORK

NAMES = ("torch", "tensorflow", "jax", "cupy")
IDS = tuple(f"framework_{name}" for name in NAMES)


@dataclass(frozen=True)
class Asked:
    """``gpus`` is how many a framework has to compute on, None where nobody says; ``tolerance`` the largest difference
    from the right product, relative to its largest element; ``size`` that of the matrices."""

    paths: tuple[str, ...]
    gpus: int | None
    tolerance: float
    size: int
    limits: confined.Limits


def checks(asked: Asked, selected: Selection, context: Context) -> list[Check]:
    found = []
    for path in asked.paths:
        for name in NAMES:
            if not selected.has(f"framework_{name}"):
                continue
            if not os.path.exists(os.path.join(path, "bin", "python")):
                found.append(Check(f"framework_{name}", path, UNKNOWN, "there is no environment to ask"))
            elif not _holds(path, name):
                found.append(Check(f"framework_{name}", path, SKIPPED, f"{name} is not in it"))
            else:
                found += timed(lambda path=path, name=name: _ask(path, name, asked, context))  # type: ignore[misc] # bound
    return found


def _holds(path: str, name: str) -> bool:
    places = ((name, "__init__.py"), (f"{name}.py",))
    return any(os.path.exists(os.path.join(site, *place)) for site in environments.sites(path) for place in places)


def _ask(path: str, name: str, asked: Asked, context: Context) -> list[Check]:
    try:
        answer = probing.ask(path, FRAMEWORK, [name, str(asked.size)], asked.limits, context)
    except probing.NotRun as exc:
        return [Check(f"framework_{name}", path, UNKNOWN, str(exc), "see who may write there")]
    return [judged(path, name, answer, asked)]


def judged(path: str, name: str, answer: probing.Answer, asked: Asked) -> Check:
    """What a framework told of itself, judged. Pure."""
    id_, version, cuda = f"framework_{name}", answer.first("version"), answer.first("cuda")
    devices = answer.of("difference")
    details = {"version": version, "cuda": cuda, "devices": devices}
    what = f"{name} {version}".strip()
    trouble = answer.broken or answer.first("error")
    if trouble:
        begun = [line for line in answer.of("begun") if line["begun"] not in {item["device"] for item in devices}]
        place = f" on {begun[-1]['begun']}" if begun else ""
        return Check(id_, path, FAILED, f"{what} does not work{place}: {trouble}", _step(begun), details=details)
    wrong = [item for item in devices if not item["difference"] <= asked.tolerance]
    if wrong:
        worst = wrong[0]
        reason = f"{what} multiplies wrong on {worst['device']}: {worst['difference']:g} beside {asked.tolerance:g}"
        return Check(id_, path, FAILED, reason, "empty the host, look at the GPU's checks, reset it", details=details)
    others = [item for item in devices if not item["device"].startswith("cpu")]
    if asked.gpus is not None and len(others) < asked.gpus:
        reason = f"{what} computes on {len(others)} GPUs, and there should be {asked.gpus}"
        to_fix = (
            "look at the driver's checks" if cuda else "let the role choose the build for this host: it is the CPU's"
        )
        return Check(id_, path, FAILED, reason, to_fix, details=details)
    if answer.first("nccl") == "no":
        reason = f"{what} is built without NCCL: it computes on one GPU at a time"
        return Check(id_, path, FAILED, reason, "take a build with NCCL", WARNING, details=details)
    if not devices:
        return Check(id_, path, UNKNOWN, f"{what} names no device", details=details)
    return Check(id_, path, PASSED, f"{what} multiplies right on {len(devices)} devices", details=details)


def _step(begun: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    last = begun[-1] if begun else {}
    if last.get("built_for") and not fits(last["capability"], last["built_for"]):
        return (
            f"take a build for compute capability {last['capability']}: this one is for {', '.join(last['built_for'])}"
        )
    return "build the environment anew, and look at the driver's checks"


def fits(capability: str, built_for: t.Iterable[str]) -> bool:
    """Whether a build runs on a GPU. Binary code (sm) runs on the same major and from its minor on; sm_90a only there;
    intermediate code (compute) on everything newer.

    Source: CUDA C++ Programming Guide, binary and PTX compatibility.
    """
    major, _dot, minor = capability.partition(".")
    here = (int(major), int(minor or 0))
    for word in built_for:
        kind, _under, number = word.partition("_")
        exact = number[-1:].isalpha()
        digits = number.rstrip("af")
        if not digits.isdigit():
            continue
        there = (int(digits[:-1]), int(digits[-1]))
        if there == here or (not exact and kind == "sm" and there[0] == here[0] and there <= here):
            return True
        if not exact and kind == "compute" and there <= here:
            return True
    return False
