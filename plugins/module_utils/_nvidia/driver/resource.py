# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver of one host, in the loop that every module runs.

What a host that is as desired does without is loaded when it is needed: compiling it costs more than looking.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import day
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings, observe
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import (
    arguments,
    choose,
    desired_packages,
    kept_installer,
    record,
    surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    ABSENT,
    DesiredDriver,
    DriverState,
    Target,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan_sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.which import (
    left_unfinished,
    name_for,
    sources_for,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.packages import Aim, DriverPackages
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observed
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Desired


class Driver(Resource[DesiredDriver, DriverState]):
    """The one driver that a host can have."""

    left_out = ("repository_key",)
    _context: Context
    _distribution: Distribution
    _catalogue: dict[str, t.Any]

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[DesiredDriver]:
        self._context, self._distribution = context, context.host.distribution()
        if params["state"] == "previous":
            params = record.previous_arguments(context.host, params)
        desired = arguments.read_desired(params, self._distribution, context.host.machine)
        self._catalogue = day.looked_at(params, context.warn)
        return [desired]

    def title(self, desired: DesiredDriver) -> str:
        return "NVIDIA driver"

    def observe(self, desired: DesiredDriver, context: Context) -> DriverState:
        host, noted = context.host, record.read(context.host)
        current = noted.get("current") or {}
        found = observe.of_driver(host, context.commands, current)
        target = choose.target(desired, self._distribution, found, host, current)
        state = DriverState(
            host=found,
            target=target,
            record=noted,
            spaces=surroundings.spaces(host, found),
            block_file=host.read_text(planner.BLOCK_FILE),
            enabled=surroundings.enabled_services(host),
            offered_services=surroundings.offered_services(host),
            kept=kept_installer.find(host),
        )
        way = kept_installer.way_back(
            target, found, current, state.kept, lambda version: choose.runfile_of(desired, version, host)
        )
        state = replace(state, way_back=way)
        if target is not None or desired.state != "present":
            wanted = desired_packages.desired_packages(desired, target, found, self._distribution)
            state = replace(state, desired_packages=wanted)
            if not self._settled(wanted, found) or left_unfinished(host, self._distribution):
                if desired.state == ABSENT:
                    wanted = self._packages.with_freed(wanted)
                aim = self._aim(desired, target, found, wanted)
                exact, packages = self._packages.look_for(aim, locked=context.locked)
                state = replace(state, desired_packages=exact, packages=packages, aim=aim)
        if state.packages is not None or found.leftovers:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import processes

            state = replace(state, host=replace(found, holders=processes.holders(host)))
        return state

    def plan(self, desired: DesiredDriver, observed: DriverState) -> Plan:
        return planner.plan(desired, observed)

    def lock(self, desired: DesiredDriver, context: Context) -> t.ContextManager[t.Any]:
        return self._packages.lock(desired.lock_timeout)

    def apply(self, desired: DesiredDriver, observed: DriverState, plan: Plan, context: Context) -> dict[str, t.Any]:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.change import DriverChange

        return DriverChange(self.observe, desired, context, self._packages, self._distribution).made(observed, plan)

    def describe(self, desired: DesiredDriver, observed: DriverState) -> dict[str, t.Any]:
        found, target = observed.host, observed.target
        return {
            "driver": {
                "loaded": found.loaded.version if found.loaded else None,
                "loaded_flavour": found.loaded.flavour if found.loaded else None,
                "on_disk": found.on_disk or None,
                "libraries": found.libraries or None,
                "sources": list(found.sources),
            },
            "target": choose.shown(target),
            "catalogue": self._catalogue,
            "problems": [problem.text for problem in findings.problems(found)],
        }

    @functools.cached_property
    def _packages(self) -> DriverPackages:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.packages import DriverPackages

        return DriverPackages(self._context, self._distribution)

    @staticmethod
    def _aim(desired: DesiredDriver, target: Target | None, found: Observed, wanted: Desired) -> Aim:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.packages import Aim

        return Aim(desired, target, found, wanted)

    def _settled(self, wanted: Desired, found: Observed) -> bool:
        """Whether files show already that packages and their sources are as desired."""
        if not desired_packages.settled(wanted, found):
            return False
        if wanted.sources is None:
            return True
        host = self._context.host
        there = sources_for(host, self._context.commands, name_for(host, self._distribution))
        return not plan_sources.change(wanted.sources, there.observe(wanted.sources))
