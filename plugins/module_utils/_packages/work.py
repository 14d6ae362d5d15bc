# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The packages of one desired state on one host, looked at and changed: for every module that needs packages."""

from __future__ import annotations

import contextlib
import functools
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.lifted_holds import LiftedHolds
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import (
    TRANSACTIONS,
    PackageManager,
    manager_for,
    name_for,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    LATEST,
    Change,
    Desired,
    Installed,
    Observed,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


class PackageWork:
    """What a Subject does with packages: look() when it observes, lock() around a change, carry_out() when it applies.

    The plan in between is planner.plan(), which is pure.
    """

    def __init__(self, context: Context, distribution: Distribution) -> None:
        self.refreshed = False
        self._name = name_for(context.host, distribution)
        self._distribution = distribution
        self._context = context
        self._lifted = LiftedHolds(context.host)
        self._locked = False
        self._told: set[str] = set()  # folders of transactions

    @functools.cached_property
    def manager(self) -> PackageManager:
        """The package manager. It is loaded when it is first asked: where files have told everything, it never is."""
        return manager_for(self._context.host, self._context.commands, self._distribution)

    def look(
        self, desired: Desired, *, simulate: bool | None = None, known: t.Sequence[Installed] | None = None
    ) -> Observed:
        """Observe, with the package manager's own forecast where that is worth its price: it costs most, so that a
        converged host never pays for it, and a real run only under the lock. ``known`` are all installed packages,
        where somebody has just asked for them."""
        simulate = self._context.preview or self._locked if simulate is None else simulate
        manager = self.manager
        installed = manager.installed(desired.names) if known is None else _by_name(known, desired.names)
        lookups = planner.names_to_look_up(desired, installed)
        observed = Observed(
            installed=installed,
            candidates=manager.candidates(lookups),
            refreshed=self.refreshed,
            interrupted="; ".join(filter(None, (self._left_runs(), manager.interrupted()))),
            hold_support=manager.needed_for_holds(),
            lost_holds=self._lifted.lost(manager),
        )
        if desired.sources is not None:
            observed = replace(observed, sources=self._sources().observe(desired.sources))
        resolution = planner.resolve(desired, observed)
        transaction = resolution.transaction
        # Old lists only matter to who is about to install from them.
        matters = transaction.install or resolution.unresolved or any(p.state == LATEST for p in desired.packages)
        stale = (
            manager.stale(desired.cache_valid_time) if matters and desired.update_cache and not self.refreshed else ""
        )
        forecast = manager.simulate(transaction) if simulate and transaction else None
        unknown = [name for name in forecast.unknown if " " not in name] if forecast is not None else []
        similar = {name: tuple(manager.similar(name)) for name in unknown}
        return replace(observed, stale=stale, forecast=forecast, similar=similar)

    def _left_runs(self) -> str:
        """What still goes on of earlier runs of ours, which were cut off. How others of them ended is told."""
        host = self._context.host
        if not host.names(TRANSACTIONS):
            return ""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import transaction

        found = transaction.left(host)
        self._tell_left_runs(found)
        return ", ".join(f"{one} still goes on" for one in found if one.running)

    def _await_left_runs(self, seconds: float, wanted: str) -> None:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import transaction

        self._tell_left_runs(transaction.wait(self._context.host, seconds, wanted))

    def _tell_left_runs(self, found: t.Sequence[t.Any]) -> None:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import transaction

        new = [one for one in found if one.folder not in self._told]
        self._told.update(one.folder for one in new if not one.running)
        transaction.tell(new, self._context.warn, forget=not self._context.preview)

    @contextlib.contextmanager
    def lock(self, seconds: float) -> t.Iterator[None]:
        """Wait until the package manager is free, and keep other runs of ours out. Raises LockTimeout."""
        wanted = f"change packages with {self.manager.name}"
        if not self._context.host.is_root:
            raise MlstackError(
                "not_root",
                wanted=wanted,
                found="this task does not run as root",
                to_fix="set become to true for it; check mode works without",
            )
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import locks

        with locks.only_one_of_us("/run/gpufleet-mlstack-packages.lock", seconds, wanted):
            self._await_left_runs(seconds, wanted)
            locks.wait_until_free(self.manager.lock_holder, seconds, wanted)
            self._locked = True
            yield

    def carry_out(self, desired: Desired, observed: Observed, plan: Plan) -> tuple[Plan, tuple[Change, ...]]:
        """Do what the plan says, and return what was really done: fresh package lists may know more than the plan did.

        When it fails, repositories and streams are again as they were. Raises MlstackError.
        """
        repairs = self.repaired(plan)
        if repairs:
            observed = replace(observed, forecast=None)  # of the host as it was before
        if desired.sources is None or observed.sources is None:
            return self._carry_out(desired, observed, plan, repairs)
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan_sources

        steps = tuple(action for action in plan.actions if action.verb in plan_sources.VERBS)
        with self._sources().changed(plan_sources.change(desired.sources, observed.sources)):
            done, changes = self._carry_out(desired, observed, plan, (*repairs, *steps))
        shown = plan_sources.plan(desired.sources, observed.sources)
        return replace(done, before=shown.before + done.before, after=shown.after + done.after), changes

    def repaired(self, plan: Plan) -> tuple[Action, ...]:
        """Finish what a plan says is unfinished, before anything else: it goes on from the sources that it had. Returns
        what was done."""
        repairs = tuple(action for action in plan.actions if action.verb == "repair")
        if repairs:
            self.manager.repair()
        return repairs

    def _carry_out(
        self, desired: Desired, observed: Observed, plan: Plan, before: tuple[Action, ...]
    ) -> tuple[Plan, tuple[Change, ...]]:
        """``before`` are the steps that were done already."""
        refreshes = tuple(action for action in plan.actions if action.verb == "refresh")
        if refreshes:
            self.manager.refresh()
            self.refreshed = True
        self.manager.may_fetch = True
        if refreshes or before or observed.forecast is None:
            desired = self.renewed(desired)
            observed = self.look(desired, simulate=True)
        # Raises what even fresh lists do not offer, and what must not be done.
        plan = planner.plan(desired, observed)
        self._change(planner.resolve(desired, observed))
        return (
            replace(plan, actions=(*before, *refreshes, *plan.actions)),
            planner.forecast_changes(observed),
        )

    def renewed(self, desired: Desired) -> Desired:
        """The desired state as it is by the package lists of this moment, where it depends on them."""
        return desired

    def _change(self, resolution: planner.Resolution) -> None:
        manager = self.manager
        if resolution.unhold:
            manager.unhold(resolution.unhold)
        if resolution.transaction:
            kept = [name for name in resolution.transaction.lifted if name not in resolution.unhold]
            with self._lifted.during(kept, manager):
                for warning in manager.apply(resolution.transaction):
                    self._context.warn(warning)
        if resolution.hold:
            manager.hold(resolution.hold)
        self._lifted.forget()

    def _sources(self) -> t.Any:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import sources

        return sources.sources_for(self._context.host, self._context.commands, self._name)


def _by_name(known: t.Sequence[Installed], names: t.Sequence[str]) -> dict[str, Installed]:
    found: dict[str, Installed] = {}
    for package in known:
        found.setdefault(package.name, package)
    return {name: found[name] for name in names if name in found}
