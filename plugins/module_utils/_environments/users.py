# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which live processes use a directory, as far as /proc shows it to us."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    """A process that uses ``path``; ``what`` says by what it was noticed: C(command line), C(open files) ..."""

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
    found: list[User] = []
    here = _namespace(os.path.join(proc, "self"))
    for pid in _names(proc):
        if not pid.isdigit():
            continue
        folder = os.path.join(proc, pid)
        left = list(paths)
        elsewhere = _namespace(folder) not in ("", here)
        for what, read in _SOURCES:
            seen = read(folder) if left else []
            for path in [path for path in left if _lies_below(seen, path, elsewhere)]:
                found.append(User(int(pid), _command(folder), path, what))
                left.remove(path)
    return Usage(tuple(found), _complete(proc))


def _complete(proc: str) -> bool:
    """With hidepid=1 others' files in /proc are not readable, with hidepid=2 their processes are not even listed."""
    try:
        with open(os.path.join(proc, "1", "cmdline"), "rb"):
            return True
    except OSError:
        return False


def _lies_below(seen: t.Iterable[bytes], path: str, elsewhere: bool) -> bool:
    """Whether one of the paths ``seen`` is ``path`` or below it.

    ``elsewhere`` is a container that may have the same generation under another root; there the part from the
    store's folder on identifies it.
    """
    starts = {os.fsencode(path), os.fsencode(os.path.realpath(path))}
    _root, store, within = os.fsencode(path).rpartition(b"/.generations/")
    for one in seen:
        if any(one == start or one.startswith(start + b"/") for start in starts):
            return True
        if elsewhere and store and (store + within + b"/") in one + b"/":
            return True
    return False


def _namespace(folder: str) -> str:
    """The mount namespace of a process; empty where it's not ours to see."""
    return os.fsdecode(_target(os.path.join(folder, "ns"), "mnt"))


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


def _environment(folder: str) -> list[bytes]:
    """The variables that name an environment; others (PATH, PWD) are handed on to processes that don't use it."""
    entries = [entry.partition(b"=") for entry in _content(folder, "environ").split(b"\0")]
    return [value for name, _equals, value in entries if name in (b"VIRTUAL_ENV", b"CONDA_PREFIX")]


def _mapped(folder: str) -> set[bytes]:
    """The files in memory: the sixth column of /proc/PID/maps."""
    lines = (line.split(None, 5) for line in _content(folder, "maps").splitlines())
    return {columns[5] for columns in lines if len(columns) == 6}


def _open_files(folder: str) -> list[bytes]:
    handles = os.path.join(folder, "fd")
    return [_target(handles, name) for name in _names(handles)]


def _command(folder: str) -> str:
    words = _content(folder, "cmdline").rstrip(b"\0").replace(b"\0", b" ") or _content(folder, "comm").strip()
    text = words.decode("utf-8", "replace")
    return text if len(text) <= 120 else f"{text[:117]}..."


# The cheap ones first: on a busy host there are thousands of processes.
_SOURCES: tuple[tuple[str, t.Callable[[str], t.Iterable[bytes]]], ...] = (
    ("command line", lambda folder: _content(folder, "cmdline").split(b"\0")),
    ("program", lambda folder: [_target(folder, "exe")]),
    ("working directory", lambda folder: [_target(folder, "cwd")]),
    ("root directory", lambda folder: [_target(folder, "root")]),
    ("environment variables", _environment),
    ("files in memory", _mapped),
    ("open files", _open_files),
)
