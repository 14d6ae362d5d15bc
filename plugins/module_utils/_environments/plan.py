# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what an environment in generations is to what it should be: pure decisions, the same for every kind of it."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import choose
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Desired, Observed, Versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


class Rules:
    """How environments of one kind live; the same object serves all of them.

    ``building`` are the states for which an environment is built.
    """

    building: tuple[str, ...] = ("present",)

    def recorded(self, generation: Generation) -> Versions:
        """What a generation held when it was sealed, in the words of C(Observed.installed)."""
        raise NotImplementedError

    def text(self, desired: Desired, generation: Generation) -> str:
        """What C(Desired.output), the file that has the contents written down, says of a generation."""
        raise NotImplementedError

    def plan(self, desired: Desired, observed: Observed[t.Any]) -> Plan:
        """The steps for one environment. Raises MlstackError where the desired state cannot be followed."""
        planners = {"absent": self._absent, "rolled_back": self._rolled_back}
        plan = planners.get(desired.state, self._present)(desired, observed)
        if any(action.verb == "remove" for action in plan.actions):
            return plan
        return Plan((*_clean(desired, observed), *plan.actions), plan.before, plan.after, plan.details)

    def needs_build(self, desired: Desired, observed: Observed[t.Any]) -> bool:
        """Whether nothing that is there satisfies the desired state."""
        if desired.state == "absent":
            return bool(desired.absent_packages and _unwanted(desired, observed))
        return self._is_behind(desired, observed) and self._reusable(desired, observed) is None

    def doomed(self, desired: Desired, observed: Observed[t.Any]) -> list[str]:
        """The ids of generations that nothing needs once the desired state is met, whether or not a process uses
        them still.
        """
        if desired.state == "rolled_back" or not (observed.generations or observed.damaged):
            return []  # after a rollback the newest could go, and going back again would go back further
        current = observed.current.id if observed.current else ""
        damaged = [generation for generation in observed.damaged if generation != current]
        return [*(item.id for item in self._surplus(desired, observed)), *damaged]

    def _surplus(self, desired: Desired, observed: Observed[t.Any]) -> list[Generation]:
        if self.needs_build(desired, observed):
            previous = observed.current.id if observed.current else ""
            newcomer = Generation("~", "", {"previous": previous})  # sorts behind every date: it will be the newest
            doomed = choose.doomed(newcomer.id, (*observed.generations, newcomer), desired.keep + 1)
            return [item for item in doomed if item is not newcomer]
        reusable = self._reusable(desired, observed) if self._is_behind(desired, observed) else None
        after = reusable or observed.current
        return choose.doomed(after.id, observed.generations, desired.keep + 1) if after else []

    def _is_behind(self, desired: Desired, observed: Observed[t.Any]) -> bool:
        return desired.state in self.building and bool(self._reasons(desired, observed))

    def _present(self, desired: Desired, observed: Observed[t.Any]) -> Plan:
        self._refuse_occupied(desired, observed)
        reasons = self._reasons(desired, observed)
        if not reasons:
            return Plan((*self._prune(desired, observed), *self._freeze(desired, observed, observed.current)))
        reusable = self._reusable(desired, observed)
        because = "; ".join(reasons)
        adopt = [_adopt(desired, reusable)] if observed.store.standing == "directory" else []
        if reusable is not None:
            after = self.recorded(reusable)
            steps = [*adopt, _switch(desired, reusable.id, because)]
        else:
            size = observed.desired.size if observed.desired else "nothing"
            after = observed.preview if observed.preview is not None else self._expected(observed)
            steps = [
                Action("build", desired.name, f"build a generation of {desired.name} from {size}, because {because}"),
                *adopt,
                Action("switch", desired.name, f"switch {desired.link} to the new generation once it is verified"),
            ]
        further = (*self._prune(desired, observed), *self._freeze(desired, observed, reusable))
        return _changing(observed, after, (*steps, *further))

    def _reasons(self, desired: Desired, observed: Observed[t.Any]) -> list[str]:
        """Why the generation in use does not do."""
        if observed.current is None:
            standing = {"absent": "there is none", "directory": "a plain directory stands there"}
            return [standing.get(observed.store.standing, observed.store.damage or "no finished generation is in use")]
        reasons = [*observed.drift, *observed.outdated]
        if observed.desired is not None and observed.current.digest != observed.desired.digest:
            reasons.insert(0, "the desired state has changed")
        if desired.reinstall and not observed.rebuilt:
            reasons.append("it is to be reinstalled")
        return reasons

    def _reusable(self, desired: Desired, observed: Observed[t.Any]) -> Generation | None:
        if observed.desired is None or observed.outdated or desired.reinstall:
            return None
        return next((item for item in observed.intact if item.digest == observed.desired.digest), None)

    def _expected(self, observed: Observed[t.Any]) -> Versions:
        """What a build will hold as far as that is known without resolving."""
        if observed.repairing and observed.current is not None:
            return self.recorded(observed.current)
        return observed.desired.pins if observed.desired else {}

    def _absent(self, desired: Desired, observed: Observed[t.Any]) -> Plan:
        standing = observed.store.standing
        self._refuse_occupied(desired, observed)
        if desired.absent_packages:
            unwanted = _unwanted(desired, observed)
            if not unwanted:
                return Plan((*self._prune(desired, observed), *self._freeze(desired, observed, observed.current)))
            recorded = self.recorded(observed.current) if observed.current else {}
            rest = {name: version for name, version in recorded.items() if name not in unwanted}
            steps = (
                Action("build", desired.name, f"build a generation of {desired.name} without {', '.join(unwanted)}"),
                Action("switch", desired.name, f"switch {desired.link} to the new generation once it is verified"),
            )
            further = (*self._prune(desired, observed), *self._freeze(desired, observed, None))
            return _changing(observed, rest, (*steps, *further))
        if standing == "absent" and not observed.store.ids:
            return Plan()
        count = len(observed.store.ids)
        generations = f"{count} generation" + ("" if count == 1 else "s")
        remove = Action("remove", desired.name, f"remove {desired.link} and its {generations}")
        return _changing(observed, {}, (remove,))

    def _rolled_back(self, desired: Desired, observed: Observed[t.Any]) -> Plan:
        self._refuse_occupied(desired, observed)
        target = self._rollback_target(desired, observed)
        further = self._freeze(desired, observed, target)
        if observed.current is not None and target.id == observed.current.id:
            return Plan(further)
        step = _switch(desired, target.id, "it is to be rolled back")
        return _changing(observed, self.recorded(target), (step, *further))

    def _rollback_target(self, desired: Desired, observed: Observed[t.Any]) -> Generation:
        current = observed.current
        if (
            current is not None
            and not desired.rollback_to
            and current.id != max(observed.store.ids, default=current.id)
        ):
            return current  # gone back already, whatever has become of the newest since
        known = [*observed.intact, *([current] if current else [])]
        whole = {item.id for item in known}
        dead = [item.id for item in observed.generations if item.id not in whole]
        in_use = current.id if current else ""
        target = choose.rollback_target(desired.name, in_use, known, desired.rollback_to, dead)
        return next(item for item in known if item.id == target)

    def _prune(self, desired: Desired, observed: Observed[t.Any]) -> tuple[Action, ...]:
        return tuple(
            Action("prune", generation, f"delete generation {generation}, which nothing needs any more")
            for generation in self.doomed(desired, observed)
            if generation not in observed.in_use
        )

    def _freeze(self, desired: Desired, observed: Observed[t.Any], after: Generation | None) -> tuple[Action, ...]:
        """``after`` is the generation that will be in use, None where it is still to be built."""
        path = desired.output
        unbuilt = after is None and self.needs_build(desired, observed)
        if not path or not (unbuilt or (after is not None and observed.frozen != self.text(desired, after))):
            return ()
        return (
            Action("freeze", desired.name, f"write the exact contents of {desired.name} to {path}", {"path": path}),
        )

    def _refuse_occupied(self, desired: Desired, observed: Observed[t.Any]) -> None:
        standing = observed.store.standing
        if standing == "directory" and desired.state in self.building:
            if desired.adopt:
                return
            to_fix = "set adopt: true to have it moved aside, or choose another name or root"
        elif standing in ("directory", "file", "foreign_link"):
            to_fix = "move it away, or choose another name or root"
        else:
            return
        what = {"directory": "a directory", "file": "a file"}.get(standing, f"a link to {observed.store.target}")
        raise MlstackError(
            "occupied",
            wanted=f"environment {desired.name} {desired.state} at {desired.link}",
            found=f"{what} stands there that is not of this collection's making",
            to_fix=to_fix,
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


def _switch(desired: Desired, generation: str, because: str) -> Action:
    summary = f"switch {desired.link} to generation {generation}, because {because}"
    return Action("switch", desired.name, summary, {"generation": generation})


def _adopt(desired: Desired, reusable: Generation | None) -> Action:
    details = {"generation": reusable.id} if reusable is not None else {}
    return Action(
        "adopt", desired.name, f"move the directory {desired.link} aside below .generations, keeping it", details
    )


def _clean(desired: Desired, observed: Observed[t.Any]) -> tuple[Action, ...]:
    paths = observed.store.leftovers
    if not paths:
        return ()
    summary = f"delete what an interrupted run left behind: {', '.join(paths)}"
    return (Action("clean", desired.name, summary, {"paths": list(paths)}),)


def _unwanted(desired: Desired, observed: Observed[t.Any]) -> list[str]:
    return [name for name in desired.absent_packages if name in observed.installed]


def _changing(observed: Observed[t.Any], after: Versions, actions: tuple[Action, ...]) -> Plan:
    return Plan(
        actions,
        before=lines(observed.installed),
        after=lines(after),
        details=comparison(observed.installed, after),
    )
