# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling what environments hold, whatever their kind; nothing is changed."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry, Outcome

Result = dict[str, t.Any]


@dataclass(frozen=True)
class Question:
    """One environment to tell of: C(name) below the root, or a path elsewhere where ``root`` is empty. ``lock`` is the
    file to compare it with."""

    root: str
    name: str
    path: str
    lock: str = ""


class Info(Inquiry[Question, Result]):
    """Environments below a root, those that C(names) lists or all, and others by their C(paths)."""

    def is_kind(self, path: str) -> bool:
        """Whether what stands below the root is one to tell of where nobody names it."""
        return True

    def drift_of(self, generation: Generation) -> tuple[str, ...]:
        raise NotImplementedError

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        self._params = params
        root, names = params["root"], params["names"]
        if names is None:
            names = [name for name in context.host.names(root) if not name.startswith(".")]
            names = [name for name in names if self.is_kind(os.path.join(root, name))]
        managed = [Question(root, name, os.path.join(root, name)) for name in names]
        return managed + [Question("", os.path.basename(path.rstrip("/")), path) for path in params["paths"]]

    def title(self, desired: Question) -> str:
        return desired.path

    def describe(self, desired: Question, observed: Result) -> Result:
        return observed

    def managed(self, state: StoreState) -> Result:
        """What the store knows of an environment below the root."""
        result: Result = {"standing": state.standing, "generations": list(state.ids)}
        if state.damage:
            result["broken"] = [state.damage]
        if state.current is not None:
            result.update(self.generation(state.current))
        return result

    def generation(self, generation: Generation) -> Result:
        return {
            "generation": generation.id,
            "record": dict(generation.record),
            "drift": [*generation.moved(), *self.drift_of(generation)],
        }

    def result(self, outcomes: list[Outcome[Question]]) -> Result:
        environments = []
        for outcome in outcomes:
            found = {"name": outcome.desired.name, "path": outcome.desired.path, **outcome.details}
            if outcome.error is not None:
                found.update(failed=True, msg=str(outcome.error), code=outcome.error.code)
            environments.append(found)
        return {"environments": environments}
