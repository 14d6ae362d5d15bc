# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The packages of a driver on one host: PackageWork with what a driver asks for beyond other packages."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import guards, package_wish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import DriverWish, Target
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observation as HostObservation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as packages_plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan_sources, sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.lifted_holds import LiftedHolds
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import PackageManager
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    ABSENT,
    Installed,
    Observation,
    Transaction,
    Wish,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.work import PackageWork
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


class DriverPackages(PackageWork):
    """All parts of a driver get one version, of one source, and a forecast with surprises is refused before anything
    changes."""

    def __init__(self, context: Context, distribution: Distribution) -> None:
        super().__init__(context, distribution)
        self._host = context.host
        self._commands = context.commands
        self._wish = DriverWish()
        self._target: Target | None = None
        self._erased: frozenset[str] = frozenset()
        self._plain_candidates = self.manager.candidates
        # An instance's own: PackageWork asks its manager, whichever that is.
        self.manager.candidates = self._candidates  # type: ignore[method-assign]

    def expect(self, wish: DriverWish, target: Target | None, found: HostObservation) -> None:
        """For which driver, and on what, packages are looked for from now on."""
        self._wish, self._target = wish, target
        self._erased = package_wish.erased(target, found)

    def look_if_needed(self, wish: Wish, found: HostObservation) -> tuple[Wish, Observation | None]:
        """The wish with exact versions, and the package manager's view of it; that is None where files have shown
        already that nothing is to be done."""
        settled = package_wish.settled(wish, found)
        if settled and not self._sources_differ(wish):
            return wish, None
        wish = wish if settled else self.exact(wish)
        return wish, self.look(wish)

    def look(
        self, wish: Wish, *, simulate: bool | None = None, known: t.Sequence[Installed] | None = None
    ) -> Observation:
        observation = super().look(wish, simulate=simulate, known=known)
        if observation.forecast is not None:
            held = tuple(name for name in observation.forecast.held if name not in self._erased)
            observation = replace(observation, forecast=replace(observation.forecast, held=held))
        guards.require_expected(self._wish, packages_plan.forecast_changes(observation), wish.names)
        return observation

    def exact(self, wish: Wish) -> Wish:
        """The wish with the one version that a branch means now, where something has to change and it is known."""
        if self._target is None:
            return wish
        names = package_wish.names_of_a_branch(wish)
        offered = self.manager.candidates(names) if names else {}
        return package_wish.exact(wish, offered, self._target)

    def carried_out(self, wish: Wish, observation: Observation) -> Plan:
        """Do it, and say what was done. When it fails, repositories and streams are again as they were.

        Raises MlstackError, with the absence of kernel headers by its own name.
        """
        sources_plan = packages_plan.sources_plan(wish, observation)
        if self._erased:
            self.manager.unhold(sorted(self._erased))  # see held_again()
        try:
            if wish.sources is None or observation.sources is None or not sources_plan.changed:
                return self._packages_changed(wish, observation)
            with self._sources().changed(plan_sources.change(wish.sources, observation.sources)):
                steps = sources_plan.actions
                if any(package.state != ABSENT for package in wish.packages):
                    self.manager.refresh()
                    self.refreshed = True
                    steps += (Action("refresh", "package lists", "refresh the package lists"),)
                self.manager.may_fetch = True
                inner = replace(self.exact(wish), sources=None)
                done = self._packages_changed(inner, self.look(inner, simulate=True))
                return replace(
                    done,
                    actions=(*steps, *done.actions),
                    before=sources_plan.before + done.before,
                    after=sources_plan.after + done.after,
                )
        except MlstackError as exc:
            unknown = exc.details.get("unknown", [])
            headers = [name for name in unknown if name.startswith(("linux-headers", "kernel-devel"))]
            if exc.code == "unknown_package" and headers:
                raise guards.headers_absent(self._wish, headers) from exc
            raise

    def _packages_changed(self, wish: Wish, observation: Observation) -> Plan:
        plan = packages_plan.plan(wish, observation)
        return self.carry_out(wish, observation, plan)[0] if plan.changed else plan

    def held_again(self, names: t.Sequence[str]) -> t.ContextManager[None]:
        """What was held before is held again afterwards where it is still installed, whatever happens."""
        return LiftedHolds(self._host).during(names, self.manager)

    def restore(self, before: HostObservation, now: HostObservation) -> bool:
        """Bring back the packages from before. False where the repositories do not offer them any more."""
        old = {piece.package: piece.version for piece in before.pieces}
        new = {piece.package: piece.version for piece in now.pieces if piece.complete}
        back = tuple((name, version) for name, version in old.items() if new.get(name) != version)
        gone = tuple(piece.package for piece in now.pieces if piece.package not in old)
        if not back and not gone:
            return True
        transaction = Transaction(
            install=back,
            remove=gone,
            lifted=tuple(old),
            allow_removal=True,
            allow_downgrade=True,
        )
        try:
            if self.manager.interrupted():
                self.manager.repair()
            self.manager.apply(transaction)
        except MlstackError:
            return False
        return True

    def _sources_differ(self, wish: Wish) -> bool:
        if wish.sources is None:
            return False
        manager: PackageManager = self.manager
        observed = sources.sources_for(self._host, self._commands, manager.name).observe(wish.sources)
        return bool(plan_sources.change(wish.sources, observed))

    def _candidates(self, names: t.Sequence[str]) -> dict[str, tuple[str, ...]]:
        offered = self._plain_candidates(names)
        return package_wish.filter_source(offered, self._target) if self._target is not None else offered
