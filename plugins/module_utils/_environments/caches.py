# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emptying the caches that engines fill."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


@dataclass(frozen=True)
class DesiredCache:
    """The caches at ``folders`` are to be empty. ``entry`` is a pattern of what an engine puts there: a folder that
    holds anything else is not ours to delete."""

    folders: tuple[str, ...]
    entry: str = r"(?s:.*)"


@dataclass(frozen=True)
class Cache:
    """A folder, how many bytes it holds (hard links counted once), and names in it that are no engine's."""

    folder: str
    size: int
    foreign: tuple[str, ...] = ()


class Caches(Resource[DesiredCache, "list[Cache]"]):
    """Empties caches."""

    def title(self, desired: DesiredCache) -> str:
        return "cache"

    def observe(self, desired: DesiredCache, context: Context) -> list[Cache]:
        return observe(desired)

    def plan(self, desired: DesiredCache, observed: list[Cache]) -> Plan:
        for cache in observed:
            if cache.foreign:
                raise MlstackError(
                    "not_a_cache",
                    wanted=f"the cache {cache.folder} deleted",
                    found=f"{', '.join(cache.foreign[:5])} in it, which no engine puts into a cache",
                    to_fix="move that away, or name the folder of the cache itself with cache_dir",
                )
        return Plan(
            tuple(
                Action("purge", cache.folder, f"delete the cache {cache.folder} of {cache.size / 1e6:.1f} MB")
                for cache in observed
            ),
            before=tuple(f"{cache.folder} {cache.size} bytes" for cache in observed),
            details={"cache": [{"path": cache.folder, "size": cache.size} for cache in observed]},
        )

    def handlers(self, desired: DesiredCache, context: Context) -> dict[str, t.Any]:
        return {"purge": _purge}


def observe(desired: DesiredCache) -> list[Cache]:
    """The caches that exist and hold something."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

    found = []
    for folder in desired.folders:
        size = disk.size_of(folder)
        names = sorted(os.listdir(folder)) if size else []
        if names:
            foreign = tuple(name for name in names if not re.fullmatch(desired.entry, name))
            found.append(Cache(folder, size, foreign))
    return found


def _purge(actions: t.Sequence[Action], change: t.Any) -> None:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

    for action in actions:
        with disk.explained(f"delete the cache {action.subject}"):
            disk.delete(action.subject)
