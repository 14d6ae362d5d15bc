# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving that a host works; nothing is changed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import (
    confined,
    environments,
    frameworks,
    gpus,
    surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    ERROR,
    FAILED,
    UNKNOWN,
    Check,
    Selection,
    counts,
    timed,
)

NAMES = (*surroundings.IDS, *gpus.IDS, *environments.IDS, *frameworks.IDS)
NEVER, ON_ERROR, ON_WARNING = "never", "error", "warning"
# What every host has; a folder that is not there is skipped.
_FOLDERS = ("/", "/tmp", "/var")


@dataclass(frozen=True)
class Question:
    """What is looked at, and what of it makes the module fail. ``unknown_fails`` takes what nobody could look at for a
    failure. Of ``folders`` ``free_percent`` has to be left."""

    selected: Selection
    expected: gpus.Expected
    environments: environments.Asked
    frameworks: frameworks.Asked
    folders: tuple[str, ...]
    free_percent: float
    driver_timeout: float
    fail_on: str
    unknown_fails: bool


class Verification(Inquiry[Question, "tuple[Check, ...]"]):
    """The loop's resource of ml_verify."""

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        _known("checks", params["checks"])
        _known("skip", params["skip"])
        if not 0 <= params["free_percent"] <= 100:  # nor what is no number
            raise InvalidArguments(
                "bad_percent",
                wanted=f"free_percent {params['free_percent']}",
                found="that is no share of a file system",
                to_fix="give a number from 0 to 100",
            )
        expected = params["gpus_expected"] or {}
        paths = tuple(params["environments"])
        limits = confined.Limits(params["probe_timeout"], params["probe_memory"], params["probe_processes"])
        return [
            Question(
                selected=Selection(frozenset(params["checks"]), frozenset(params["skip"])),
                expected=gpus.Expected(
                    expected.get("count"),
                    expected.get("product") or "",
                    expected.get("mig") or "",
                    params["driver_expected"] or "",
                ),
                environments=environments.Asked(
                    paths,
                    tuple(params["imports"]),
                    params["locks"],
                    params["files"],
                    params["sample"],
                    limits,
                ),
                frameworks=frameworks.Asked(
                    paths, expected.get("count"), params["tolerance"], params["matrix"], limits
                ),
                folders=tuple(dict.fromkeys([*_FOLDERS, *params["folders"]])),
                free_percent=params["free_percent"],
                driver_timeout=params["driver_timeout"],
                fail_on=params["fail_on"],
                unknown_fails=params["unknown_fails"],
            )
        ]

    def title(self, desired: Question) -> str:
        return "host"

    def observe(self, desired: Question, context: Context) -> tuple[Check, ...]:
        host, selected = context.host, desired.selected
        found = timed(lambda: surroundings.checks(host, desired.folders, desired.free_percent))
        if selected.any_of(gpus.IDS):
            found += gpus.checks(host, context.commands, desired.expected, selected, desired.driver_timeout)
        if selected.any_of(environments.IDS):
            found += environments.checks(desired.environments, selected, context)
        found += frameworks.checks(desired.frameworks, selected, context)
        return tuple(selected.of(found))

    def describe(self, desired: Question, observed: tuple[Check, ...]) -> dict[str, t.Any]:
        wrong = against(observed, desired.fail_on, unknown_fails=desired.unknown_fails)
        shown = {"ok": not wrong, "checks": [check.result() for check in observed], "summary": counts(observed)}
        if wrong and desired.fail_on != NEVER:
            first = wrong[0]
            more = f", and {len(wrong) - 1} more: see checks" if len(wrong) > 1 else ""
            raise MlstackError(
                "not_verified",
                wanted="a host that works",
                found=f"{first.id} of {first.subject}: {first.reason}{more}",
                to_fix=first.to_fix or "see the checks of this result",
                **shown,
            )
        return shown


def against(checks: t.Iterable[Check], fail_on: str, *, unknown_fails: bool) -> list[Check]:
    """The checks that speak against a host, what weighs most first."""
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
