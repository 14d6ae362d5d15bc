# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The arguments of conda_env."""

from __future__ import annotations

import typing as t

ENVIRONMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "choices": ["present", "updated", "cloned", "absent", "rolled_back"],
        "default": "present",
    },
    "packages": {"type": "list", "elements": "str", "default": []},
    "channels": {"type": "list", "elements": "str", "default": []},
    "file": {"type": "path"},
    "remote_src": {"type": "bool", "default": False},
    "categories": {"type": "list", "elements": "str", "default": ["main"]},
    "environment": {"type": "str", "default": "default"},
    "exact": {"type": "bool", "default": True},
    "pip_packages": {"type": "list", "elements": "str", "default": []},
    "pip_requirements": {"type": "list", "elements": "str", "default": []},
    "pip_require_hashes": {"type": "bool", "default": False},
    "pip_may_replace": {"type": "list", "elements": "str", "default": []},
    "virtual_packages": {"type": "dict"},
    "clone_of": {"type": "str"},
    "verify_imports": {"type": "list", "elements": "str", "default": []},
    "verify_files": {"type": "bool", "default": False},
    "link_scripts": {"type": "bool", "default": True},
    "compile_bytecode": {"type": "bool", "default": True},
    "keep": {"type": "int", "default": 2},
    "adopt": {"type": "bool", "default": False},
    "reinstall": {"type": "bool", "default": False},
    "rollback_to": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "export_to": {"type": "path"},
    "export_format": {
        "type": "str",
        "choices": ["environment", "history", "explicit", "conda_lock"],
        "default": "explicit",
    },
}
# Files may hold credentials, and arguments go to the system log.
SPEC: dict[str, dict[str, t.Any]] = {
    "root": {"type": "path", "default": "/opt/mlstack/envs"},
    "engine": {"type": "str", "choices": ["auto", "rattler", "micromamba", "mamba", "conda"], "default": "auto"},
    "executable": {"type": "str"},
    "toolbox": {"type": "path"},
    "channels": {"type": "list", "elements": "str", "default": []},
    "channel_alias": {"type": "str"},
    "channel_priority": {"type": "str", "choices": ["strict", "flexible", "disabled"], "default": "strict"},
    "mirrors": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "of": {"type": "str", "required": True},
            "urls": {"type": "list", "elements": "str", "required": True},
        },
    },
    "credentials": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str", "required": True},
            "user": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "token": {"type": "str", "no_log": True},
            "conda_token": {"type": "str", "no_log": True},
        },
    },
    "ca_bundle": {"type": "path"},
    "proxy": {"type": "str"},
    "no_proxy": {"type": "str"},
    "offline": {"type": "bool", "default": False},
    "cache_dir": {"type": "path"},
    "purge_cache": {"type": "bool", "default": False},
    "pip_engine": {"type": "str", "choices": ["auto", "uv", "pip"], "default": "auto"},
    "pip_executable": {"type": "str"},
    "index_url": {"type": "str"},
    "extra_index_urls": {"type": "list", "elements": "str", "default": []},
    "find_links": {"type": "list", "elements": "str", "default": []},
    "no_index": {"type": "bool", "default": False},
    "trusted_hosts": {"type": "list", "elements": "str", "default": []},
    "platform": {"type": "str"},
    "timeout": {"type": "float", "default": 3600},
    "lock_timeout": {"type": "float", "default": 600},
    "environment_files": {"type": "dict", "no_log": True},
}
