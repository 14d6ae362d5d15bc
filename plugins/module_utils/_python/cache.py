# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The cache of the engines: where it is, how big, and its removal."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

# What uv (CACHE_BUCKETS with their versions) and pip put into a cache. Whatever else lies in such a folder is not ours.
_ENTRY = re.compile(r"CACHEDIR\.TAG|\.gitignore|\.lock|[a-z]+(?:-[a-z]+)*-v\d+|http|wheels|selfcheck(?:\.json)?")


@dataclass(frozen=True)
class DesiredCache:
    """The caches at ``folders`` are to be empty."""

    folders: tuple[str, ...]


@dataclass(frozen=True)
class Cache:
    """A folder and how many bytes it holds, hard links counted once. ``foreign`` names are no engine's."""

    folder: str
    size: int
    foreign: tuple[str, ...] = ()


def folders(host: Host, cache_dir: str = "") -> tuple[str, ...]:
    """Where uv and pip keep their caches for this user: the option, else each engine's variable, else XDG's place."""
    if cache_dir:
        return (cache_dir,)
    home = host.environ.get("HOME") or os.path.expanduser("~")
    base = host.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    named = {"UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip"}
    return tuple(host.environ.get(variable) or os.path.join(base, name) for variable, name in named.items())


def observe(paths: t.Iterable[str]) -> list[Cache]:
    """The caches that exist and hold something."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

    found = []
    for folder in paths:
        size = disk.size_of(folder)
        if size and os.listdir(folder):
            foreign = tuple(sorted(name for name in os.listdir(folder) if not _ENTRY.fullmatch(name)))
            found.append(Cache(folder, size, foreign))
    return found


class Caches(Resource[DesiredCache, list[Cache]]):
    """Empties caches."""

    def title(self, desired: DesiredCache) -> str:
        return "cache"

    def observe(self, desired: DesiredCache, context: Context) -> list[Cache]:
        return observe(desired.folders)

    def plan(self, desired: DesiredCache, observed: list[Cache]) -> Plan:
        for cache in observed:
            if cache.foreign:
                raise MlstackError(
                    "not_a_cache",
                    wanted=f"the cache {cache.folder} deleted",
                    found=f"{', '.join(cache.foreign[:5])} in it, which neither uv nor pip puts into a cache",
                    to_fix="move that away, or name the folder of the cache itself with cache_dir",
                )
        return Plan(
            tuple(
                Action("purge", cache.folder, f"delete the cache {cache.folder} of {cache.size / 1e6:.1f} MB")
                for cache in observed
            ),
            before=tuple(f"{cache.folder} {cache.size} bytes" for cache in observed),
        )

    def handlers(self, desired: DesiredCache, context: Context) -> dict[str, t.Any]:
        return {"purge": _purge}


def _purge(actions: t.Sequence[Action], change: t.Any) -> None:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

    for action in actions:
        with disk.explained(f"delete the cache {action.subject}"):
            disk.delete(action.subject)
