# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource of conda_env: environments and the cache."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import arguments, drift, meta, url_credentials
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import BUILDING, DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, site_packages

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.builder import Builder
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.contents import Contents

    Base = resource.Environments[DesiredCondaEnvironment, Contents]
else:
    Base = resource.Environments


class Environments(Base):
    """Conda environments that are present, brought up to date, cloned, absent or rolled back."""

    kind = "conda"
    rules = planner.RULES

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        super().__init__(params)
        self._sources: dict[tuple[str, str, int], Contents] = {}

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

    def contents(self, desired: DesiredCondaEnvironment, state: StoreState, context: Context) -> Contents | None:
        if desired.state not in BUILDING:
            return None
        if desired.state == "cloned":
            return self._of_source(desired)
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import contents as reading
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_text

        record = state.current.record if state.current is not None else {}
        contents = reading.read(desired, record, context.host.environ)
        pip = requirement_text.text((*contents.requirements, *contents.constraints))
        context.redactor.learn([pip, list(contents.channels)])
        for line in contents.warnings:
            context.warn(line)
        return contents

    def _of_source(self, desired: DesiredCondaEnvironment) -> Contents:
        """What the environment to be cloned holds: one of ours by name or path, or anybody's by path."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import clone

        # It is observed before, during and after a change, and every file of it is in its records.
        source = desired.clone_of
        records = os.path.join(source if "/" in source else os.path.join(desired.root, source), "conda-meta")
        known = (source, os.path.realpath(records), os.stat(records).st_mtime_ns if os.path.isdir(records) else 0)
        if known not in self._sources:
            self._sources[known] = clone.of_source(source, desired)
        return self._sources[known]

    def outdated(
        self, desired: DesiredCondaEnvironment, observed: Observed[Contents], context: Context
    ) -> tuple[str, ...]:
        contents = observed.desired
        if desired.state != "updated" or contents is None or contents.locked is not None:
            return ()
        if not observed.repairing:
            return ()  # it will be built anew, and solved then
        solved = self.builder(context).solve(desired, observed)
        return planner.outdated(observed.record.get("conda", ()), (item.stem for item in solved))

    def builder(self, context: Context) -> Builder:
        return t.cast("Builder", super().builder(context))

    def make_builder(self, context: Context) -> Builder:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.builder import Builder

        return Builder(context, arguments.engine_of(self.params), arguments.pip_engine_of(self.params))

    def describe(self, desired: DesiredCondaEnvironment, observed: Observed[Contents]) -> dict[str, t.Any]:
        result = super().describe(desired, observed)
        if observed.current is not None:
            result["packages"] = dict(observed.installed)
        return result


def _folders(generation: Generation) -> list[str]:
    return [os.path.join(generation.prefix, folder) for folder in generation.record.get("site_packages", [])]


class CondaEnvironments(resource.EnvironmentsByKind):
    left_out = ("environment_files",)

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[t.Any]:
        params = url_credentials.out_of_arguments(params)
        for item in params["credentials"]:
            for key in ("password", "token", "conda_token"):
                if item[key]:
                    context.redactor.add(item[key])
        found: list[t.Any] = list(arguments.all_desired(params))
        self._resources["environment"] = Environments(params)
        if params["purge_cache"]:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import package_cache
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.caches import Caches

            self._resources["cache"] = Caches()
            found.append(package_cache.empty(params["cache_dir"] or ""))
        return found
