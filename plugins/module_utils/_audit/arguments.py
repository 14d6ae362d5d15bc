# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of dep_audit, for the host's half and the controller's."""

from __future__ import annotations

import typing as t

PROBLEMS = (
    "broken_metadata",
    "broken_requirement",
    "licence_denied",
    "may_differ",
    "no_advisories",
    "not_answered",
    "not_audited",
    "outdated",
    "undecided",
    "unhashed",
    "unknown_package",
    "unpinned",
    "unreadable_requirement",
    "untrusted_origin",
    "yanked",
)
# Those that the host's half needs.
OF_HOST = ("paths", "roots", "generations", "search", "files", "os_packages")


def _strings(*default: str) -> dict[str, t.Any]:
    return {"type": "list", "elements": "str", "default": list(default)}


def _paths(*default: str) -> dict[str, t.Any]:
    return {"type": "list", "elements": "path", "default": list(default)}


_IGNORE = {
    "id": {"type": "str"},
    "package": {"type": "str"},
    "groups": _strings(),
    "reason": {"type": "str", "required": True},
    "expires": {"type": "str", "required": True},
}
_POLICY = {
    "fail_on": {"type": "str", "choices": ["low", "medium", "high", "critical"]},
    "fail_on_unknown": {"type": "bool", "default": False},
    "max_age_days": {"type": "int"},
    "fail_on_problems": _strings(),
    "ignore": {"type": "list", "elements": "dict", "default": [], "options": _IGNORE},
    "allow_licences": _strings(),
    "deny_licences": _strings(),
    "trusted_origins": _strings(),
}
SPEC: dict[str, t.Any] = {
    "paths": _strings("auto"),
    "roots": _paths("/opt/mlstack/envs"),
    "generations": {"type": "str", "choices": ["all", "current"], "default": "current"},
    "search": _paths(),
    "files": _strings(),
    "os_packages": {"type": "str", "choices": ["none", "stack", "all"], "default": "none"},
    "remote_src": {"type": "bool", "default": False},
    "advisories": {"type": "list", "elements": "raw", "default": []},
    "system_advisories": {"type": "list", "elements": "raw", "default": []},
    "cache_dir": {"type": "str", "default": "~/.cache/gpufleet-mlstack/advisories"},
    "index": {"type": "str"},
    "policy": {"type": "dict", "options": _POLICY},
    "enforce": {"type": "bool", "default": True},
}
