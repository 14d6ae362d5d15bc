# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The loop's subject for Python environments: looking at one, and carrying a plan out."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace
from datetime import datetime, timezone

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._generations import choose
from ansible_collections.gpufleet.mlstack.plugins.module_utils._generations.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._generations.store import Store, StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Subject
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import asked, site_packages, written_file
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.plan import Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.wish import EnvironmentWish

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.builder import Builder
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.wanted import Wanted


class Environments(Subject[EnvironmentWish, Observed]):
    """Environments that are present, absent or rolled back."""

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        self._params = params
        self._builder: Builder | None = None
        self._rebuilt: set[str] = set()

    def title(self, wish: EnvironmentWish) -> str:
        return wish.name

    def observe(self, wish: EnvironmentWish, context: Context) -> Observed:
        store = Store(wish.root, wish.name, context.redactor)
        state = store.observe()
        installed: dict[str, str] = {}
        differences: tuple[str, ...] = ()
        if state.current is not None:
            installed = installed_in(state.current)
            differences = drift_of(state.current, files=wish.options["verify_files"])
        observed = Observed(
            store=state,
            wanted=_wanted(wish, state, differences, context),
            installed=installed,
            drift=differences,
            frozen=_frozen(wish),
            rebuilt=wish.name in self._rebuilt,
        )
        return self._further(wish, context, store, observed)

    def _further(self, wish: EnvironmentWish, context: Context, store: Store, observed: Observed) -> Observed:
        """What only a change needs to know; nothing of it is looked at on a converged host."""
        ids, current = observed.store.ids, observed.current
        whole = wish.state == "absent" and not wish.absent_packages
        undecided = wish.state == "rolled_back" or planner.needs_build(wish, observed)
        if not whole and (len(ids) > wish.options["keep"] + 1 or (undecided and ids)):
            generations = tuple(store.generations())
            others = [item for item in generations if current is None or item.id != current.id]
            files = wish.options["verify_files"]
            intact = tuple(item for item in others if not drift_of(item, files=files)) if undecided else ()
            observed = replace(observed, generations=generations, intact=intact)
        building = planner.needs_build(wish, observed)
        if building and wish.state == "present":
            self._builder_for(context).check(wish, observed)
        _refuse_what_cannot_be(wish, context, store, observed)
        if building and wish.state == "present" and context.preview:
            observed = replace(observed, preview=self._builder_for(context).preview(wish, observed))
        surplus = planner.surplus(wish, observed) if observed.generations else []
        usage = store.users([item.path for item in surplus]) if surplus else None
        in_use = frozenset(item.id for item in surplus if usage and usage.of(item.path))
        return replace(observed, in_use=in_use)

    def plan(self, wish: EnvironmentWish, observation: Observed) -> Plan:
        return planner.plan_environment(wish, observation)

    def lock(self, wish: EnvironmentWish, context: Context) -> t.ContextManager[t.Any]:
        return Store(wish.root, wish.name, context.redactor).lock(self._params["lock_timeout"])

    def apply(self, wish: EnvironmentWish, observation: Observed, plan: Plan, context: Context) -> dict[str, t.Any]:
        store = Store(wish.root, wish.name, context.redactor)
        told: dict[str, t.Any] = {}
        try:
            for action in plan.actions:
                if action.verb == "clean":
                    store.clean_leftovers()
                elif action.verb == "build":
                    told.update(self._builder_for(context).build(wish, observation, store))
                    self._rebuilt.add(wish.name)
                elif action.verb == "switch" and "generation" in action.details:
                    told.update(switch(wish, store, _generation(store, action.details["generation"])))
                elif action.verb == "remove":
                    store.remove(force=wish.options["force"])
                    return planner.comparison(observation.installed, {})
            switching = any(action.verb in ("switch", "prune") for action in plan.actions)
            if observation.store.ids and switching and wish.state != "rolled_back":
                _prune(wish, store)
            current = store.observe().current
            _freeze(wish, current)
        except MlstackError as exc:
            now = store.observe().current
            before = observation.current.id if observation.current else ""
            exc.details.setdefault("changed", (now.id if now else "") != before)
            raise
        return {**told, **planner.comparison(observation.installed, installed_in(current) if current else {})}

    def picture(self, wish: EnvironmentWish, observation: Observed) -> tuple[str, ...]:
        return planner.lines(observation.installed)

    def describe(self, wish: EnvironmentWish, observation: Observed) -> dict[str, t.Any]:
        told: dict[str, t.Any] = {"path": wish.link, "drift": list(observation.drift)}
        told.update(planner.comparison({}, {}))
        current = observation.current
        if current is not None:
            record = current.record
            told["generation"] = current.id
            told.update({key: record[key] for key in ("python", "engine", "freeze") if key in record})
        return told

    def _builder_for(self, context: Context) -> Builder:
        if self._builder is None:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.builder import Builder

            self._builder = Builder(context, self._params)
        return self._builder


def _wanted(wish: EnvironmentWish, state: StoreState, differences: tuple[str, ...], context: Context) -> Wanted | None:
    """What the requirements say; None where the generation in use was built for the very same words, and is whole."""
    if wish.state != "present":
        return None
    as_asked = state.current is not None and asked.is_same(wish, state.current.record.get("asked"))
    if as_asked and not differences and not wish.options["reinstall"]:
        return None
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import wanted as reading

    wanted = reading.wanted(wish, context.host)
    context.redactor.learn([wanted.request.file_text(), wanted.request.constraints])
    return wanted


def folders_of(generation: Generation) -> list[str]:
    """The site-packages folders of a generation."""
    return [os.path.join(generation.prefix, folder) for folder in generation.record.get("site_packages", [])]


def installed_in(generation: Generation) -> dict[str, str]:
    """Name to version of what the folders of a generation hold, without opening a single file."""
    return site_packages.scan(*folders_of(generation)).versions


def drift_of(generation: Generation, *, files: bool = False) -> tuple[str, ...]:
    """How a generation differs from its record; ``files`` compares every file with its recorded hash too."""
    listed = site_packages.scan(*folders_of(generation))
    lines = [*_python_drift(generation), *planner.drift(generation.record.get("installed", {}), listed.versions)]
    lines += [f"{name} is there in versions {' and '.join(found)}" for name, found in listed.duplicates.items()]
    lines += [f"{entry} was left by an editable install or an interrupted removal" for entry in listed.leftovers]
    lines += [f"the metadata in {entry} cannot be read" for entry in listed.unreadable]
    return (*lines, *(_file_drift(generation) if files else ()))


def _python_drift(generation: Generation) -> list[str]:
    python = generation.record.get("python", {}).get("path", "")
    target = os.path.realpath(os.path.join(generation.prefix, "bin", "python"))
    if not os.path.exists(target):
        return [f"the Python it was built on, {python}, is gone"]
    if python and target != os.path.realpath(python):
        return [f"its Python is {target} instead of {python}"]
    return []


def _file_drift(generation: Generation) -> list[str]:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import record

    lines = []
    for folder in folders_of(generation):
        found = record.verify(folder)
        lines += [f"the file {path} is missing" for path in found.missing]
        lines += [f"the file {path} was changed" for path in found.changed]
        lines += [f"the file {path} belongs to no package" for path in found.unrecorded]
        lines += [f"{path} does not say which files it has" for path in found.without_record]
    return lines


def switch(wish: EnvironmentWish, store: Store, generation: Generation) -> dict[str, str]:
    """Let the link point to a finished generation; says where a directory lies that had to be moved aside."""
    adopted = store.switch(generation, adopt=wish.options["adopt"], now=datetime.now(timezone.utc))
    return {"adopted": adopted} if adopted else {}


def _refuse_what_cannot_be(wish: EnvironmentWish, context: Context, store: Store, observed: Observed) -> None:
    """What a change would fail at in the end is said before it begins, and in check mode too."""
    state = observed.store
    building = planner.needs_build(wish, observed)
    removing = wish.state == "absent" and not wish.absent_packages and bool(state.ids)
    adopting = wish.state == "present" and state.standing == "directory" and wish.options["adopt"]
    if not (building or removing or adopting):
        return
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._generations import adopt, permission

    if context.preview and (building or removing):
        permission.check(store.place, f"change the environment {wish.link}")
    if removing and not wish.options["force"]:
        folder = store.place.store
        adopt.refuse_in_use(store.place, store.users([os.path.join(folder, generation) for generation in state.ids]))
    if adopting:
        adopt.refuse_in_use(store.place, store.users([wish.link]))


def _prune(wish: EnvironmentWish, store: Store) -> None:
    state = store.observe()
    if state.current is not None:
        store.prune(choose.doomed(state.current.id, store.generations(), wish.options["keep"] + 1))


def _generation(store: Store, generation: str) -> Generation:
    return next(item for item in store.generations() if item.id == generation)


def _frozen(wish: EnvironmentWish) -> str | None:
    path = wish.options["freeze_to"]
    return written_file.read(path, f"write the exact contents of {wish.name} to {path}") if path else None


def _freeze(wish: EnvironmentWish, current: Generation | None) -> None:
    path = wish.options["freeze_to"]
    if path and current is not None:
        written_file.write(path, planner.freeze_text(current), f"write the exact contents of {wish.name} to {path}")
