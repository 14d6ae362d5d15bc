# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource of pip_pinned: virtual environments, locks, caches."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import arguments, observe, plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.builder import Builder
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.contents import Contents

    Base = resource.Environments[DesiredEnvironment, Contents]
else:
    Base = resource.Environments


class Environments(Base):
    """Virtual environments that are present, absent or rolled back."""

    kind = "venv"
    rules = plan.RULES

    def installed_in(self, generation: Generation) -> dict[str, str]:
        return observe.installed_in(generation)

    def drift_of(self, generation: Generation, *, files: bool = False) -> tuple[str, ...]:
        return observe.drift_of(generation, files=files)

    def contents(self, desired: DesiredEnvironment, state: StoreState, context: Context) -> Contents | None:
        if desired.state != "present":
            return None
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import contents

        found = contents.read(desired, context.host)
        context.redactor.learn([found.request.file_text(), *(item.url or "" for item in found.request.constraints)])
        return found

    def make_builder(self, context: Context) -> Builder:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.builder import Builder

        return Builder(context, arguments.engine_of(self.params))


class PythonEnvironments(resource.EnvironmentsByKind):
    left_out = ("requirement_files",)

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[t.Any]:
        found: list[t.Any] = list(arguments.all_desired(params))
        self._resources["environment"] = Environments(params)
        if any(desired.state == "locked" for desired in found):
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.lockfile import Locks

            self._resources["lock"] = Locks(arguments.engine_of(params))
        if params["purge_cache"]:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.caches import Caches
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import cache

            self._resources["cache"] = Caches()
            found.append(cache.empty(context.host, params["cache_dir"] or ""))
        return found
