# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The arguments that pip_pinned and python_env_info share; their texts are in the fragment python_sources."""

from __future__ import annotations

import typing as t

SOURCES_SPEC: dict[str, dict[str, t.Any]] = {
    "engine": {"type": "str", "choices": ["auto", "uv", "pip"], "default": "auto"},
    "executable": {"type": "str"},
    "toolbox": {"type": "path"},
    "index_url": {"type": "str"},
    "extra_index_urls": {"type": "list", "elements": "str", "default": []},
    "find_links": {"type": "list", "elements": "str", "default": []},
    "no_index": {"type": "bool", "default": False},
    "trusted_hosts": {"type": "list", "elements": "str", "default": []},
    "ca_bundle": {"type": "path"},
    "offline": {"type": "bool", "default": False},
    "no_cache": {"type": "bool", "default": False},
    "cache_dir": {"type": "path"},
    "python_downloads": {"type": "bool", "default": True},
    "python_mirror": {"type": "str"},
    "python_downloads_json": {"type": "str"},
    "timeout": {"type": "float", "default": 3600},
}
