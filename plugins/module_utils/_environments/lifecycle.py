# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The loop's resource for environments in generations: looking at one, and carrying a plan out."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.plan import (
    Desired,
    Observed,
    Rules,
    Versions,
    Wanted,
    comparison,
    lines,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store, StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import written_file
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Handlers

DesiredT = t.TypeVar("DesiredT", bound=Desired)
WantedT = t.TypeVar("WantedT", bound=Wanted)
AnyDesired_contra = t.TypeVar("AnyDesired_contra", bound=Desired, contravariant=True)


class Builder(t.Protocol[AnyDesired_contra, WantedT]):
    """What builds generations of one kind."""

    def check(self, desired: AnyDesired_contra, observed: Observed[WantedT]) -> None:
        """Refuse what cannot be built, as far as that is known without a network. Raises MlstackError."""

    def preview(self, desired: AnyDesired_contra, observed: Observed[WantedT]) -> Versions | None:
        """What a build would hold; changes nothing but temporary files."""

    def build(
        self, desired: AnyDesired_contra, observed: Observed[WantedT], store: Store
    ) -> tuple[Generation, dict[str, t.Any]]:
        """Build, verify and seal; returns the generation and what the result says of it. What fails leaves no trace."""


class Environments(Resource[DesiredT, Observed[WantedT]], t.Generic[DesiredT, WantedT]):
    """Environments of one ``kind`` (C(venv), C(conda)), as records name it, that are present, absent or rolled back.

    A kind says what a generation holds, how that differs from its record, what is wanted of it, and who builds it.
    """

    kind: str
    rules: Rules

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        self.params = params
        self._builder: Builder[DesiredT, WantedT] | None = None
        self._rebuilt: set[str] = set()

    # --- what a kind knows ----------------------------------------------------------------------------------------

    def installed_in(self, generation: Generation) -> Versions:
        """Name to version of what a generation holds, without opening a single file."""
        raise NotImplementedError

    def drift_of(self, generation: Generation, *, files: bool = False) -> tuple[str, ...]:
        """How a generation differs from its record; ``files`` compares every file with its recorded hash too."""
        raise NotImplementedError

    def wanted(
        self, desired: DesiredT, state: StoreState, differences: tuple[str, ...], context: Context
    ) -> WantedT | None:
        """What the desired state says; None where the generation in use was built for the very same words, and is
        whole.
        """
        raise NotImplementedError

    def make_builder(self, context: Context) -> Builder[DesiredT, WantedT]:
        raise NotImplementedError

    def outdated(self, desired: DesiredT, observed: Observed[WantedT], context: Context) -> tuple[str, ...]:
        """Newer packages that the desired state asks to move to, in sentences."""
        return ()

    # --- the loop -------------------------------------------------------------------------------------------------

    def title(self, desired: DesiredT) -> str:
        return desired.name

    def observe(self, desired: DesiredT, context: Context) -> Observed[WantedT]:
        store = Store(desired.root, desired.name, context.redactor)
        state = store.observe()
        _refuse_other_kind(desired, state, self.kind)
        installed: Versions = {}
        differences: tuple[str, ...] = ()
        if state.current is not None:
            installed = self.installed_in(state.current)
            differences = self.drift_of(state.current, files=desired.options["verify_files"])
        observed: Observed[WantedT] = Observed(
            store=state,
            wanted=self.wanted(desired, state, differences, context),
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

    def _require_change_allowed(self, desired: DesiredT, store: Store) -> None:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import permission

        permission.check(store.place, f"change the environment {desired.link}")

    def _further(
        self, desired: DesiredT, context: Context, store: Store, observed: Observed[WantedT]
    ) -> Observed[WantedT]:
        """What only a change needs to know; nothing of it is looked at on a converged host."""
        ids, current = observed.store.ids, observed.current
        whole = desired.state == "absent" and not desired.absent_packages
        undecided = desired.state == "rolled_back" or self.rules.needs_build(desired, observed)
        if not whole and (len(ids) > desired.options["keep"] + 1 or (undecided and ids)):
            generations = tuple(store.generations())
            others = [item for item in generations if current is None or item.id != current.id]
            files = desired.options["verify_files"]
            intact = tuple(item for item in others if not self.drift_of(item, files=files)) if undecided else ()
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

    def plan(self, desired: DesiredT, observed: Observed[WantedT]) -> Plan:
        return self.rules.plan(desired, observed)

    def lock(self, desired: DesiredT, context: Context) -> t.ContextManager[t.Any]:
        return Store(desired.root, desired.name, context.redactor).lock(self.params["lock_timeout"])

    def handlers(self, desired: DesiredT, context: Context) -> Handlers:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.apply import Steps

        def build(observed: Observed[WantedT], store: Store) -> tuple[Generation, dict[str, t.Any]]:
            built = self.builder(context).build(desired, observed, store)
            self._rebuilt.add(desired.name)
            return built

        return Steps(desired, Store(desired.root, desired.name, context.redactor), self.rules, build).handlers()

    def difference(self, desired: DesiredT, before: Observed[WantedT], after: Observed[WantedT]) -> dict[str, t.Any]:
        return comparison(before.installed, after.installed)

    def diff_lines(self, desired: DesiredT, observed: Observed[WantedT]) -> tuple[str, ...]:
        return lines(observed.installed)

    def describe(self, desired: DesiredT, observed: Observed[WantedT]) -> dict[str, t.Any]:
        told: dict[str, t.Any] = {"path": desired.link, "drift": list(observed.drift)}
        told.update(comparison({}, {}))
        current = observed.current
        if current is not None:
            record = current.record
            told["generation"] = current.id
            told.update({key: record[key] for key in ("python", "engine", "freeze") if key in record})
        return told

    def builder(self, context: Context) -> Builder[DesiredT, WantedT]:
        """The builder, made at the first call: a converged run needs none."""
        if self._builder is None:
            self._builder = self.make_builder(context)
        return self._builder

    def _refuse_what_cannot_be(
        self, desired: DesiredT, context: Context, store: Store, observed: Observed[WantedT]
    ) -> None:
        """What a change would fail at in the end is said before it begins, and in check mode too."""
        state = observed.store
        building = self.rules.needs_build(desired, observed)
        removing = desired.state == "absent" and not desired.absent_packages and bool(state.ids)
        adopting = desired.state in self.rules.building and state.standing == "directory" and desired.options["adopt"]
        back = desired.state == "rolled_back"
        if not (building or removing or adopting or back):
            return
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import adopt, permission

        if context.preview:
            permission.check(store.place, f"change the environment {desired.link}")
        if removing and not desired.options["force"]:
            folder = store.place.store
            users = store.users([os.path.join(folder, generation) for generation in state.ids])
            adopt.refuse_in_use(store.place, users)
        if adopting:
            adopt.refuse_in_use(store.place, store.users([desired.link]))

    def _written(self, desired: DesiredT) -> str | None:
        path = self.rules.output(desired)
        return written_file.read(path, _writing(desired, path)) if path else None


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
