# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer per environment: an flock(2) that says who holds it and goes when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import LockTimeout

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5  # seconds between two attempts
_held: set[str] = set()  # by this process: flock would call even our own second handle a stranger


@contextlib.contextmanager
def hold(path: str, timeout: float, make_room: t.Callable[[], object], wanted: str) -> t.Iterator[None]:
    """Hold the lock file ``path``, waiting up to ``timeout`` seconds for it.

    ``make_room`` makes the directory of the file; it is called again should a former holder have removed it.
    Raises LockTimeout, which names the holder.
    """
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        handle = _attempt(path, make_room)
        if handle is not None:
            break
        if time.monotonic() >= deadline:
            raise _timeout(path, timeout, wanted)
        time.sleep(min(pause, max(deadline - time.monotonic(), 0.001)))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    _held.add(path)
    try:
        _sign(handle)
        yield
    finally:
        _held.discard(path)
        os.close(handle)


def held_by_another(path: str) -> bool:
    """Whether some other process holds the lock at this moment. Only looks."""
    if path in _held:
        return False
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _attempt(path: str, make_room: t.Callable[[], object]) -> int | None:
    try:
        make_room()
        # Engines must not inherit it: then it would outlive us.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except FileNotFoundError:
        return None  # a former holder is just removing the directory
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A holder that removed the environment removed the file too: then this is a lock on nothing.
        if os.path.samestat(os.fstat(handle), os.stat(path)):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _sign(handle: int) -> None:
    with contextlib.suppress(OSError):  # on a full disk the lock holds, it only stays unsigned
        os.fchmod(handle, 0o644)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)


def _timeout(path: str, timeout: float, wanted: str) -> LockTimeout:
    pid, command = _holder(path)
    who = f"process {pid} ({command})" if pid else "another process"
    return LockTimeout(
        "lock_timeout",
        wanted=wanted,
        found=f"{who} has been changing it for longer than {timeout:g} s",
        to_fix="wait until it is done or end it, then run the task again",
        holder_pid=pid,
    )


def _holder(path: str) -> tuple[int, str]:
    try:
        with open(path, encoding="ascii") as stream:
            pid = int(stream.read().strip())
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            command = stream.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except (OSError, ValueError):
        return 0, ""
    return pid, command[:200]
