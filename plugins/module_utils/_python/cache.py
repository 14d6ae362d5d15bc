# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engines keep their caches, and what they put there."""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.caches import DesiredCache
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

# What uv (CACHE_BUCKETS with their versions) and pip put into a cache. Whatever else lies in such a folder is not ours.
_ENTRY = r"CACHEDIR\.TAG|\.gitignore|\.lock|[a-z]+(?:-[a-z]+)*-v\d+|http|wheels|selfcheck(?:\.json)?"


def empty(host: Host, cache_dir: str = "") -> DesiredCache:
    """That the caches of this user are empty."""
    return DesiredCache(folders(host, cache_dir), _ENTRY)


def folders(host: Host, cache_dir: str = "") -> tuple[str, ...]:
    """Where uv and pip keep their caches for this user: the option, else each engine's variable, else XDG's place."""
    if cache_dir:
        return (cache_dir,)
    home = host.environ.get("HOME") or os.path.expanduser("~")
    base = host.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    named = {"UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip"}
    return tuple(host.environ.get(variable) or os.path.join(base, name) for variable, name in named.items())
