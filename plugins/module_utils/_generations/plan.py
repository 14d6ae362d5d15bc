# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""From what an environment in generations is to what it should be: pure decisions, the same for every kind of it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._generations import choose
from ansible_collections.gpufleet.mlstack.plugins.module_utils._generations.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._generations.store import StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

Versions = t.Mapping[str, str]


class Wish(t.Protocol):
    """What every kind of environment is wished by.

    Of ``options`` these are read: C(keep), C(adopt), C(reinstall), C(rollback_to), C(force) and C(verify_files).
    ``absent_packages`` are those to take out of an environment that stays.
    """

    @property
    def name(self) -> str: ...

    @property
    def root(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def options(self) -> t.Mapping[str, t.Any]: ...

    @property
    def link(self) -> str: ...

    @property
    def absent_packages(self) -> tuple[str, ...]: ...


class Wanted(t.Protocol):
    """The contents that are wished. ``digest`` is the same for wishes that mean the same, ``pins`` is what is known of
    them without a resolver, ``size`` says how many there are (C(3 requirements))."""

    @property
    def digest(self) -> str: ...

    @property
    def pins(self) -> Versions: ...

    @property
    def size(self) -> str: ...


WantedT = t.TypeVar("WantedT", bound=Wanted)


@dataclass(frozen=True)
class Observed(t.Generic[WantedT]):
    """What was found out about one environment.

    ``wanted`` is what the requirements say; None where there are none, or where the generation in use is just that.
    ``installed`` and ``drift`` are those of the generation in use: what its folders hold, and how that differs from
    its record. ``generations`` are all finished ones, read only where one of them may be switched to or go; ``intact``
    are those besides the one in use that have no drift, and ``in_use`` the ids of those that live processes use.
    ``preview`` is what a build would hold, where somebody wants to know, else None. ``frozen`` is the content of the
    file that the wish has written. ``rebuilt`` says that this run has built the environment already. ``outdated`` says,
    in sentences, for what newer packages the generation in use makes no room.
    """

    store: StoreState
    wanted: WantedT | None = None
    installed: Versions = field(default_factory=dict)
    drift: tuple[str, ...] = ()
    generations: tuple[Generation, ...] = ()
    intact: tuple[Generation, ...] = ()
    damaged: tuple[str, ...] = ()
    in_use: frozenset[str] = frozenset()
    preview: Versions | None = None
    frozen: str | None = None
    rebuilt: bool = False
    outdated: tuple[str, ...] = ()

    @property
    def current(self) -> Generation | None:
        return self.store.current


class Rules:
    """How environments of one kind live; the same object serves all of them.

    ``building`` are the states for which an environment is built.
    """

    building: tuple[str, ...] = ("present",)

    def recorded(self, generation: Generation) -> Versions:
        """What a generation held when it was sealed, in the words of C(Observed.installed)."""
        raise NotImplementedError

    def output(self, wish: Wish) -> str | None:
        """The file that the wish has written, if any."""
        raise NotImplementedError

    def text(self, wish: Wish, generation: Generation) -> str:
        """What that file says of a generation."""
        raise NotImplementedError

    def plan(self, wish: Wish, observed: Observed[t.Any]) -> Plan:
        """The steps for one environment. Raises MlstackError where the wish cannot be followed."""
        planners = {"absent": self._absent, "rolled_back": self._rolled_back}
        plan = planners.get(wish.state, self._present)(wish, observed)
        if any(action.verb == "remove" for action in plan.actions):
            return plan
        return Plan((*_clean(wish, observed), *plan.actions), plan.before, plan.after, plan.details)

    def needs_build(self, wish: Wish, observed: Observed[t.Any]) -> bool:
        """Whether nothing that is there satisfies the wish."""
        if wish.state == "absent":
            return bool(wish.absent_packages and _unwanted(wish, observed))
        return self._is_behind(wish, observed) and self._reusable(wish, observed) is None

    def doomed(self, wish: Wish, observed: Observed[t.Any]) -> list[str]:
        """The ids of generations that nothing needs once the wish is met, whether or not a process uses them still."""
        if wish.state == "rolled_back" or not (observed.generations or observed.damaged):
            return []  # after a rollback the newest could go, and going back again would go back further
        current = observed.current.id if observed.current else ""
        damaged = [generation for generation in observed.damaged if generation != current]
        return [*(item.id for item in self._surplus(wish, observed)), *damaged]

    def _surplus(self, wish: Wish, observed: Observed[t.Any]) -> list[Generation]:
        if self.needs_build(wish, observed):
            previous = observed.current.id if observed.current else ""
            newcomer = Generation("~", "", {"previous": previous})  # sorts behind every date: it will be the newest
            doomed = choose.doomed(newcomer.id, (*observed.generations, newcomer), wish.options["keep"] + 1)
            return [item for item in doomed if item is not newcomer]
        reusable = self._reusable(wish, observed) if self._is_behind(wish, observed) else None
        after = reusable or observed.current
        return choose.doomed(after.id, observed.generations, wish.options["keep"] + 1) if after else []

    def _is_behind(self, wish: Wish, observed: Observed[t.Any]) -> bool:
        return wish.state in self.building and bool(self._reasons(wish, observed))

    def _present(self, wish: Wish, observed: Observed[t.Any]) -> Plan:
        self._refuse_occupied(wish, observed)
        reasons = self._reasons(wish, observed)
        if not reasons:
            return Plan((*self._prune(wish, observed), *self._freeze(wish, observed, observed.current)))
        reusable = self._reusable(wish, observed)
        because = "; ".join(reasons)
        adopt = [_adopt(wish, reusable)] if observed.store.standing == "directory" else []
        if reusable is not None:
            after = self.recorded(reusable)
            steps = [*adopt, _switch(wish, reusable.id, because)]
        else:
            size = observed.wanted.size if observed.wanted else "nothing"
            after = observed.preview if observed.preview is not None else self._expected(observed)
            steps = [
                Action("build", wish.name, f"build a generation of {wish.name} from {size}, because {because}"),
                *adopt,
                Action("switch", wish.name, f"switch {wish.link} to the new generation once it is verified"),
            ]
        further = (*self._prune(wish, observed), *self._freeze(wish, observed, reusable))
        return _changing(observed, after, (*steps, *further))

    def _reasons(self, wish: Wish, observed: Observed[t.Any]) -> list[str]:
        """Why the generation in use does not do."""
        if observed.current is None:
            standing = {"absent": "there is none", "directory": "a plain directory stands there"}
            return [standing.get(observed.store.standing, observed.store.damage or "no finished generation is in use")]
        reasons = [*observed.drift, *observed.outdated]
        if observed.wanted is not None and observed.current.digest != observed.wanted.digest:
            reasons.insert(0, "the wish has changed")
        if wish.options["reinstall"] and not observed.rebuilt:
            reasons.append("it is to be reinstalled")
        return reasons

    def _reusable(self, wish: Wish, observed: Observed[t.Any]) -> Generation | None:
        if observed.wanted is None or observed.outdated or wish.options["reinstall"]:
            return None
        return next((item for item in observed.intact if item.digest == observed.wanted.digest), None)

    def _expected(self, observed: Observed[t.Any]) -> Versions:
        """What a build will hold as far as that is known without resolving."""
        if observed.current is not None and observed.wanted and observed.current.digest == observed.wanted.digest:
            return self.recorded(observed.current)
        return observed.wanted.pins if observed.wanted else {}

    def _absent(self, wish: Wish, observed: Observed[t.Any]) -> Plan:
        standing = observed.store.standing
        self._refuse_occupied(wish, observed)
        if wish.absent_packages:
            unwanted = _unwanted(wish, observed)
            if not unwanted:
                return Plan((*self._prune(wish, observed), *self._freeze(wish, observed, observed.current)))
            recorded = self.recorded(observed.current) if observed.current else {}
            rest = {name: version for name, version in recorded.items() if name not in unwanted}
            steps = (
                Action("build", wish.name, f"build a generation of {wish.name} without {', '.join(unwanted)}"),
                Action("switch", wish.name, f"switch {wish.link} to the new generation once it is verified"),
            )
            further = (*self._prune(wish, observed), *self._freeze(wish, observed, None))
            return _changing(observed, rest, (*steps, *further))
        if standing == "absent" and not observed.store.ids:
            return Plan()
        count = len(observed.store.ids)
        generations = f"{count} generation" + ("" if count == 1 else "s")
        remove = Action("remove", wish.name, f"remove {wish.link} and its {generations}")
        return _changing(observed, {}, (remove,))

    def _rolled_back(self, wish: Wish, observed: Observed[t.Any]) -> Plan:
        self._refuse_occupied(wish, observed)
        target = self._rollback_target(wish, observed)
        further = self._freeze(wish, observed, target)
        if observed.current is not None and target.id == observed.current.id:
            return Plan(further)
        step = _switch(wish, target.id, "it is to be rolled back")
        return _changing(observed, self.recorded(target), (step, *further))

    def _rollback_target(self, wish: Wish, observed: Observed[t.Any]) -> Generation:
        current, asked = observed.current, wish.options["rollback_to"]
        if current is not None and not asked and current.id != max(observed.store.ids, default=current.id):
            return current  # gone back already, whatever has become of the newest since
        known = [*observed.intact, *([current] if current else [])]
        target = choose.rollback_target(wish.name, current.id if current else "", known, asked)
        return next(item for item in known if item.id == target)

    def _prune(self, wish: Wish, observed: Observed[t.Any]) -> tuple[Action, ...]:
        return tuple(
            Action("prune", generation, f"delete generation {generation}, which nothing needs any more")
            for generation in self.doomed(wish, observed)
            if generation not in observed.in_use
        )

    def _freeze(self, wish: Wish, observed: Observed[t.Any], after: Generation | None) -> tuple[Action, ...]:
        """``after`` is the generation that will be in use, None where it is still to be built."""
        path = self.output(wish)
        unbuilt = after is None and self.needs_build(wish, observed)
        if not path or not (unbuilt or (after is not None and observed.frozen != self.text(wish, after))):
            return ()
        return (Action("freeze", wish.name, f"write the exact contents of {wish.name} to {path}", {"path": path}),)

    def _refuse_occupied(self, wish: Wish, observed: Observed[t.Any]) -> None:
        standing = observed.store.standing
        if standing == "directory" and wish.state in self.building:
            if wish.options["adopt"]:
                return
            todo = "set adopt: true to have it moved aside, or choose another name or root"
        elif standing in ("directory", "file", "foreign_link"):
            todo = "move it away, or choose another name or root"
        else:
            return
        what = {"directory": "a directory", "file": "a file"}.get(standing, f"a link to {observed.store.target}")
        raise MlstackError(
            "occupied",
            wished=f"environment {wish.name} {wish.state} at {wish.link}",
            found=f"{what} stands there that is not of this collection's making",
            todo=todo,
        )


def drift(recorded: Versions, installed: Versions) -> tuple[str, ...]:
    """How a site-packages differs from the record of what was installed into it, one sentence per package."""
    lines = []
    for name in sorted({*recorded, *installed}):
        before, after = recorded.get(name), installed.get(name)
        if before is None:
            lines.append(f"{name} {after} was added by hand")
        elif after is None:
            lines.append(f"{name} {before} was removed by hand")
        elif before != after:
            lines.append(f"{name} {before} was changed to {after} by hand")
    return tuple(lines)


def comparison(before: Versions, after: Versions) -> dict[str, t.Any]:
    """Added, removed and replaced packages with their versions."""
    return {
        "added": {name: after[name] for name in sorted(after) if name not in before},
        "removed": {name: before[name] for name in sorted(before) if name not in after},
        "replaced": {
            name: {"before": before[name], "after": after[name]}
            for name in sorted(after)
            if name in before and before[name] != after[name]
        },
    }


def lines(versions: Versions) -> tuple[str, ...]:
    """How a diff shows the contents of an environment."""
    return tuple(f"{name} {version}" for name, version in sorted(versions.items()))


def _switch(wish: Wish, generation: str, because: str) -> Action:
    summary = f"switch {wish.link} to generation {generation}, because {because}"
    return Action("switch", wish.name, summary, {"generation": generation})


def _adopt(wish: Wish, reusable: Generation | None) -> Action:
    details = {"generation": reusable.id} if reusable is not None else {}
    return Action("adopt", wish.name, f"move the directory {wish.link} aside below .generations, keeping it", details)


def _clean(wish: Wish, observed: Observed[t.Any]) -> tuple[Action, ...]:
    paths = observed.store.leftovers
    if not paths:
        return ()
    summary = f"delete what an interrupted run left behind: {', '.join(paths)}"
    return (Action("clean", wish.name, summary, {"paths": list(paths)}),)


def _unwanted(wish: Wish, observed: Observed[t.Any]) -> list[str]:
    return [name for name in wish.absent_packages if name in observed.installed]


def _changing(observed: Observed[t.Any], after: Versions, actions: tuple[Action, ...]) -> Plan:
    return Plan(
        actions,
        before=lines(observed.installed),
        after=lines(after),
        details=comparison(observed.installed, after),
    )
