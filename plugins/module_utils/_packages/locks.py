# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for the package manager's locks, and saying who has them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import LockTimeout
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_FLOCK = "hhqqi4x"  # struct flock of fcntl(2) on 64-bit Linux
_PAUSE_SECONDS = 0.2


def holder_of(host: Host, path: str) -> str:
    """The process that has a POSIX lock on a file, as C(pid 42 (apt-get upgrade)); empty if there is none."""
    try:
        with open(host.path(path), "rb") as stream:
            wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _whence, _start, _length, pid = struct.unpack(_FLOCK, fcntl.fcntl(stream, fcntl.F_GETLK, wanted))
    except OSError:
        return ""
    return "" if kind == fcntl.F_UNLCK else describe_process(host, pid)


def describe_process(host: Host, pid: int) -> str:
    """A process in words; empty when it does not exist. One outside our container has no number that we could tell."""
    if pid <= 0:
        return "a process that cannot be seen from here"
    if not host.exists(f"/proc/{pid}"):
        return ""
    command = (host.read_text(f"/proc/{pid}/cmdline") or "").replace("\0", " ").strip()
    return f"pid {pid} ({command})" if command else f"pid {pid}"


def wait_until_free(holder: t.Callable[[], str], seconds: float, wanted: str) -> None:
    """Wait until nobody holds a lock. Raises LockTimeout, which names the holder."""
    deadline = time.monotonic() + seconds
    while True:
        found = holder()
        if not found:
            return
        if time.monotonic() >= deadline:
            raise LockTimeout(
                "package_lock_timeout",
                wanted=wanted,
                found=f"{found} has had the package manager's lock for the {seconds:g} s that we wait",
                to_fix="let it end, or raise lock_timeout; never remove the lock file",
                holder=found,
            )
        time.sleep(_PAUSE_SECONDS)


@contextlib.contextmanager
def only_one_of_us(path: str, seconds: float, wanted: str) -> t.Iterator[None]:
    """Keep a second run of this collection out, so that it finds our work done instead of doing it again."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:

        def taken() -> str:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return "another run of this module"
            return ""

        wait_until_free(taken, seconds, wanted)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def held(host: Host, path: str, seconds: float) -> t.Iterator[bool]:
    """Hold a POSIX lock, as dpkg and apt take it; False where others kept it for ``seconds``.

    Nothing may look at the lock meanwhile with holder_of(): a process loses such a lock with the first of its
    descriptors of that file that it closes.
    """
    deadline = time.monotonic() + seconds
    descriptor = os.open(host.path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        yield _locked_in_time(descriptor, deadline)
    finally:
        os.close(descriptor)


def _locked_in_time(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        else:
            return True
