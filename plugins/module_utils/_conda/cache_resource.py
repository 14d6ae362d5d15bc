# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Deleting the package cache, and saying how much of the disk that gives back."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import package_cache, surroundings
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.package_cache import Cache
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


@dataclass(frozen=True)
class DesiredCache:
    """The cache that engines of this collection fill, at ``folder``, is to be empty. Other clients' caches stay."""

    folder: str


def of(cache_dir: str) -> DesiredCache:
    return DesiredCache(cache_dir or surroundings.default_cache())


class Caches(Resource[DesiredCache, "list[Cache]"]):
    """Empties the cache: unpacked packages, their bytecode, and what channels listed; nothing else that lies there."""

    _OURS = ("pkgs", "bytecode", "repodata")

    def title(self, desired: DesiredCache) -> str:
        return "cache"

    def observe(self, desired: DesiredCache, context: Context) -> list[Cache]:
        return package_cache.observe(f"{desired.folder}/{name}" for name in self._OURS)

    def plan(self, desired: DesiredCache, observed: list[Cache]) -> Plan:
        return Plan(
            tuple(
                Action("purge", cache.folder, f"delete {cache.folder} of {cache.size / 1e6:.1f} MB")
                for cache in observed
            ),
            before=tuple(f"{cache.folder} {cache.size} bytes" for cache in observed),
            details={"cache": [{"path": cache.folder, "size": cache.size} for cache in observed]},
        )

    def handlers(self, desired: DesiredCache, context: Context) -> dict[str, t.Any]:
        return {"purge": _purge}


def _purge(actions: t.Sequence[Action], change: t.Any) -> None:
    for action in actions:
        with disk.explained(f"delete the cache {action.subject}"):
            disk.delete(action.subject)
