# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of advisory_mirror: it fetches, checks and keeps advisories on the controller, and asks no host."""

from __future__ import annotations

import os
import typing as t
from datetime import datetime, timezone

from ansible.plugins.action import ActionBase
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import failure
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import mirrors
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache

_SPEC: dict[str, t.Any] = {
    "location": {"type": "str", "required": True},
    "dest": {"type": "path", "required": True},
    "sha256": {"type": "str"},
    "unverified": {"type": "bool", "default": False},
    "systems": {"type": "bool", "default": False},
    "max_age_days": {"type": "int"},
    "canary": {"type": "str"},
    "ca_bundle": {"type": "path"},
    "token": {"type": "str", "no_log": True},
    "proxy": {"type": "str"},
    "seconds": {"type": "float", "default": 600.0},
    "megabytes": {"type": "float", "default": 1024.0},
    "cache_dir": {"type": "str", "default": "~/.cache/gpufleet-mlstack/advisories"},
}


class ActionModule(ActionBase):
    """Works on the controller; sends nothing to any host."""

    _supports_check_mode = True
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        redactor = Redactor([str(self._task.args.get("token") or "")])
        redactor.learn(self._task.args)
        _checked, options = self.validate_argument_spec(argument_spec=_SPEC)
        result["changed"] = False
        try:
            result.update(self._mirrored(options))
        except MlstackError as error:
            result.update(failure(error))
        answer: dict[str, t.Any] = redactor.data(result)
        return answer

    def _mirrored(self, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        wanted = mirrors.wanted_of(options)
        cache = Cache(os.path.expanduser(options["cache_dir"]))
        found = mirrors.fetch(wanted, cache, datetime.now(timezone.utc), check_mode=bool(self._task.check_mode))
        return {
            "changed": found.changed,
            "dest": wanted.target,
            "sha256": found.sha256,
            "advisories": found.database.advisories,
            "skipped": found.database.skipped,
            "date": found.database.date,
            "age_days": found.database.age_days,
            "notes": list(found.notes),
        }
