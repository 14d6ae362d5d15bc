# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes how long each task took on each host, as JSON lines, to the file that MLSTACK_TASK_TIMES names.

The seconds are wall time from the start of the task to its result on the host, as its user sees it. The CPU seconds are
those of the controller's processes, and with a local connection of the module too; what a container or an ssh server
spends is not in them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_times
type: aggregate
short_description: Task durations as JSON lines
description: For the benchmarks of this repository.
"""


class CallbackModule(CallbackBase):
    """One line for each task and host, and one for each task with its CPU seconds."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_times"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._stream = open(os.environ["MLSTACK_TASK_TIMES"], "a", encoding="utf-8")  # noqa: SIM115
        self._task: str | None = None
        self._started = self._cpu = 0.0

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._close()
        self._task = task.get_name().strip()
        self._cpu, self._started = _cpu(), time.perf_counter()

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._close()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._write(result, "changed" if result._result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._write(result, "failed", str(result._result.get("msg", result._result)))

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._write(result, "unreachable", str(result._result.get("msg", result._result)))

    def _write(self, result: t.Any, status: str, message: str = "") -> None:
        seconds = time.perf_counter() - self._started
        line = {"task": self._task, "host": result._host.get_name(), "seconds": seconds, "status": status}
        print(json.dumps({**line, "message": message}), file=self._stream, flush=True)

    def _close(self) -> None:
        if self._task is not None:
            print(json.dumps({"task": self._task, "cpu": _cpu() - self._cpu}), file=self._stream, flush=True)
        self._task = None


def _cpu() -> float:
    """CPU seconds of this process and of its children, the workers of the last task included."""
    deadline = time.monotonic() + 1
    while multiprocessing.active_children() and time.monotonic() < deadline:  # only what was waited for is counted
        time.sleep(0.002)
    return sum(os.times()[:4])
