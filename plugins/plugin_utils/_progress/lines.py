# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in plain lines, for logs and for terminals that cannot be drawn on. Pure: events in, lines out."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Problem, Run, Task
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.summary import Line
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.text import few, one_line, seconds
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Told

PATIENCE = 1.0  # seconds after which a task that runs is named; one that is skipped everywhere is not by then
GATHERED = 2.0  # seconds for which hosts that changed are gathered into one line
SILENCE = 30.0  # seconds after which it is said what is still running


class Lines:
    """Turns what happens into lines. Without ``tasks`` only problems and what tasks of debug say are told."""

    def __init__(self, run: Run, tasks: bool = True) -> None:
        self._run = run
        self._tasks = tasks
        self._waiting: dict[str, tuple[Task, float]] = {}
        self._named: set[str] = set()
        self._changed: dict[str, list[str]] = {}
        self._changed_at = 0.0
        self._said: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        self._told_at = run.started

    def started(self, task: Task, at: float) -> list[Line]:
        if self._tasks and not task.quiet and task.uuid not in self._named:
            self._waiting.setdefault(task.uuid, (task, at))
        return []

    def ended(self, name: str, task: Task, told: Told, problem: Problem | None, at: float) -> list[Line]:
        if told.status == "skipped":
            return []
        lines = self._name(task, at)
        if told.status == "changed" and self._tasks:
            self._changed_at = self._changed_at or at
            self._changed.setdefault(task.uuid, []).append(name)
        if told.says:
            self._said.setdefault((task.uuid, told.says), []).append(name)
        if problem is not None:
            lines += self.flush(at)
            lines.append(self._problem(name, problem))
        return self._note(lines, at)

    def tick(self, at: float) -> list[Line]:
        """What is due by now."""
        lines: list[Line] = []
        running = {host.now.uuid for host in self._run.running() if host.now is not None}
        for uuid, (task, since) in list(self._waiting.items()):
            if uuid not in running and at - since > PATIENCE:
                del self._waiting[uuid]  # it was skipped
            elif at - since > PATIENCE:
                lines += self._name(task, at)
        if self._changed and at - self._changed_at > GATHERED:
            lines += self.flush(at)
        if self._tasks and not lines and at - self._told_at > SILENCE:
            lines += self._still(at)
        return self._note(lines, at)

    def flush(self, at: float) -> list[Line]:
        """What was gathered."""
        lines: list[Line] = []
        verb = "would change" if self._run.preview else "changed"
        for hosts in self._changed.values():
            lines.append(("changed", f"{'':8}{verb}: {few(hosts)}"))
        for (_uuid, says), hosts in self._said.items():
            everywhere = len(self._run.hosts) == 1 or len(hosts) == len(self._run.hosts)
            if not everywhere:
                lines.append(("title", f"{few(hosts)}:"))
            lines += [("plain", line) for line in says]
        self._changed, self._changed_at, self._said = {}, 0.0, {}
        return self._note(lines, at)

    def _note(self, lines: list[Line], at: float) -> list[Line]:
        if lines:
            self._told_at = at
        return lines

    def _name(self, task: Task, at: float) -> list[Line]:
        self._waiting.pop(task.uuid, None)
        if not self._tasks or task.quiet or task.uuid in self._named:
            return []
        self._named.add(task.uuid)
        return [*self.flush(at), ("title", f"{self._clock(at)}{title(task)}")]

    def _clock(self, at: float) -> str:
        return f"{seconds(at - self._run.started):>6}  "

    def _problem(self, name: str, problem: Problem) -> Line:
        sentence = problem.sentences[0].found if problem.sentences else ""
        code = f" ({problem.code})" if problem.code else ""
        return problem.status, f"{'':8}{problem.status}: {one_line(name, 60)}{code}: {one_line(sentence, 200)}"

    def _still(self, at: float) -> list[Line]:
        by_task: dict[str, tuple[Task, list[str], float]] = {}
        for host in self._run.running():
            if host.now is not None:
                by_task.setdefault(host.now.uuid, (host.now, [], host.since))[1].append(host.name)
        return [
            ("plain", f"{self._clock(at)}{title(task)}: still running for {seconds(at - since)} on {few(hosts)}")
            for task, hosts, since in by_task.values()
        ]


def title(task: Task) -> str:
    """A task with its phase."""
    name = one_line(task.name, 120)
    return f"[{one_line(task.phase, 60)}] {name}" if task.role else name


def event(kind: str, at: float, **fields: t.Any) -> dict[str, t.Any]:
    """An event for programs: one JSON object."""
    return {
        "event": kind,
        "at": round(at, 3),
        **{key: value for key, value in fields.items() if value not in ("", None)},
    }
