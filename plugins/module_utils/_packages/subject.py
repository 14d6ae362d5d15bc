# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The system packages of one host, in the loop that every module runs."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Subject
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Observation, Wish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.wishes import read_wish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.work import PackageWork
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan


class SystemPackages(Subject[Wish, Observation]):
    """All packages of a task are one wish: a package manager solves them together or not at all."""

    _work: PackageWork

    def wishes(self, params: t.Mapping[str, t.Any], context: Context) -> list[Wish]:
        if not params["packages"] and not params["repositories"]:
            return []
        distribution = context.host.distribution()
        self._work = PackageWork(context, distribution)
        return [read_wish(params, distribution)]

    def title(self, wish: Wish) -> str:
        return "system packages"

    def observe(self, wish: Wish, context: Context) -> Observation:
        return self._work.look(wish)

    def plan(self, wish: Wish, observation: Observation) -> Plan:
        return planner.plan(wish, observation)

    def lock(self, wish: Wish, context: Context) -> t.ContextManager[t.Any]:
        return self._work.lock(wish.lock_timeout)

    def apply(self, wish: Wish, observation: Observation, plan: Plan, context: Context) -> dict[str, t.Any]:
        done, changes = self._work.carry_out(wish, observation, plan)
        return {
            "plan": done,
            "changes": [change.result() for change in changes],
            "cache_refreshed": self._work.refreshed,
        }

    def describe(self, wish: Wish, observation: Observation) -> dict[str, t.Any]:
        packages = []
        for package in wish.packages:
            for name in package.names:
                found = observation.installed.get(name)
                packages.append(
                    {
                        "name": name,
                        "requested": package.requested,
                        "version": found.version if found else None,
                        "provided_by": found.name if found and not found.answers_to(name) else None,
                        "status": found.status if found else "absent",
                        "held": bool(found and found.held),
                    }
                )
        changes = planner.forecast_changes(observation)
        return {
            "manager": self._work.manager.name,
            "packages": packages,
            "changes": [change.result() for change in changes],
            "cache_refreshed": self._work.refreshed,
        }

    def result(self, outcomes: list[Outcome[Wish]]) -> dict[str, t.Any]:
        return {"packages": [], "changes": [], **super().result(outcomes)}
