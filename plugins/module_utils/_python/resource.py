# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What pip_pinned manages: environments, their locks, and the engines' caches, behind one subject."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._by_kind import ByKind
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import desired as desiring
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.desired import DesiredEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.environment import Environments


class PythonEnvironments(ByKind):
    """Gives each desired state to the resource that knows its kind."""

    left_out = ("requirement_files",)

    def __init__(self) -> None:
        self._resources: dict[str, Resource[t.Any, t.Any]] = {}

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[t.Any]:
        found: list[t.Any] = list(desiring.all_desired(params))
        self._resources["environment"] = Environments(params)
        if any(desired.state == "locked" for desired in found):
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.lockfile import Locks

            self._resources["lock"] = Locks(params)
        if params["purge_cache"]:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import cache

            self._resources["cache"] = cache.Caches()
            found.append(cache.DesiredCache(cache.folders(context.host, params["cache_dir"] or "")))
        return found

    def resource_of(self, desired: t.Any) -> Resource[t.Any, t.Any]:
        if not isinstance(desired, DesiredEnvironment):
            return self._resources["cache"]
        return self._resources["lock" if desired.state == "locked" else "environment"]

    def result(self, outcomes: list[Outcome[t.Any]]) -> dict[str, t.Any]:
        """One entry per environment, failed ones included."""
        return {"environments": [_told(item) for item in outcomes if isinstance(item.desired, DesiredEnvironment)]}


def _told(outcome: Outcome[DesiredEnvironment]) -> dict[str, t.Any]:
    told: dict[str, t.Any] = {
        "name": outcome.desired.name,
        "path": outcome.desired.link,
        "changed": outcome.changed,
        "failed": outcome.error is not None,
        "drift": [],
        "added": {},
        "removed": {},
        "replaced": {},
        "seconds": round(outcome.seconds, 3),
        **outcome.details,
    }
    if outcome.error is not None:
        told.update(outcome.error.details, msg=str(outcome.error), code=outcome.error.code)
    return told
