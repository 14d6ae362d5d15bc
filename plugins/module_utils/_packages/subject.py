# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The system packages of one host, in the loop that every module runs."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Subject
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.lifted_holds import LiftedHolds
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import PackageManager, manager_for
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import LATEST, Observation, Wish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.wishes import read_wish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan


class SystemPackages(Subject[Wish, Observation]):
    """All packages of a task are one wish: a package manager solves them together or not at all."""

    _manager: PackageManager
    _lifted: LiftedHolds

    def __init__(self) -> None:
        self._refreshed = False
        self._locked = False

    def wishes(self, params: t.Mapping[str, t.Any], context: Context) -> list[Wish]:
        if not params["packages"]:
            return []
        distribution = context.host.distribution()
        self._manager = manager_for(context.host, context.commands, distribution)
        self._lifted = LiftedHolds(context.host)
        return [read_wish(params, distribution)]

    def title(self, wish: Wish) -> str:
        return "system packages"

    def observe(self, wish: Wish, context: Context) -> Observation:
        # The simulation costs most. A converged host never pays for it, and a real run only under the lock.
        return self._look(wish, simulate=context.preview or self._locked)

    def plan(self, wish: Wish, observation: Observation) -> Plan:
        return planner.plan(wish, observation)

    @contextlib.contextmanager
    def lock(self, wish: Wish, context: Context) -> t.Iterator[None]:
        if not context.host.is_root:
            raise MlstackError(
                "not_root",
                wished=f"change packages with {self._manager.name}",
                found="this task does not run as root",
                todo="set become to true for it; check mode works without",
            )
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import locks

        wished = f"change packages with {self._manager.name}"
        with locks.only_one_of_us("/run/gpufleet-mlstack-packages.lock", wish.lock_timeout, wished):
            locks.wait_until_free(self._manager.lock_holder, wish.lock_timeout, wished)
            self._locked = True
            yield

    def apply(self, wish: Wish, observation: Observation, plan: Plan, context: Context) -> dict[str, t.Any]:
        first_steps = tuple(action for action in plan.actions if action.verb in ("repair", "refresh"))
        for action in first_steps:
            if action.verb == "repair":
                self._manager.repair()
            else:
                self._refresh()
        self._manager.may_fetch = True
        if first_steps or observation.forecast is None:
            observation = self._look(wish, simulate=True)
        # Raises what even fresh lists do not offer, and what must not be done.
        plan = planner.plan(wish, observation)
        self._carry_out(planner.resolve(wish, observation), context)
        changes = planner.forecast_changes(observation)
        return {
            "plan": replace(plan, actions=(*first_steps, *plan.actions)),
            "changes": [change.result() for change in changes],
            "cache_refreshed": self._refreshed,
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
            "manager": self._manager.name,
            "packages": packages,
            "changes": [change.result() for change in changes],
            "cache_refreshed": self._refreshed,
        }

    def result(self, outcomes: list[Outcome[Wish]]) -> dict[str, t.Any]:
        return {"packages": [], "changes": [], **super().result(outcomes)}

    def _look(self, wish: Wish, *, simulate: bool) -> Observation:
        manager = self._manager
        installed = manager.installed(wish.names)
        lookups = planner.names_to_look_up(wish, installed)
        observation = Observation(
            installed=installed,
            candidates=manager.candidates(lookups),
            refreshed=self._refreshed,
            interrupted=manager.interrupted(),
            hold_support=manager.needed_for_holds(),
            lost_holds=self._lifted.lost(manager),
        )
        resolution = planner.resolve(wish, observation)
        transaction = resolution.transaction
        # Old lists only matter to who is about to install from them.
        matters = transaction.install or resolution.unresolved or any(p.state == LATEST for p in wish.packages)
        stale = manager.stale(wish.cache_valid_time) if matters and wish.update_cache and not self._refreshed else ""
        forecast = manager.simulate(transaction) if simulate and transaction else None
        unknown = [name for name in forecast.unknown if " " not in name] if forecast is not None else []
        similar = {name: tuple(manager.similar(name)) for name in unknown}
        return replace(observation, stale=stale, forecast=forecast, similar=similar)

    def _refresh(self) -> None:
        self._manager.refresh()
        self._refreshed = True

    def _carry_out(self, resolution: planner.Resolution, context: Context) -> None:
        manager = self._manager
        if resolution.unhold:
            manager.unhold(resolution.unhold)
        if resolution.transaction:
            kept = [name for name in resolution.transaction.lifted if name not in resolution.unhold]
            with self._lifted.during(kept, manager):
                for warning in manager.apply(resolution.transaction):
                    context.warn(warning)
        if resolution.hold:
            manager.hold(resolution.hold)
        self._lifted.forget()
