# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way in which a file comes into a folder: under a name that nobody can foresee, then renamed.

All of it happens in the folder that was opened first, so nobody can lead the steps to different places; and nothing
that stands there is ever opened for writing, whether it is a file, a link or a FIFO.
"""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1024 * 1024


@contextlib.contextmanager
def replacing(path: str, mode: int = 0o644, group: int = -1) -> t.Iterator[t.BinaryIO]:
    """A new file, which takes the place of ``path`` durably when the body ends, and is gone when that fails.

    It has mode 0600 until it is whole, then ``mode`` whatever the umask, and ``group`` where we may give it that.
    """
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        name = _unforeseen()
        handle = os.open(name, _NEW, 0o600, dir_fd=folder)
        try:
            with open(handle, "w+b") as stream:
                yield stream
                stream.flush()
                if group != -1:
                    with contextlib.suppress(OSError):
                        os.fchown(handle, -1, group)
                os.fchmod(handle, mode)
                os.fsync(handle)
            os.rename(name, os.path.basename(path), src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def write_whole(path: str, text: str, mode: int = 0o644, group: int = -1) -> None:
    """Write a file that is either there with all its content, durably, or not there at all."""
    with replacing(path, mode, group) as stream:
        stream.write(text.encode())


def write_for_people(path: str, text: str, wanted: str) -> None:
    """Write a file that a task's option names. Who may read it stays as it was where there is one; else 0644.

    Raises NotOursAlone where somebody else may write to its folder: they could lead us to another one.
    """
    trust.require(os.path.dirname(path), wanted, "name a file in another folder")
    mode, group = 0o644, -1
    with contextlib.suppress(FileNotFoundError):
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode):
            mode, group = mode & found.st_mode, found.st_gid
    write_whole(path, text, mode, group)


def copy_in(source: str, path: str, mode: int, *, link: bool = False) -> None:
    """Let ``path`` hold what the file ``source`` holds; by ``link`` as another name of it where that is possible."""
    if link:
        beside = os.path.join(os.path.dirname(path), _unforeseen())
        try:
            os.link(source, beside, follow_symlinks=False)
        except OSError:  # another file system
            pass
        else:
            try:
                os.chmod(beside, mode)
                os.rename(beside, path)
            finally:
                with contextlib.suppress(
                    FileNotFoundError
                ):  # rename(2) of a file to another name of itself does nothing
                    os.unlink(beside)
            return
    with open(source, "rb") as stream, replacing(path, mode) as out:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            out.write(chunk)


def replace_link(link: str, target: str, temporary: str = "") -> None:
    """Let ``link`` point to ``target`` in one rename(2).

    ``temporary`` is a free name in the same folder, for a caller who wants to find it after a kill; what stands there
    is removed, never followed: symlink(2) makes a new entry or nothing.
    """
    beside = temporary or os.path.join(os.path.dirname(link), _unforeseen())
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside)
    os.symlink(target, beside)
    try:
        os.rename(beside, link)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    folder = os.open(os.path.dirname(link), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _unforeseen() -> str:
    return f".mlstack-{os.urandom(12).hex()}"
