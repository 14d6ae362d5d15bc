# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What conda_env manages: environments and the package cache, behind one subject."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._by_kind import ByKind
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import desired as desiring
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import url_credentials
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.environment import Environments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Resource


class CondaEnvironments(ByKind):
    """Gives each desired state to the resource that knows its kind."""

    left_out = ("environment_files",)

    def __init__(self) -> None:
        self._resources: dict[str, Resource[t.Any, t.Any]] = {}

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[t.Any]:
        params = url_credentials.out_of_arguments(params)
        for item in params["credentials"]:
            for key in ("password", "token", "conda_token"):
                if item[key]:
                    context.redactor.add(item[key])
        found: list[t.Any] = list(desiring.all_desired(params))
        self._resources["environment"] = Environments(params)
        if params["purge_cache"]:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import cache_resource

            self._resources["cache"] = cache_resource.Caches()
            found.append(cache_resource.of(params["cache_dir"] or ""))
        return found

    def resource_of(self, desired: t.Any) -> Resource[t.Any, t.Any]:
        return self._resources["environment" if isinstance(desired, DesiredCondaEnvironment) else "cache"]

    def result(self, outcomes: list[Outcome[t.Any]]) -> dict[str, t.Any]:
        """One entry per environment, failed ones included, and the space that a purge of the cache gave back."""
        told: dict[str, t.Any] = {
            "environments": [_told(item) for item in outcomes if isinstance(item.desired, DesiredCondaEnvironment)]
        }
        for item in outcomes:
            if not isinstance(item.desired, DesiredCondaEnvironment):
                told["cache"] = item.details.get("cache", [])
        return told


def _told(outcome: Outcome[DesiredCondaEnvironment]) -> dict[str, t.Any]:
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
