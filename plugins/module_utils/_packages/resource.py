# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system packages of one host, in the loop that every module runs."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.desired import read_desired
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Desired, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.work import PackageWork
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Handlers


class SystemPackages(Resource[Desired, Observed]):
    """All packages of a task are one desired state: a package manager solves them together or not at all."""

    _work: PackageWork

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Desired]:
        if not params["packages"] and not params["repositories"] and params["upgrade"] == "none":
            return []
        distribution = context.host.distribution()
        self._work = PackageWork(context, distribution)
        return [read_desired(params, distribution)]

    def title(self, desired: Desired) -> str:
        return "system packages"

    def observe(self, desired: Desired, context: Context) -> Observed:
        return self._work.look(desired, locked=context.locked, believed=True)

    def plan(self, desired: Desired, observed: Observed) -> Plan:
        return planner.plan(desired, observed)

    def lock(self, desired: Desired, context: Context) -> t.ContextManager[t.Any]:
        return self._work.lock(desired.lock_timeout)

    def handlers(self, desired: Desired, context: Context) -> Handlers:
        return self._work.handlers()

    def describe(self, desired: Desired, observed: Observed) -> dict[str, t.Any]:
        packages = []
        for package in planner.expanded(desired, observed.groups).packages:
            for name in package.names:
                found = observed.installed.get(name)
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
        changes = planner.announced(desired, observed)
        return {
            "manager": self._work.manager.name,
            "packages": packages,
            "changes": [change.result() for change in changes],
            "kept_back": list(planner.resolve(desired, observed).kept_back),
            "cache_refreshed": self._work.refreshed,
        }

    def result(self, outcomes: list[Outcome[Desired]]) -> dict[str, t.Any]:
        return {"packages": [], "changes": [], **super().result(outcomes)}
