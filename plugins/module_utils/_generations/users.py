# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Which live processes use a directory, as far as /proc shows it to us."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    """A process, and how it uses the directory: ``what`` is C(command line), C(program), C(working directory) ..."""

    pid: int
    command: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}; {self.what})"


@dataclass(frozen=True)
class Usage:
    """Who uses some paths.

    ``complete`` is False where other users' processes are hidden from us: then nobody can say that a path is free.
    """

    users: tuple[User, ...]
    complete: bool

    def of(self, path: str) -> list[str]:
        """Who uses ``path``, in words; empty only when surely nobody does."""
        found = [str(user) for user in self.users if user.path == path]
        return found if found or self.complete else ["unknown: other users' processes are hidden from this user"]


def find(paths: t.Sequence[str], proc: str = "/proc") -> Usage:
    """The processes whose command line, program, directories, environment, memory or open files lie below ``paths``.

    Everybody may read command lines, and a generation's launchers put its absolute path there; the rest is only
    readable for the owner of a process and for root.
    """
    marks = {path: {os.fsencode(form) for form in (path, os.path.realpath(path))} for path in paths}
    pids = [name for name in _names(proc) if name.isdigit()]
    found: list[User] = []
    for pid in pids:
        folder = os.path.join(proc, pid)
        left = dict(marks)
        for what, read in _SOURCES:
            if not left:
                break
            text = read(folder)
            for path in [path for path, forms in left.items() if any(_mentions(text, form) for form in forms)]:
                found.append(User(int(pid), _command(folder), path, what))
                del left[path]
    return Usage(tuple(found), _complete(proc, pids))


def _complete(proc: str, pids: list[str]) -> bool:
    # With hidepid other users' processes are missing from the listing, process 1 among them.
    return "1" in pids or (os.geteuid() == 0 and bool(pids))


def _mentions(text: bytes, path: bytes) -> bool:
    """Whether ``path`` occurs as a whole path or as the beginning of one."""
    start = text.find(path)
    while start != -1:
        end = start + len(path)
        if text[end : end + 1] in _ENDS:
            return True
        start = text.find(path, start + 1)
    return False


_ENDS = (b"", b"/", b"\0", b"\n", b":", b" ", b"'", b'"')


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _content(folder: str, name: str) -> bytes:
    try:
        with open(os.path.join(folder, name), "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def _target(folder: str, name: str) -> bytes:
    try:
        return os.fsencode(os.readlink(os.path.join(folder, name)))
    except OSError:
        return b""


def _environment(folder: str) -> bytes:
    """The variables that name an environment; others (PATH, PWD) are handed on to processes that don't use it."""
    wanted = (b"VIRTUAL_ENV=", b"CONDA_PREFIX=")
    return b"\0".join(entry for entry in _content(folder, "environ").split(b"\0") if entry.startswith(wanted))


def _open_files(folder: str) -> bytes:
    handles = os.path.join(folder, "fd")
    return b"\0".join(_target(handles, name) for name in _names(handles))


def _command(folder: str) -> str:
    words = _content(folder, "cmdline").rstrip(b"\0").replace(b"\0", b" ") or _content(folder, "comm").strip()
    text = words.decode("utf-8", "replace")
    return text if len(text) <= 120 else f"{text[:117]}..."


# The cheap ones first: on a busy host there are thousands of processes.
_SOURCES: tuple[tuple[str, t.Callable[[str], bytes]], ...] = (
    ("command line", lambda folder: _content(folder, "cmdline")),
    ("program", lambda folder: _target(folder, "exe")),
    ("working directory", lambda folder: _target(folder, "cwd")),
    ("root directory", lambda folder: _target(folder, "root")),
    ("environment variables", _environment),
    ("files in memory", lambda folder: _content(folder, "maps")),
    ("open files", _open_files),
)
