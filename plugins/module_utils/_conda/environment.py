# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The loop's resource for conda environments."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import drift, meta
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import lifecycle
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.plan import Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, site_packages

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.builder import Builder
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.wanted import Wanted

    Lifecycle = lifecycle.Environments[DesiredCondaEnvironment, Wanted]
else:
    Lifecycle = lifecycle.Environments


class Environments(Lifecycle):
    """Conda environments that are present, brought up to date, cloned, absent or rolled back."""

    kind = "conda"
    rules = planner.RULES

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        super().__init__(params)
        self._sources: dict[tuple[str, str, int], Wanted] = {}

    def installed_in(self, generation: Generation) -> dict[str, str]:
        record = generation.record
        found = site_packages.scan(*_folders(generation)).versions
        stems = meta.names(generation.prefix).stems
        conda = {*record.get("installed", {})} - {*record.get("pip_installed", {})}
        # What somebody installed with conda by hand is no package of pip's either.
        conda |= {names.normalize(stem.rsplit("-", 2)[0]) for stem in stems if stem not in record.get("conda", ())}
        pip = {name: version for name, version in found.items() if name not in conda}
        return planner.contents(stems, pip)

    def drift_of(self, generation: Generation, *, files: bool = False) -> tuple[str, ...]:
        return drift.of_record(generation.prefix, generation.record, files=files)

    def wanted(
        self, desired: DesiredCondaEnvironment, state: StoreState, differences: tuple[str, ...], context: Context
    ) -> Wanted | None:
        if desired.state not in planner.RULES.building:
            return None
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import wanted as reading

        current = state.current
        if desired.state == "cloned":
            return self._of_source(desired)
        as_asked = current is not None and bool(current.record.get("asked"))
        as_asked = as_asked and current.record["asked"] == reading.asked(desired)  # type: ignore[union-attr]
        if as_asked and desired.state == "present" and not differences and not desired.options["reinstall"]:
            return None
        wanted = reading.wanted(desired, current, context.host.environ)
        context.redactor.learn([wanted.requirements, wanted.constraints, list(wanted.channels)])
        for line in wanted.warnings:
            context.warn(line)
        return wanted

    def _of_source(self, desired: DesiredCondaEnvironment) -> Wanted:
        """What the environment to be cloned holds: one of ours by name or path, or anybody's by path."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import clone

        # It is observed before, during and after a change, and every file of it is in its records.
        source = desired.options["clone_of"]
        records = os.path.join(source if "/" in source else os.path.join(desired.root, source), "conda-meta")
        known = (source, os.path.realpath(records), os.stat(records).st_mtime_ns if os.path.isdir(records) else 0)
        if known not in self._sources:
            self._sources[known] = clone.of_source(source, desired)
        return self._sources[known]

    def outdated(
        self, desired: DesiredCondaEnvironment, observed: Observed[Wanted], context: Context
    ) -> tuple[str, ...]:
        current, wanted = observed.current, observed.wanted
        if desired.state != "updated" or current is None or wanted is None or wanted.locked is not None:
            return ()
        if current.digest != wanted.digest:
            return ()  # it will be built anew, and solved then
        solved = self.builder(context).solve(desired, observed)
        return planner.outdated(current.record.get("conda", ()), (item.stem for item in solved))

    def builder(self, context: Context) -> Builder:
        return t.cast("Builder", super().builder(context))

    def make_builder(self, context: Context) -> Builder:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.builder import Builder

        return Builder(context, self.params)

    def describe(self, desired: DesiredCondaEnvironment, observed: Observed[Wanted]) -> dict[str, t.Any]:
        told = super().describe(desired, observed)
        if observed.current is not None:
            told["packages"] = dict(observed.installed)
        return told


def _folders(generation: Generation) -> list[str]:
    return [os.path.join(generation.prefix, folder) for folder in generation.record.get("site_packages", [])]
