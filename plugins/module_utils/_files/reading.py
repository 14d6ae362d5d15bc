# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading files of others: never waits, never opens a device, follows no link out of a tree, and ends at a limit."""

from __future__ import annotations

import errno
import os
import stat

# The codes of NotReadable: stable, for callers that treat one case apart from the others.
ABSENT, NOT_PERMITTED, LINK, NOT_A_FILE, TOO_LARGE, FAILED = (
    "absent",
    "not_permitted",
    "link",
    "not_a_file",
    "too_large",
    "failed",
)
_MOST_LINKS = 40  # as the kernel
_CHUNK = 1024 * 1024
# O_NONBLOCK: a FIFO that was put there after the look, or a file under a lease, must not make us wait.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CODES = {
    errno.ENOENT: ABSENT,
    errno.ENOTDIR: ABSENT,
    errno.EACCES: NOT_PERMITTED,
    errno.EPERM: NOT_PERMITTED,
    errno.ELOOP: LINK,
}


class NotReadable(Exception):
    """Why a file was not read: ``reason`` is a clause for people (without the path), ``code`` one of this module's."""

    def __init__(self, reason: str, code: str = FAILED) -> None:
        self.reason = reason
        self.code = code
        super().__init__(reason)


def read_foreign(path: str, limit: int, *, within: str | None = None) -> bytes:
    """The whole content of a regular file of at most ``limit`` bytes. Raises NotReadable, never OSError.

    The file's own name may not be a link. With ``within``, a folder above it, links below that folder are followed as
    long as they stay in it: each component is opened by itself, so nobody can exchange one meanwhile.
    """
    try:
        handle = _opened(path) if within is None else _opened_within(path, within)
        try:
            return _content(handle, limit)
        finally:
            os.close(handle)
    except OSError as exc:
        raise NotReadable(exc.strerror or str(exc), _CODES.get(exc.errno or 0, FAILED)) from exc
    except ValueError as exc:  # a NUL in the path
        raise NotReadable(str(exc)) from exc


def read_text(path: str, limit: int, *, within: str | None = None, errors: str = "replace") -> str:
    """As read_foreign(), as UTF-8 text."""
    content = read_foreign(path, limit, within=within)
    try:
        return content.decode("utf-8", errors)
    except UnicodeDecodeError as exc:
        raise NotReadable("not UTF-8 text") from exc


def _content(handle: int, limit: int) -> bytes:
    found = os.fstat(handle)
    _require_file(found.st_mode)
    size = found.st_size
    chunks: list[bytes] = []
    read = 0
    while size <= limit and read <= limit:  # the size may be untrue: files of /proc say 0, and files grow
        chunk = os.read(handle, min(_CHUNK, limit + 1 - read))
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        read += len(chunk)
    raise NotReadable(f"larger than the limit of {limit} bytes", TOO_LARGE)


def _require_file(mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise NotReadable("a link stands there", LINK)
    if not stat.S_ISREG(mode):
        raise NotReadable("no regular file", NOT_A_FILE)


def _opened(path: str, folder: int | None = None) -> int:
    # Looked at first, because opening a device can set it in motion.
    _require_file(os.stat(path, dir_fd=folder, follow_symlinks=False).st_mode)
    return os.open(path, _FILE, dir_fd=folder)


def _opened_within(path: str, within: str) -> int:
    base = os.path.normpath(within)
    to_fix = _below(path, (base,))
    # The folder itself may be reached by a link: it is the caller's word.
    folders = [os.open(base, _FOLDER & ~os.O_NOFOLLOW)]
    links = 0
    try:
        while to_fix:
            name = to_fix.pop(0)
            if name == "..":
                if len(folders) == 1:
                    raise NotReadable(f"a link leads out of {within}", LINK)
                os.close(folders.pop())
                continue
            mode = os.stat(name, dir_fd=folders[-1], follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                links += 1
                if links > _MOST_LINKS:
                    raise NotReadable("links that lead in a circle", LINK)
                target = os.readlink(name, dir_fd=folders[-1])
                if target.startswith("/"):
                    to_fix = _below(target, (base, os.path.realpath(base))) + to_fix
                    while len(folders) > 1:
                        os.close(folders.pop())
                else:
                    to_fix = _names(target) + to_fix
            elif to_fix:
                folders.append(os.open(name, _FOLDER, dir_fd=folders[-1]))
            else:
                return _opened(name, folders[-1])
        raise NotReadable("no regular file", NOT_A_FILE)
    finally:
        for folder in folders:
            os.close(folder)


def _below(path: str, bases: tuple[str, ...]) -> list[str]:
    """The components of an absolute path below the first of the folders that holds it."""
    for base in bases:
        start = base.rstrip("/") + "/"
        if path.startswith(start):
            return _names(path[len(start) :])
    raise NotReadable(f"a link leads out of {bases[0]}", LINK)


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]
