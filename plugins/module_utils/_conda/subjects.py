# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What conda_env manages: environments and the package cache, behind one subject."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._by_kind import ByKind
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import url_credentials
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import wish as wishing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.environment import Environments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.wish import CondaWish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Subject


class CondaEnvironments(ByKind):
    """Gives each wish to the subject that knows its kind."""

    unshown = ("environment_files",)

    def __init__(self) -> None:
        self._subjects: dict[str, Subject[t.Any, t.Any]] = {}

    def wishes(self, params: t.Mapping[str, t.Any], context: Context) -> list[t.Any]:
        params = url_credentials.out_of_arguments(params)
        for item in params["credentials"]:
            for key in ("password", "token", "conda_token"):
                if item[key]:
                    context.redactor.add(item[key])
        found: list[t.Any] = list(wishing.wishes(params))
        self._subjects["environment"] = Environments(params)
        if params["purge_cache"]:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import cache_subject

            self._subjects["cache"] = cache_subject.Caches()
            found.append(cache_subject.of(params["cache_dir"] or ""))
        return found

    def subject_of(self, wish: t.Any) -> Subject[t.Any, t.Any]:
        return self._subjects["environment" if isinstance(wish, CondaWish) else "cache"]

    def result(self, outcomes: list[Outcome[t.Any]]) -> dict[str, t.Any]:
        """One entry per environment, failed ones included, and the space that a purge of the cache gave back."""
        told: dict[str, t.Any] = {
            "environments": [_told(item) for item in outcomes if isinstance(item.wish, CondaWish)]
        }
        for item in outcomes:
            if not isinstance(item.wish, CondaWish):
                told["cache"] = item.details.get("cache", [])
        return told


def _told(outcome: Outcome[CondaWish]) -> dict[str, t.Any]:
    told: dict[str, t.Any] = {
        "name": outcome.wish.name,
        "path": outcome.wish.link,
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
