# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that layers run, from several threads, and how all of them are ended by one interrupt."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import typing as t


class Stopped(Exception):
    """No program is started or waited for any more: somebody interrupted the run."""


class Programs:
    """Runs programs, each in a session of its own, so that an interrupt reaches them once and through here only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopping = False

    def call(self, argv: list[str], cwd: str, env: dict[str, str], stream: t.IO[t.Any], timeout_s: float) -> int:
        """Run a program with its output in C(stream); its status. Raises subprocess.TimeoutExpired, or Stopped."""
        with self._lock:
            if self._stopping:
                raise Stopped
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(process)
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if self._stopping:
            raise Stopped
        return status

    def stop(self) -> None:
        """Interrupt what runs, and start nothing more."""
        with self._lock:
            self._stopping = True
            for process in self._running:
                _signal(process, signal.SIGINT)

    def kill(self) -> None:
        """Kill what has not ended."""
        with self._lock:
            for process in self._running:
                _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a program and what it started; nothing happens if all of it has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
