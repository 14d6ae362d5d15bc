# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Proving that a host works; nothing is changed."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import (
    environments,
    gpus,
    kernel_log,
    surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    ERROR,
    FAILED,
    UNKNOWN,
    Check,
    Selection,
    counts,
)

# What can be asked for, by the part of a host that it is about.
PARTS = ("host", "driver", "environments")
NAMES = (
    *("clock", "room", "kernel_log", "gpus", "driver", "reboot"),
    *("gpu_ecc", "gpu_ecc_pending", "gpu_row_remapping", "gpu_retired_pages", "gpu_reset", "gpu_link", "gpu_clocks"),
    *("gpu_temperature", "gpu_mig", "gpu_persistence", "gpu_fabric"),
    *("environment", "environment_metadata", "environment_requirements", "environment_drift"),
    *("framework_torch", "framework_tensorflow", "framework_jax"),
)
NEVER, ON_ERROR, ON_WARNING = "never", "error", "warning"


@dataclass(frozen=True)
class Question:
    """``parts`` are looked at, ``selected`` of their checks told. ``unknown_fails`` takes what nobody could look at for
    a failure. ``paths`` are looked at for room, of which ``free_percent`` has to be left."""

    parts: frozenset[str]
    selected: Selection
    expected: gpus.Expected
    asked: environments.Asked
    paths: tuple[str, ...]
    free_percent: float
    fail_on: str
    unknown_fails: bool


@dataclass(frozen=True)
class Observed:
    """The checks, and the seconds that each part took."""

    checks: tuple[Check, ...]
    seconds: t.Mapping[str, float]


class Verification(Inquiry[Question, Observed]):
    """The loop's resource of ml_verify."""

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        _known("checks", params["checks"])
        _known("skip", params["skip"])
        expected = params["gpus"] or {}
        asked = environments.Asked(
            root=params["root"],
            names=params["names"],
            paths=tuple(params["paths"]),
            frameworks=tuple(params["frameworks"]),
            gpu=bool(expected.get("count")),
            files=params["verify_files"],
            timeout=float(params["timeout"]),
        )
        return [
            Question(
                parts=frozenset(params["parts"]),
                selected=Selection(frozenset(params["checks"]), frozenset(params["skip"])),
                expected=gpus.Expected(expected.get("count"), expected.get("product") or ""),
                asked=asked,
                paths=tuple(dict.fromkeys(["/", "/tmp", "/var", params["root"], *params["room_paths"]])),
                free_percent=params["room_percent"],
                fail_on=params["fail_on"],
                unknown_fails=params["unknown_fails"],
            )
        ]

    def title(self, desired: Question) -> str:
        return "host"

    def observe(self, desired: Question, context: Context) -> Observed:
        looks: dict[str, t.Callable[[], list[Check]]] = {
            "host": lambda: surroundings.checks(context.host, desired.paths, desired.free_percent),
            "driver": lambda: [
                *kernel_log.checks(kernel_log.read(context.host, context.commands)),
                *gpus.checks(context.host, context.commands, desired.expected),
            ],
            "environments": lambda: environments.checks(desired.asked, context),
        }
        found: list[Check] = []
        seconds = {}
        for part, look in looks.items():
            if part in desired.parts:
                started = time.monotonic()
                found += desired.selected.of(look())
                seconds[part] = round(time.monotonic() - started, 3)
        return Observed(tuple(found), seconds)

    def describe(self, desired: Question, observed: Observed) -> dict[str, t.Any]:
        wrong = against(observed.checks, desired.fail_on, unknown_fails=desired.unknown_fails)
        shown = {
            "ok": not wrong,
            "checks": [check.result() for check in observed.checks],
            "summary": counts(observed.checks),
            "seconds": dict(observed.seconds),
        }
        if wrong:
            first = wrong[0]
            more = f", and {len(wrong) - 1} more: see checks" if len(wrong) > 1 else ""
            raise MlstackError(
                "not_verified",
                wanted="a host that works",
                found=f"{first.name} of {first.subject}: {first.found}{more}",
                to_fix=first.to_fix or "see the checks of this result",
                **shown,
            )
        return shown


def against(checks: t.Iterable[Check], fail_on: str, *, unknown_fails: bool) -> list[Check]:
    """The checks that speak against a host, what weighs most first."""
    if fail_on == NEVER:
        return []
    wrong = [
        check
        for check in checks
        if (check.status == FAILED and (check.severity == ERROR or fail_on == ON_WARNING))
        or (check.status == UNKNOWN and unknown_fails)
    ]
    return sorted(wrong, key=lambda check: (check.status != FAILED, check.severity != ERROR))


def _known(option: str, given: t.Iterable[str]) -> None:
    unknown = [name for name in given if name not in NAMES]
    if unknown:
        raise InvalidArguments(
            "unknown_check",
            wanted=f"{option} {', '.join(unknown)}",
            found="there is no check of that name",
            to_fix=f"take one of {', '.join(NAMES)}",
        )
