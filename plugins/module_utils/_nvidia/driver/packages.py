# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The packages of a driver on one host: PackageWork with what a driver asks for beyond other packages."""

from __future__ import annotations

import contextlib
import functools
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import desired_packages, guards
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import DesiredDriver, Target
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observed as HostObservation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import foreseen_sources, plan_sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as packages_plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.lifted_holds import LiftedHolds
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import PackageManager
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    ABSENT,
    Desired,
    DesiredPackage,
    Installed,
    Observed,
    Transaction,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.work import PackageWork
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan


class DriverPackages(PackageWork):
    """All parts of a driver get one version, of one source, and a forecast with surprises is refused before anything
    changes."""

    def __init__(self, context: Context, distribution: Distribution) -> None:
        super().__init__(context, distribution)
        self._host = context.host
        self._commands = context.commands
        self._desired = DesiredDriver()
        self._target: Target | None = None
        self._found = HostObservation()
        self._erased: frozenset[str] = frozenset()
        self._without_headers: list[str] = []
        self._open = Desired()  # as it was before a branch became a version

    @functools.cached_property
    def manager(self) -> PackageManager:
        """The package manager, which offers of the driver's packages those of its source, and takes none for another
        whose name it provides: RPM Fusion's do that with NVIDIA's metapackages."""
        manager = super().manager
        self._plain_candidates, self._plain_installed = manager.candidates, manager.installed
        # An instance's own: PackageWork asks its manager, whichever that is.
        manager.candidates = self._candidates  # type: ignore[method-assign]
        manager.installed = self._installed  # type: ignore[method-assign]
        return manager

    def expect(self, desired: DesiredDriver, target: Target | None, found: HostObservation) -> None:
        """For which driver, and on what, packages are looked for from now on."""
        self._desired, self._target, self._found = desired, target, found
        self._erased = desired_packages.erased(target, found)
        self._without_headers = [k.release for k in desired_packages.kernels_to_serve(found) if not k.headers]

    def look_anew(self, desired: Desired, found: HostObservation) -> tuple[Desired, Observed]:
        """The desired state with exact versions where packages have to change, and the package manager's view of it."""
        self._open = desired
        with self._foreseen(desired, self._sources_change(desired)):
            desired = desired if desired_packages.settled(desired, found) else self.renewed(desired)
        return desired, self.look(desired)

    def look(
        self, desired: Desired, *, simulate: bool | None = None, known: t.Sequence[Installed] | None = None
    ) -> Observed:
        change = self._sources_change(desired)
        with self._foreseen(desired, change):
            observed = super().look(desired, simulate=simulate, known=known)
        lost = tuple(name for name in observed.lost_holds if name not in self._erased)
        observed = replace(observed, lost_holds=lost, streams_foreseen=bool(change.streams))
        if observed.forecast is not None:
            held = tuple(name for name in observed.forecast.held if name not in self._erased)
            observed = replace(observed, forecast=replace(observed.forecast, held=held))
        guards.require_expected(self._desired, packages_plan.forecast_changes(observed), desired.names, self._found)
        return observed

    def renewed(self, desired: Desired) -> Desired:
        """The desired state with the one version that a branch means now, where something has to change and it is
        known.
        """
        if self._target is None:
            return desired
        names = desired_packages.names_of_a_branch(self._open)
        offered = self.manager.candidates(names) if names else {}
        return desired_packages.exact(self._open, offered, self._target)

    def with_freed(self, desired: Desired) -> Desired:
        """The desired absence of a driver with what came along and nothing else needs any more: DKMS, alternatives and
        such. A kernel stays; dnf takes such packages by itself."""
        gone = [name for package in desired.packages for name in package.names]
        if not gone or self.manager.name != "apt":
            return desired
        freed = [name for name in self.manager.freed_by(gone) if not guards.is_kernel(name)]
        more = tuple(DesiredPackage(name, (name,), state=ABSENT) for name in freed)
        return replace(desired, packages=(*desired.packages, *more))

    def carried_out(self, desired: Desired, observed: Observed) -> Plan:
        """Do it, and say what was done. When it fails, repositories and streams are again as they were.

        Raises MlstackError, with the absence of kernel headers by its own name.
        """
        plan = packages_plan.plan(desired, observed)
        if not plan.changed:
            return plan
        if self._erased:
            self.manager.unhold(sorted(self._erased))  # see held_again()
        try:
            done, changes = self.carry_out(desired, observed, plan)
        except MlstackError as exc:
            unknown = exc.details.get("unknown", [])
            headers = [name for name in unknown if name.startswith(("linux-headers", "kernel-devel"))]
            if exc.code == "unknown_package" and headers:
                offered = {name: exc.details.get("offered", {}).get(name, ()) for name in headers}
                raise guards.headers_absent(self._desired, self._without_headers, offered) from exc
            raise
        came_along = desired_packages.came_along(desired, changes) if self._desired.hold else ()
        if came_along:
            self.manager.hold(came_along)
        return desired_packages.with_holds(done, came_along)

    def sources_kept(self, observed: Observed | None) -> t.ContextManager[None]:
        """When the body fails, repositories, pins and streams are again as they were before it."""
        if observed is None or observed.sources is None:
            return contextlib.nullcontext()
        found = observed.sources
        paths = [*(file.path for file in found.files), *(key.path for key in found.keys), *found.rivals]
        paths += [self.sources.stream_path(module) for module in found.streams]
        return managed.restored_on_failure(self._host, paths)

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

    def _sources_change(self, desired: Desired) -> plan_sources.SourcesChange:
        if desired.sources is None:
            return plan_sources.SourcesChange()
        return plan_sources.change(desired.sources, self.sources.observe(desired.sources))

    @contextlib.contextmanager
    def _foreseen(self, desired: Desired, change: plan_sources.SourcesChange) -> t.Iterator[None]:
        with foreseen_sources.options(self._host, desired.sources, change) as self.manager.foreseen:
            yield
        self.manager.foreseen = ()

    def _installed(self, names: t.Sequence[str]) -> dict[str, Installed]:
        return {name: found for name, found in self._plain_installed(names).items() if found.answers_to(name)}

    def _candidates(self, names: t.Sequence[str]) -> dict[str, tuple[str, ...]]:
        offered = self._plain_candidates(names)
        return desired_packages.filter_source(offered, self._target) if self._target is not None else offered
