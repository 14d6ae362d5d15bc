# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where conda's packages are kept, and how much of the disk that takes."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import surroundings
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import ARCHIVE_SUFFIXES
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.caches import DesiredCache
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host


@dataclass(frozen=True)
class Cache:
    """A folder, the bytes in it (hard links counted once) and how many unpacked packages it has."""

    folder: str
    size: int
    packages: int


def folders(host: Host, cache_dir: str = "", sources: t.Iterable[str] = ()) -> tuple[str, ...]:
    """Where packages may lie for this user: the option, else our own place, conda's variable and conda's own place.

    ``sources`` are the folders that the records of environments name; those that exist here are told as well.
    """
    home = host.environ.get("HOME") or os.path.expanduser("~")
    base = host.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    listed = [part.strip() for part in host.environ.get("CONDA_PKGS_DIRS", "").split(",") if part.strip()]
    usual = [os.path.join(base, "gpufleet-mlstack", "conda"), *listed, os.path.join(home, ".conda", "pkgs")]
    found = [cache_dir] if cache_dir else usual
    found += [folder for folder in sorted(sources) if not any(_within(folder, known) for known in found)]
    return tuple(dict.fromkeys(os.path.abspath(folder) for folder in found))


def empty(cache_dir: str) -> DesiredCache:
    """That the cache of this collection's engines is empty: unpacked packages, their bytecode, what channels listed.
    Nothing else that lies there goes, and other clients' caches stay."""
    folder = cache_dir or surroundings.default_cache()
    return DesiredCache(tuple(f"{folder}/{name}" for name in ("pkgs", "bytecode", "repodata")))


def observe(paths: t.Iterable[str]) -> list[Cache]:
    """The caches that exist and hold something."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

    found = []
    for folder in paths:
        size = disk.size_of(folder)
        if size and os.listdir(folder):
            found.append(Cache(folder, size, _unpacked(folder)))
    return found


def _unpacked(folder: str) -> int:
    """How many packages are unpacked in a cache, or in the C(pkgs) folder of one."""
    count = 0
    for place in (folder, os.path.join(folder, "pkgs")):
        for name in os.listdir(place) if os.path.isdir(place) else ():
            if not name.endswith(ARCHIVE_SUFFIXES) and os.path.isdir(os.path.join(place, name, "info")):
                count += 1
    return count


def _within(path: str, folder: str) -> bool:
    return os.path.commonpath([os.path.abspath(path), os.path.abspath(folder)]) == os.path.abspath(folder)
