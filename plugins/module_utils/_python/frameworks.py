# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling whether frameworks work in environments, by running them; nothing is changed.

There is no other way to know. What belongs to a user runs as that user, with a bound of time and output.
"""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import (
    CommandError,
    CommandResult,
    last_words,
    run_as,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry, Outcome
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import STRAY_VARIABLES
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.framework_probe import PROBE
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.owner import NotRun, owner_of

NAMES = ("torch", "tensorflow", "jax")
# TensorFlow tells of each library that it does not find; the reason of a failure is in its exception.
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
_KEYS = ("version", "cuda", "devices", "works", "error")


@dataclass(frozen=True)
class Question:
    """One framework in one environment."""

    path: str
    framework: str


class FrameworkInfo(Inquiry[Question, dict[str, t.Any]]):
    """The loop's resource of framework_info; its plans are empty."""

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        self._timeout = float(params["timeout"])
        return [Question(path, framework) for path in params["paths"] for framework in params["frameworks"]]

    def title(self, desired: Question) -> str:
        return f"{desired.framework} in {desired.path}"

    def observe(self, desired: Question, context: Context) -> dict[str, t.Any]:
        python = os.path.join(desired.path, "bin", "python")
        if not os.path.exists(python):
            return _broken(f"there is no {python}")
        try:
            # The path that is given back was judged; the one that was named may lead elsewhere by now.
            owner, python = owner_of(desired.path)
            ran = self._own if owner in (0, os.geteuid()) else self._of_another
            result = ran(desired, python, owner, context)
        except (CommandError, NotRun) as exc:
            return _broken(exc.found if isinstance(exc, CommandError) else str(exc))
        facts = _read(result.out)
        if facts is None:
            return _broken(f"its process ended with status {result.rc}: {last_words(result)}")
        return facts

    def _own(self, desired: Question, python: str, owner: int, context: Context) -> CommandResult:
        return context.commands.run(
            _argv(python, desired),
            purpose=f"{self.title(desired)} tried",
            env={**dict.fromkeys(STRAY_VARIABLES), **_QUIET},
            timeout=self._timeout,
            check=False,
        )

    def _of_another(self, desired: Question, python: str, owner: int, context: Context) -> CommandResult:
        argv = _argv(python, desired)
        context.commands.count += 1
        result = run_as(argv, owner, self._timeout, _QUIET)
        return replace(result, out=context.redactor.text(result.out), err=context.redactor.text(result.err))

    def describe(self, desired: Question, observed: dict[str, t.Any]) -> dict[str, t.Any]:
        return observed

    def result(self, outcomes: list[Outcome[Question]]) -> dict[str, t.Any]:
        found = [{"path": item.desired.path, "framework": item.desired.framework, **item.details} for item in outcomes]
        return {"frameworks": found}


def _argv(python: str, desired: Question) -> list[str]:
    return [python, "-I", "-c", PROBE, desired.framework]


def _read(text: str) -> dict[str, t.Any] | None:
    """The probe's answer; None where the framework took the process down before it could answer."""
    try:
        facts = json.loads(text)
    except ValueError:
        return None
    if not isinstance(facts, dict) or not set(_KEYS) <= set(facts):
        return None
    accelerated = [item for item in facts["devices"] if item["device"].partition(":")[0] != "cpu"]
    return {**{key: facts[key] for key in _KEYS}, "accelerated": bool(accelerated) and bool(facts["works"])}


def _broken(reason: str) -> dict[str, t.Any]:
    return {"version": "", "cuda": "", "devices": [], "works": False, "error": reason, "accelerated": False}
