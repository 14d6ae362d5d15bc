# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop's resource for environments in generations: looking at one, and carrying a plan out."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._by_kind import ByKind
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import note
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import (
    ContentsT,
    Desired,
    Observed,
    Versions,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.plan import Rules, comparison, lines
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store, StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import written_file
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Handlers
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.build import Builder

DesiredT = t.TypeVar("DesiredT", bound=Desired)


class Environments(Resource[DesiredT, Observed[ContentsT]], t.Generic[DesiredT, ContentsT]):
    """Environments of one ``kind`` (C(venv), C(conda)), as records name it, that are present, absent or rolled back.

    A kind says what a generation holds, how that differs from its record, what is wanted of it, and who builds it.
    """

    kind: str
    rules: Rules

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        self.params = params
        self._builder: Builder[DesiredT, ContentsT, t.Any] | None = None
        self._rebuilt: set[str] = set()

    # --- what a kind knows ----------------------------------------------------------------------------------------

    def installed_in(self, generation: Generation) -> Versions:
        """Name to version of what a generation holds, without opening a single file."""
        raise NotImplementedError

    def drift_of(self, generation: Generation, *, files: bool = False) -> tuple[str, ...]:
        """How a generation differs from its record; ``files`` compares every file with its recorded hash too."""
        raise NotImplementedError

    def contents(self, desired: DesiredT, state: StoreState, context: Context) -> ContentsT | None:
        """What the desired state asks for; None where it asks for no contents."""
        raise NotImplementedError

    def settled(self, desired: DesiredT) -> bool:
        """Whether the same words mean the same contents, whatever the world has become."""
        return desired.state == "present"

    def make_builder(self, context: Context) -> Builder[DesiredT, ContentsT, t.Any]:
        raise NotImplementedError

    def outdated(self, desired: DesiredT, observed: Observed[ContentsT], context: Context) -> tuple[str, ...]:
        """Newer packages that the desired state asks to move to, in sentences."""
        return ()

    # --- the loop -------------------------------------------------------------------------------------------------

    def title(self, desired: DesiredT) -> str:
        return desired.name

    def observe(self, desired: DesiredT, context: Context) -> Observed[ContentsT]:
        store = Store(desired.root, desired.name, context.redactor)
        state = store.observe()
        _refuse_other_kind(desired, state, self.kind)
        installed: Versions = {}
        differences: tuple[str, ...] = ()
        if state.current is not None:
            installed = self.installed_in(state.current)
            differences = self._differences(desired, state.current)
        observed: Observed[ContentsT] = Observed(
            store=state,
            desired=self._contents(desired, state, differences, context),
            installed=installed,
            drift=differences,
            frozen=self._written(desired),
            rebuilt=desired.name in self._rebuilt,
        )
        outdated = self.outdated(desired, observed, context)
        observed = replace(observed, outdated=outdated) if outdated else observed
        observed = self._further(desired, context, store, observed)
        if context.preview and self.rules.plan(desired, observed).changed:
            self._require_change_allowed(desired, store)
        return observed

    def _contents(
        self, desired: DesiredT, state: StoreState, differences: tuple[str, ...], context: Context
    ) -> ContentsT | None:
        """None, too, where the generation in use was built for the very same words, and is whole."""
        current = state.current if self.settled(desired) and not differences and not desired.reinstall else None
        if current is not None and note.is_same(desired, current.record.get("desired")):
            return None
        return self.contents(desired, state, context)

    def _differences(self, desired: DesiredT, generation: Generation) -> tuple[str, ...]:
        return generation.moved() or self.drift_of(generation, files=desired.verify_files)

    def _require_change_allowed(self, desired: DesiredT, store: Store) -> None:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import permission

        permission.check(store.place, f"change the environment {desired.link}")

    def _further(
        self, desired: DesiredT, context: Context, store: Store, observed: Observed[ContentsT]
    ) -> Observed[ContentsT]:
        """What only a change needs to know; nothing of it is looked at on a converged host."""
        ids, current = observed.store.ids, observed.current
        whole = desired.state == "absent" and not desired.absent_packages
        undecided = desired.state == "rolled_back" or self.rules.needs_build(desired, observed)
        if not whole and (len(ids) > desired.keep + 1 or (undecided and ids)):
            generations = tuple(store.generations())
            others = [item for item in generations if current is None or item.id != current.id]
            whole_ones = (item for item in others if not self._differences(desired, item))
            intact = tuple(whole_ones) if undecided else ()
            damaged = tuple(store.damaged())
            observed = replace(observed, generations=generations, intact=intact, damaged=damaged)
        building = desired.state in self.rules.building and self.rules.needs_build(desired, observed)
        if building:
            self.builder(context).check(desired, observed)
        self._refuse_what_cannot_be(desired, context, store, observed)
        if building and context.preview:
            observed = replace(observed, preview=self.builder(context).preview(desired, observed))
        doomed = self.rules.doomed(desired, observed)
        usage = store.users([store.path_of(item) for item in doomed]) if doomed else None
        in_use = frozenset(item for item in doomed if usage and usage.of(store.path_of(item)))
        return replace(observed, in_use=in_use)

    def plan(self, desired: DesiredT, observed: Observed[ContentsT]) -> Plan:
        return self.rules.plan(desired, observed)

    def lock(self, desired: DesiredT, context: Context) -> t.ContextManager[t.Any]:
        return Store(desired.root, desired.name, context.redactor).lock(self.params["lock_timeout"])

    def handlers(self, desired: DesiredT, context: Context) -> Handlers:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.apply import Steps

        def build(observed: Observed[ContentsT], store: Store) -> tuple[Generation, dict[str, t.Any]]:
            built = self.builder(context).build(desired, observed, store)
            self._rebuilt.add(desired.name)
            return built

        return Steps(desired, Store(desired.root, desired.name, context.redactor), self.rules, build).handlers()

    def difference(
        self, desired: DesiredT, before: Observed[ContentsT], after: Observed[ContentsT]
    ) -> dict[str, t.Any]:
        return comparison(before.installed, after.installed)

    def diff_lines(self, desired: DesiredT, observed: Observed[ContentsT]) -> tuple[str, ...]:
        return lines(observed.installed)

    def describe(self, desired: DesiredT, observed: Observed[ContentsT]) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {"path": desired.link, "drift": list(observed.drift)}
        result.update(comparison({}, {}))
        if observed.current is not None:
            result["generation"] = observed.current.id
            keys = ("python", "engine", "freeze", "warnings")
            result.update({key: observed.record[key] for key in keys if key in observed.record})
        return result

    def builder(self, context: Context) -> Builder[DesiredT, ContentsT, t.Any]:
        """The builder, made at the first call: a converged run needs none."""
        if self._builder is None:
            self._builder = self.make_builder(context)
        return self._builder

    def _refuse_what_cannot_be(
        self, desired: DesiredT, context: Context, store: Store, observed: Observed[ContentsT]
    ) -> None:
        """What a change would fail at in the end is said before it begins, and in check mode too."""
        state = observed.store
        building = self.rules.needs_build(desired, observed)
        removing = desired.state == "absent" and not desired.absent_packages and bool(state.ids)
        adopting = desired.state in self.rules.building and state.standing == "directory" and desired.adopt
        back = desired.state == "rolled_back"
        if not (building or removing or adopting or back):
            return
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import adopt, permission

        if context.preview:
            permission.check(store.place, f"change the environment {desired.link}")
        if removing and not desired.force:
            folder = store.place.store
            users = store.users([os.path.join(folder, generation) for generation in state.ids])
            adopt.refuse_in_use(store.place, users)
        if adopting:
            adopt.refuse_in_use(store.place, store.users([desired.link]))

    def _written(self, desired: DesiredT) -> str | None:
        path = desired.output
        return written_file.read(path, _writing(desired, path)) if path else None


class EnvironmentsByKind(ByKind):
    """A module's resource: gives each desired state to the resource that knows its kind."""

    def __init__(self) -> None:
        self._resources: dict[str, Resource[t.Any, t.Any]] = {}

    def resource_of(self, desired: t.Any) -> Resource[t.Any, t.Any]:
        if not isinstance(desired, Desired):
            return self._resources["cache"]
        return self._resources["lock" if desired.state == "locked" else "environment"]

    def result(self, outcomes: list[Outcome[t.Any]]) -> dict[str, t.Any]:
        """One entry per environment, failed ones included, and the space that a purge of the cache gave back."""
        result: dict[str, t.Any] = {
            "environments": [_result_of(item) for item in outcomes if isinstance(item.desired, Desired)]
        }
        for item in outcomes:
            if not isinstance(item.desired, Desired):
                result["cache"] = item.details.get("cache", [])
        return result


def _result_of(outcome: Outcome[t.Any]) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {
        "name": outcome.desired.name,
        "path": outcome.desired.link,
        "changed": outcome.changed,
        "failed": outcome.error is not None,
        "drift": [],
        **comparison({}, {}),
        "seconds": round(outcome.seconds, 3),
        **outcome.details,
    }
    if outcome.error is not None:
        result.update(outcome.error.details, msg=str(outcome.error), code=outcome.error.code)
    return result


def _refuse_other_kind(desired: Desired, state: StoreState, kind: str) -> None:
    """A generation of another kind is somebody's environment, and not this module's to replace."""
    found = state.current.record.get("kind", kind) if state.current is not None else kind
    if found != kind:
        raise MlstackError(
            "other_kind",
            wanted=f"environment {desired.name} {desired.state} at {desired.link}",
            found=f"an environment of the kind {found} is managed there, not of the kind {kind}",
            to_fix="choose another name or root, or remove that one with the module that manages it",
        )


def _writing(desired: Desired, path: str) -> str:
    return f"write the exact contents of {desired.name} to {path}"
