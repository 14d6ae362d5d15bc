# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers' access to the GPUs of one host, in the loop that every module runs."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import arguments, checks, observe
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import Desired, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import lock
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan

_LOCK = "/run/gpufleet-mlstack-containers.lock"
_LOCK_SECONDS = 300.0


class ContainerToolkit(Resource[Desired, Observed]):
    """All engines of a task are one desired state: they share the specification."""

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Desired]:
        desired = arguments.read(params)
        return [desired] if desired.engines or not desired.present else []

    def title(self, desired: Desired) -> str:
        return "container toolkit"

    def observe(self, desired: Desired, context: Context) -> Observed:
        return observe.look(desired, context)

    def plan(self, desired: Desired, observed: Observed) -> Plan:
        return planner.plan(desired, observed)

    def lock(self, desired: Desired, context: Context) -> t.ContextManager[t.Any]:
        if not context.host.is_root:
            raise MlstackError(
                "not_root",
                wanted="containers' access to GPUs changed",
                found="this task does not run as root",
                to_fix="set become to true for it; check mode works without",
            )
        path = context.host.path(_LOCK)
        return lock.hold(path, _LOCK_SECONDS, lambda: None, "change containers' access to GPUs")

    def handlers(self, desired: Desired, context: Context) -> t.Any:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.apply import Steps

        return Steps(desired, context).handlers()

    def describe(self, desired: Desired, observed: Observed) -> dict[str, t.Any]:
        found = planner.at_target(desired, observed)
        return {
            "engines": list(observed.engines),
            "toolkit": observed.toolkit or None,
            "driver": observed.loaded or None,
            "specification": None
            if found is None
            else {"path": found.path, "driver": found.driver or None, "devices": list(found.devices)},
            "restart_required": _restart_reasons(desired, observed),
            "checks": checks.checks(desired, observed),
        }

    def result(self, outcomes: list[Outcome[Desired]]) -> dict[str, t.Any]:
        return {"engines": [], "checks": [], **super().result(outcomes)}


def _restart_reasons(desired: Desired, observed: Observed) -> list[str]:
    """What waits for a restart that this task may not make."""
    if not desired.present or not planner.needs_restart(desired, observed):
        return []
    return ["docker: it takes devices by CDI names only after a restart, which this task may not make"]
