# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run is shown: as plain lines, as a picture, quietly, or as JSON lines. One lock, one thread that ticks."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import threading
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress import timings
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.lines import Lines, event
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.picture import picture
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.screen import Stream, Terminal
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Run, Task
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.summary import (
    Line,
    as_data,
    bad_hosts,
    summary,
)
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Told

TICK = 0.5
LONGEST_LIMIT = 300  # characters
Print = t.Callable[[Line], None]


class View:
    """Takes the events of a run. ``mode`` is live, plain, quiet, json, or full, where others print all but the end."""

    def __init__(self, mode: str, run: Run, show: Print, kind: str, forks: int) -> None:
        self.run = run
        self.mode = mode
        self._show = show
        self._kind = kind
        self._forks = forks
        self._lock = threading.RLock()
        self._lines = Lines(run, tasks=mode == "plain")
        self._file = timings.path(os.environ)
        self._timings = timings.load(self._file)
        self._terminal: Terminal | None = None
        self._streams: tuple[Stream, Stream] | None = None
        self._over = threading.Event()

    def start(self) -> None:
        """Begin to tick and, on a terminal, to draw."""
        if self.mode == "live":
            sys.stdout.flush()
            sys.stderr.flush()
            self._terminal = Terminal(sys.stdout.fileno())
            self._streams = Stream(sys.stdout, self._terminal), Stream(sys.stderr, self._terminal)
            sys.stdout = self._streams[0]
            if sys.stderr.isatty():
                sys.stderr = self._streams[1]
        if self.mode in ("live", "plain"):
            threading.Thread(target=self._ticking, name="progress", daemon=True).start()

    def play_started(self, name: str, hosts: list[str]) -> None:
        with self._lock:
            self.run.play_started(name, hosts)
            self._emit("play_started", play=name, hosts=hosts)
            if self.mode == "plain":
                self._print([("title", f"{name}: {len(hosts)} hosts" if len(hosts) != 1 else name)])

    def host_started(self, name: str, task: Task) -> None:
        with self._lock:
            now = time.time()
            self.run.host_started(name, task, now)
            self._emit("task_started", host=name, phase=task.phase, task=task.name)
            self._print(self._lines.started(task, now))
            if task.prompts:
                self.hold()

    def host_ended(self, name: str, task: Task, told: Told, ignored: bool = False) -> None:
        with self._lock:
            now = time.time()
            host = self.run.host(name)
            spent = round(now - host.since, 3) if host.now is not None else None
            problem = self.run.host_ended(name, task, told, now, ignored)
            self._emit_end(name, task, told, ignored, spent)
            if task.prompts:
                self.release()
            self._print(self._lines.ended(name, task, told, None if self.mode == "quiet" else problem, now))

    def warn(self, text: str) -> None:
        """Something about the run as a whole, told at once and once more in the end."""
        with self._lock:
            self.run.warn(text)
            self._emit("warning", text=text)
            if self.mode != "json":
                self._show(("warning", f"WARNING {text}"))

    def above(self, lines: list[Line]) -> None:
        """Lines of others, between ours."""
        with self._lock:
            self._print(self._lines.flush(time.time()) + lines)

    def hold(self) -> None:
        if self._terminal is not None:
            self._terminal.hold()

    def release(self) -> None:
        if self._terminal is not None and self._terminal.held:
            self._terminal.release()

    def end(self, failures: t.Mapping[str, int], dark: t.Mapping[str, int], again: str) -> None:
        """The summary."""
        with self._lock:
            now = time.time()
            self._stop(now)
            self.run.ended(failures, dark)
            self._emit("summary", **as_data(self.run, now))
            if self.mode != "json":
                for line in [("plain", ""), *summary(self.run, now, self._next(again))]:
                    self._show(line)
            timings.save(self._file, timings.learnt(self._timings, self._kind, self.run))

    def _next(self, again: str) -> str:
        """The command for the hosts that need it. More than fit on a line stand in a file."""
        bad = bad_hosts(self.run)
        if not bad or not again or len(self.run.hosts) == 1:
            return ""
        limit = ",".join(bad)
        if len(limit) > LONGEST_LIMIT:
            name = os.path.join(os.path.dirname(self._file), "failed-hosts")
            if not timings.write(name, "".join(f"{host}\n" for host in bad)):
                return ""
            limit = f"@{name}"
        return f"{again} --limit {shlex.quote(limit)}"

    def abandon(self) -> None:
        """The run ended before its end: hand the terminal back, and say what is known."""
        with self._lock:
            if self._over.is_set():
                return
            now = time.time()
            running = [host.name for host in self.run.running()]
            bad = {host.name: 1 for host in self.run.hosts.values() if host.problems}
            self._stop(now)
            self.run.ended(bad, {})
            self._emit("interrupted", running=running)
            if self.mode != "json" and self.run.hosts:
                for line in [("plain", ""), *summary(self.run, now)]:
                    self._show(line)

    def _stop(self, now: float) -> None:
        self._over.set()
        self._print(self._lines.flush(now))
        if self._terminal is not None:
            self._terminal.close()
        if self._streams is not None:
            sys.stdout = self._streams[0].end()
            if sys.stderr is self._streams[1]:
                sys.stderr = self._streams[1].end()
            self._streams = None

    def _ticking(self) -> None:
        while not self._over.wait(TICK):
            with self._lock:
                if self._over.is_set():
                    return
                now = time.time()
                self._print(self._lines.tick(now))
                if self._terminal is not None:
                    self._draw(now)

    def _draw(self, now: float) -> None:
        if self._terminal is None or not self.run.hosts:
            return
        rest = timings.rest(self._timings.get(self._kind, {}), self.run, now, self._forks)
        size = shutil.get_terminal_size()
        colours = not os.environ.get("NO_COLOR")
        self._terminal.draw(picture(self.run, now, rest, size.columns, max(6, size.lines - 2), colours))

    def _print(self, lines: list[Line]) -> None:
        if self.mode in ("live", "plain", "quiet"):
            for line in lines:
                self._show(line)

    def _emit(self, name: str, **fields: t.Any) -> None:
        if self.mode == "json":
            self._show(("plain", json.dumps(event(name, time.time(), **fields), default=str)))

    def _emit_end(self, name: str, task: Task, told: Told, ignored: bool, spent: float | None) -> None:
        sentences = [{key: value for key, value in vars(one).items() if value} for one in told.sentences]
        self._emit(
            "task_ended",
            host=name,
            phase=task.phase,
            task=task.name,
            status="ignored" if ignored and told.status in ("failed", "unreachable") else told.status,
            seconds=spent,
            code=told.code,
            sentences=sentences or None,
            warnings=list(told.warnings) or None,
            says=list(told.says) or None,
        )
