# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible callback: writes down, one JSON file a run, what every module of this collection planned and did.

Files are numbered in the order of the runs and say whether a run was in check mode; PLAN_RECORD_DIRECTORY takes them.
"""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: plan_record
type: notification
short_description: Write down what the modules of this collection planned
description: For molecule's comparison of check mode with the real run.
requirements: [enabled in the configuration]
"""

OF_THIS_COLLECTION = "gpufleet.mlstack."


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "plan_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._playbook = ""
        self._results: list[dict[str, t.Any]] = []

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        self._playbook = Path(playbook._file_name).stem

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._add(result, failed=False)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._add(result, failed=True)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        # What a scenario prepares with modules of ours is no run that another one is compared with.
        if not self._results or self._playbook == "prepare":
            return
        directory = Path(os.environ["PLAN_RECORD_DIRECTORY"])
        directory.mkdir(parents=True, exist_ok=True)
        check_mode = bool(context.CLIARGS.get("check"))
        record = {"playbook": self._playbook, "check_mode": check_mode, "results": self._results}
        number = len(list(directory.glob("*.json"))) + 1
        (directory / f"{number:03d}.json").write_text(json.dumps(record, indent=1))

    def _add(self, result: t.Any, *, failed: bool) -> None:
        module = result._task.resolved_action or ""
        if module.startswith(OF_THIS_COLLECTION):
            content = result._result
            self._results.append(
                {
                    "host": result._host.get_name(),
                    "module": module,
                    "changed": bool(content.get("changed")),
                    "failed": failed,
                    "plan": content.get("plan", []),
                }
            )
