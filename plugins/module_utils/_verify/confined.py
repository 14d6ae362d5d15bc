# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running what must not be trusted: bounded in time, memory, processes and output, and nothing of it lives on.

Limits bind the process and all that it starts. Those of memory count what it may write to (``RLIMIT_DATA``): CUDA
reserves address space by the hundred gigabytes that it never writes. The kernel exempts root from the limit of
processes, so that what belongs to root runs as nobody where nobody may read it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult, run_as

NOBODY = 65534
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_SECONDS_TO_END = 10.0


@dataclass(frozen=True)
class Limits:
    """What one probe may use: ``seconds`` on the clock, ``memory`` in MiB a process, ``processes`` and threads."""

    seconds: float
    memory: int
    processes: int


def run(argv: t.Sequence[str], uid: int, limits: Limits, env: t.Mapping[str, str]) -> CommandResult:
    """Run a program as user ``uid`` within limits. Raises CommandError where it cannot be started or exceeds its time.

    Whatever it started ends with it, in whatever session or process group that is.
    """
    before = set(_descendants(os.getpid()))
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    most = _threads_of(uid) + limits.processes
    try:
        return run_as(argv, uid, limits.seconds, env, prepare=lambda: _limit(limits.memory << 20, most))
    finally:
        _end_all(before)
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0)


def _limit(memory: int, processes: int) -> None:
    for what, most in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))


def _threads_of(uid: int) -> int:
    """How many threads of a user there are already: the kernel's limit counts those too."""
    found = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == uid:
                    found += len(os.listdir(f"/proc/{name}/task"))
    return found


def _descendants(top: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as stream:
                parent = int(stream.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [top]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _end_all(spared: t.Collection[int]) -> None:
    """End all descendants but those ``spared``. They are stopped first: what is stopped starts nothing new."""
    end = time.monotonic() + _SECONDS_TO_END
    stopped: set[int] = set()
    while time.monotonic() < end:
        left = [pid for pid in _descendants(os.getpid()) if pid not in spared]
        fresh = [pid for pid in left if pid not in stopped]
        for pid in fresh or left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGSTOP if fresh else signal.SIGKILL)
        stopped.update(fresh)
        if not left:
            return
        if not fresh:
            _reap(left)
            stopped.clear()


def _reap(pids: t.Iterable[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
