# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
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
    Lists,
    PackageManager,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    LATEST,
    Change,
    Desired,
    Installed,
    Observed,
    Transaction,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.which import (
    manager_for,
    name_for,
    sources_for,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Handlers


class View:
    """What of a package manager's answers counts: all of them, as they are. A module that wants less has a view of its
    own."""

    def installed(self, found: dict[str, Installed]) -> dict[str, Installed]:
        return found

    def candidates(self, offered: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return offered


EVERYTHING = View()


class PackageWork:
    """What a resource does with packages: look() when it observes, lock() around a change, and handlers() that execute
    what planner.plan() has said, which is pure.
    """

    def __init__(self, context: Context, distribution: Distribution) -> None:
        self.refreshed = False
        self._name = name_for(context.host, distribution)
        self._distribution = distribution
        self._context = context
        self._lifted = LiftedHolds(context.host)
        # What is to be taken back should the change fail, and whether anything of it lasts then.
        self.undo = contextlib.ExitStack()
        self.lasting = False
        self._told: set[str] = set()  # folders of transactions

    @functools.cached_property
    def manager(self) -> PackageManager:
        """The package manager. It is loaded when it is first asked: where files have told everything, it never is."""
        return manager_for(self._context.host, self._context.commands, self._distribution)

    def look(
        self,
        desired: Desired,
        *,
        locked: bool,
        known: t.Sequence[Installed] | None = None,
        view: View = EVERYTHING,
        foreseen: tuple[str, ...] = (),
        believed: bool = False,
    ) -> Observed:
        """Observe, with the package manager's own forecast where that is worth its price: it costs most, so that a
        converged host never pays for it, and a real run only under the lock. ``known`` are all installed packages,
        where somebody has just asked for them. ``foreseen`` is as in Lists. Check mode fetches none: with ``believed``
        those that a run would not call old have the last word there."""
        manager = self.manager
        stale = self._stale(desired)
        lists = self.lists(desired, locked=locked, foreseen=foreseen)
        groups = self._members(desired, lists)
        desired = planner.expanded(desired, groups)
        found = manager.installed(desired.names) if known is None else _by_name(known, desired.names)
        installed = view.installed(found)
        lookups = planner.names_to_look_up(desired, installed)
        observed = Observed(
            installed=installed,
            candidates=view.candidates(manager.candidates(lookups, lists)),
            groups=groups,
            refreshed=self.refreshed or (believed and self._context.preview and not stale),
            interrupted="; ".join(filter(None, (self._left_runs(), manager.interrupted(found.values())))),
            hold_support=manager.needed_for_holds(),
            lost_holds=self._lifted.lost(manager),
        )
        if desired.sources is not None:
            observed = replace(observed, sources=self.sources.observe(desired.sources))
        resolution = planner.resolve(desired, observed)
        transaction = resolution.transaction
        # Old lists only matter to who is about to install from them.
        matters = (
            transaction.install
            or resolution.unresolved
            or desired.upgrade
            or any(p.state == LATEST for p in desired.packages)
        )
        stale = stale if matters else ""
        worth = transaction and (locked or self._context.preview)
        forecast = manager.simulate(transaction, lists) if worth else None
        unknown = [name for name in forecast.unknown if " " not in name] if forecast is not None else []
        similar = {name: _like(name, manager.similar(name, lists)) for name in unknown}
        if believed and unknown and stale and self._context.preview:
            self._context.warn(_unknown_by_old_lists(similar, stale))
        observed = replace(observed, stale=stale, forecast=forecast, similar=similar)
        return self._with_upgrade(desired, observed, lists) if desired.upgrade else observed

    def _members(self, desired: Desired, lists: Lists) -> dict[str, tuple[str, ...]]:
        """The packages of groups. Lists name some that no repository of this release has: these are left out, as the
        package manager does it."""
        groups = {p.group: self.manager.members(p.group, lists) for p in desired.packages if p.group}
        names = list(dict.fromkeys(name for members in groups.values() for name in members))
        here = self.manager.installed(names) if names else {}
        there = self.manager.candidates([name for name in names if name not in here], lists)
        return {group: tuple(n for n in members if n in here or n in there) for group, members in groups.items()}

    def _with_upgrade(self, desired: Desired, observed: Observed, lists: Lists) -> Observed:
        """Whether there is something to upgrade only the package manager can tell: that is asked in any case."""
        if observed.stale and not self._context.preview:
            return observed  # they are refreshed before
        try:
            upgrade = self.manager.upgrade_of(desired.upgrade, lists)
        except MlstackError:
            if not observed.stale:
                raise
            upgrade = None  # old lists, or none at all, do not have the last word
        if upgrade is None:
            return observed
        upgrade = replace(
            upgrade, allow_removal=bool(desired.allow_removal), install_recommends=desired.install_recommends
        )
        return replace(observed, upgrade=upgrade, upgrade_forecast=self.manager.simulate(upgrade, lists))

    def lists(self, desired: Desired, *, locked: bool, foreseen: tuple[str, ...] = ()) -> Lists:
        """Answers come from the lists that the host has, until it may be changed and these are as they shall be."""
        return Lists(locked and not self._stale(desired), foreseen)

    def _stale(self, desired: Desired) -> str:
        """Why the lists are to be refreshed."""
        if self.refreshed or not desired.update_cache:
            return ""
        return self.manager.stale(desired.cache_valid_time)

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
            try:
                with self.undoing():
                    yield
            except MlstackError as exc:
                exc.details.setdefault("changed", self.lasting)
                raise

    @contextlib.contextmanager
    def undoing(self) -> t.Iterator[None]:
        """What handlers have entered into ``undo`` meanwhile is taken back when the body fails."""
        outer = self.undo
        try:
            with contextlib.ExitStack() as self.undo:
                yield
        finally:
            self.undo = outer

    def handlers(self) -> Handlers:
        """What executes the steps of planner.plan()."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.apply import Steps

        return Steps(self).handlers()

    def carry_out(
        self, plan: Plan, observed: Observed, look: t.Callable[[], tuple[Desired, Observed]]
    ) -> tuple[Plan, tuple[Change, ...]]:
        """Execute a plan for a module whose own plan is not executed step by step yet: in rounds, as the loop of every
        module does it. ``look`` looks again. Returns what was really done. When it fails, repositories and streams are
        again as they were.

        Raises MlstackError.
        """
        from ansible_collections.gpufleet.mlstack.plugins.module_utils import _apply

        change = _apply.Change(observed)
        handlers = self.handlers()
        with self.undoing():
            while _apply.execute(plan, handlers, change):
                desired, change.observed = look()
                # Raises what even fresh lists do not offer, and what must not be done.
                plan = planner.plan(desired, change.observed)
                if _apply.repeated(plan, change.done):
                    break
        done = tuple(change.done)
        return replace(change.shown or Plan(), actions=done), planner.changes_of(done)

    def repaired(self, actions: t.Iterable[Action]) -> tuple[Action, ...]:
        """Finish what is unfinished where that is among the steps of a plan. It comes before anything else, since it
        goes on from the sources that it had. Returns what was done."""
        repairs = tuple(action for action in actions if action.verb == "repair")
        if repairs:
            self.lasting = True
            self.manager.repair()
        return repairs

    def transact(self, transaction: Transaction) -> None:
        """Change packages, and put back holds that stand in the way of it, whatever happens."""
        with self._lifted.during(transaction.held_again, self.manager):
            for warning in self.manager.apply(transaction):
                self._context.warn(warning)
        self._lifted.forget()

    def hold(self, names: t.Sequence[str]) -> None:
        """Hold packages, those included whose holds an earlier run has lost."""
        self.manager.hold(names)
        self._lifted.forget()

    @functools.cached_property
    def sources(self) -> t.Any:
        """Where packages come from."""
        return sources_for(self._context.host, self._context.commands, self._name)


def _unknown_by_old_lists(similar: t.Mapping[str, t.Sequence[str]], stale: str) -> str:
    names = [f"{name} (like {', '.join(some)})" if some else name for name, some in similar.items()]
    return (
        f"the package lists of this host do not offer {', '.join(names)}; that is not the last word, since {stale}:"
        " a run fetches them first, and fails if it is so then"
    )


def _like(name: str, offered: t.Sequence[str]) -> tuple[str, ...]:
    """Names that look like one that nobody knows, ours first."""
    import difflib

    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.names import canonical_names

    ours = difflib.get_close_matches(name, list(canonical_names()), n=1, cutoff=0.8)
    return tuple(dict.fromkeys([*ours, *offered]))


def _by_name(known: t.Sequence[Installed], names: t.Sequence[str]) -> dict[str, Installed]:
    found: dict[str, Installed] = {}
    for package in known:
        found.setdefault(package.name, package)
    return {name: found[name] for name in names if name in found}
