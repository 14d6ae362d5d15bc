# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What pip_pinned manages: environments, their locks, and the engines' caches, behind one subject."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._by_kind import ByKind
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Subject
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import wish as wishing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.environment import Environments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.wish import EnvironmentWish


class PythonEnvironments(ByKind):
    """Gives each wish to the subject that knows its kind."""

    unshown = ("requirement_files",)

    def __init__(self) -> None:
        self._subjects: dict[str, Subject[t.Any, t.Any]] = {}

    def wishes(self, params: t.Mapping[str, t.Any], context: Context) -> list[t.Any]:
        found: list[t.Any] = list(wishing.wishes(params))
        self._subjects["environment"] = Environments(params)
        if any(wish.state == "locked" for wish in found):
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.lockfile import Locks

            self._subjects["lock"] = Locks(params)
        if params["purge_cache"]:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import cache

            self._subjects["cache"] = cache.Caches()
            found.append(cache.CacheWish(cache.folders(context.host, params["cache_dir"] or "")))
        return found

    def subject_of(self, wish: t.Any) -> Subject[t.Any, t.Any]:
        if not isinstance(wish, EnvironmentWish):
            return self._subjects["cache"]
        return self._subjects["lock" if wish.state == "locked" else "environment"]

    def result(self, outcomes: list[Outcome[t.Any]]) -> dict[str, t.Any]:
        """One entry per environment, failed ones included."""
        return {"environments": [_told(item) for item in outcomes if isinstance(item.wish, EnvironmentWish)]}


def _told(outcome: Outcome[EnvironmentWish]) -> dict[str, t.Any]:
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
