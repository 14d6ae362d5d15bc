# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of a driver on one host: PackageWork with what a driver asks for beyond other packages."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, replace

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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import Lists
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    ABSENT,
    Desired,
    DesiredPackage,
    Installed,
    Observed,
    Transaction,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.work import PackageWork, View
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan


@dataclass(frozen=True)
class Aim:
    """For which driver, and on what host, packages are looked for. ``open`` is what is desired of them, as it is before
    a branch becomes a version."""

    desired: DesiredDriver
    target: Target | None
    found: HostObservation
    open: Desired

    @property
    def erased(self) -> frozenset[str]:
        """What goes without being named."""
        return desired_packages.erased(self.target, self.found)

    @property
    def without_headers(self) -> list[str]:
        return [kernel.release for kernel in desired_packages.kernels_to_serve(self.found) if not kernel.headers]


@dataclass(frozen=True)
class OneSource(View):
    """Of the driver's packages those of its source, and none for another whose name it provides: RPM Fusion's do that
    with NVIDIA's metapackages."""

    target: Target | None

    def installed(self, found: dict[str, Installed]) -> dict[str, Installed]:
        return {name: package for name, package in found.items() if package.answers_to(name)}

    def candidates(self, offered: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return desired_packages.filter_source(offered, self.target) if self.target is not None else offered


class DriverPackages(PackageWork):
    """All parts of a driver get one version, of one source, and a forecast with surprises is refused before anything
    changes."""

    def __init__(self, context: Context, distribution: Distribution) -> None:
        super().__init__(context, distribution)
        self._host = context.host
        self._commands = context.commands

    def look_for(self, aim: Aim, *, locked: bool, renew: bool = False) -> tuple[Desired, Observed]:
        """The desired state with exact versions where packages have to change, or in any case with ``renew``, and the
        package manager's view of it."""
        view = OneSource(aim.target)
        desired = aim.open
        if renew or not desired_packages.settled(desired, aim.found):
            with self._foreseen(desired) as (_change, options):
                desired = self._exact(aim, view, self.lists(desired, locked=locked, foreseen=options))
        with self._foreseen(desired) as (change, options):
            observed = self.look(desired, locked=locked, view=view, foreseen=options)
        lost = tuple(name for name in observed.lost_holds if name not in aim.erased)
        observed = replace(observed, lost_holds=lost, streams_foreseen=bool(change.streams))
        if observed.forecast is not None:
            held = tuple(name for name in observed.forecast.held if name not in aim.erased)
            observed = replace(observed, forecast=replace(observed.forecast, held=held))
        guards.require_expected(aim.desired, packages_plan.forecast_changes(observed), desired.names, aim.found)
        return desired, observed

    def _exact(self, aim: Aim, view: View, lists: Lists) -> Desired:
        """The desired state with the one version that a branch means now, where that is known."""
        if aim.target is None:
            return aim.open
        names = desired_packages.names_of_a_branch(aim.open)
        offered = view.candidates(self.manager.candidates(names, lists)) if names else {}
        return desired_packages.exact(aim.open, offered, aim.target)

    def with_freed(self, desired: Desired) -> Desired:
        """The desired absence of a driver with what came along and nothing else needs any more: DKMS, alternatives and
        such. A kernel stays; dnf takes such packages by itself."""
        gone = [name for package in desired.packages for name in package.names]
        if not gone or self.manager.name != "apt":
            return desired
        freed = [name for name in self.manager.freed_by(gone) if not guards.is_kernel(name)]
        more = tuple(DesiredPackage(name, (name,), state=ABSENT) for name in freed)
        return replace(desired, packages=(*desired.packages, *more))

    def carried_out(self, aim: Aim, desired: Desired, observed: Observed) -> Plan:
        """Do it, and say what was done. When it fails, repositories and streams are again as they were.

        Raises MlstackError, with the absence of kernel headers by its own name.
        """
        plan = packages_plan.plan(desired, observed)
        if not plan.changed:
            return plan
        if aim.erased:
            self.manager.unhold(sorted(aim.erased))  # see held_again()
        try:
            done, changes = self.carry_out(plan, observed, lambda: self.look_for(aim, locked=True, renew=True))
        except MlstackError as exc:
            unknown = exc.details.get("unknown", [])
            headers = [name for name in unknown if name.startswith(("linux-headers", "kernel-devel"))]
            if exc.code == "unknown_package" and headers:
                offered = {name: exc.details.get("offered", {}).get(name, ()) for name in headers}
                raise guards.headers_absent(aim.desired, aim.without_headers, offered) from exc
            raise
        came_along = desired_packages.came_along(desired, changes) if aim.desired.hold else ()
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
            if self.manager.interrupted(self.manager.installed([*old, *new]).values()):
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
    def _foreseen(self, desired: Desired) -> t.Iterator[tuple[plan_sources.SourcesChange, tuple[str, ...]]]:
        """What changes about the sources, and options for answers as they will be after it."""
        change = self._sources_change(desired)
        with foreseen_sources.options(self._host, desired.sources, change) as options:
            yield change, options
