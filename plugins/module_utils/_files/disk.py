# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to the disk that hold when the power fails or the disk is full, and errors that say what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import looking

_AT_FDCWD = -100  # linux/fcntl.h
_RENAME_EXCHANGE = 2  # linux/fs.h
_DELETE_ATTEMPTS = 5

_EXPLANATIONS = {
    errno.ENOSPC: ("disk_full", "free space or inodes on that filesystem, then run the task again"),
    errno.EDQUOT: ("quota_exceeded", "free space or raise the quota of this user, then run the task again"),
    errno.EROFS: ("read_only", "remount the filesystem read-write, or choose a root on another one"),
    errno.EACCES: ("not_permitted", "become a user who may write there, or choose another root"),
    errno.EPERM: ("not_permitted", "become a user who may write there, or choose another root"),
    errno.EXDEV: ("two_filesystems", "keep the root and its .generations folder on one filesystem"),
    errno.ELOOP: ("foreign_link", "remove the link that stands where a file of this collection belongs"),
    errno.EIO: ("disk_error", "read the kernel's log, mend or replace the disk, then run the task again"),
    errno.EBUSY: ("busy", "unmount what is mounted there or end what writes there, then run the task again"),
    errno.ENAMETOOLONG: ("name_too_long", "choose a shorter root or name"),
    errno.ENOLCK: ("no_locks", "use a filesystem that supports flock, or mount this one with locking"),
}


@contextlib.contextmanager
def explained(wanted: str) -> t.Iterator[None]:
    """Turn an OSError that a user can do something about into an MlstackError; others are defects and pass."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in _EXPLANATIONS:
            raise
        raise _explanation(exc, wanted) from exc


def _explanation(exc: OSError, wanted: str) -> MlstackError:
    code, to_fix = _EXPLANATIONS[exc.errno or 0]
    where = f" ({exc.filename})" if exc.filename else ""
    return MlstackError(code, wanted=wanted, found=f"{exc.strerror or exc}{where}", to_fix=to_fix)


def make_folder(path: str) -> list[str]:
    """Make a directory and its missing parents, mode 0755 whatever the umask; return those made, outermost first."""
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    made = []
    for folder in reversed(missing):
        try:
            os.mkdir(folder, 0o700)  # under umask 0, or an inherited access list, others could be quicker than chmod
        except FileExistsError:
            if os.path.isdir(folder):
                continue  # somebody else was faster
            raise
        os.chmod(folder, 0o755)
        made.append(folder)
    return made


def sync_folder(path: str) -> None:
    """Make renames inside a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_filesystem(path: str) -> None:
    """Make everything written so far to the filesystem of ``path`` durable.

    One syncfs(2) costs far less than an fsync of each of the ten thousands of files in an environment. Since Linux
    5.8 it also reports failed writes.
    """
    import ctypes

    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "syncfs"):
            os.sync()
        elif libc.syncfs(handle) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)
    finally:
        os.close(handle)


def exchange(one: str, other: str) -> bool:
    """Swap two paths atomically; False where the filesystem or kernel cannot (renameat2(2), RENAME_EXCHANGE)."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    outcome = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    if outcome == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), other)


def delete(path: str) -> None:
    """Remove a file, link or whole directory; nothing there is fine.

    A killed engine's last child may still be writing: a directory that refills is emptied again a few times.
    Packages may ship directories without write permission, which stop everybody but root: they get it.
    """
    opened = False
    for attempt in range(_DELETE_ATTEMPTS):
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
            return
        except FileNotFoundError:
            if not os.path.lexists(path):
                return
        except PermissionError:
            if opened:
                raise
            opened = True
            _open_up(path)
            continue
        except OSError as exc:
            if exc.errno != errno.ENOTEMPTY:
                raise
        time.sleep(0.1 * attempt)
    raise OSError(errno.EBUSY, "something keeps writing there", path)


def _open_up(path: str) -> None:
    """Let the owner into every directory of a tree; os.walk() looks into each only after we changed it."""
    with contextlib.suppress(OSError):
        os.chmod(path, 0o700)
    for folder, folders, _files in os.walk(path):
        for name in folders:
            if not os.path.islink(os.path.join(folder, name)):
                with contextlib.suppress(OSError):
                    os.chmod(os.path.join(folder, name), 0o700)


def size_of(path: str) -> int:
    """The bytes a tree takes on disk, with every hard-linked file counted once."""
    seen: set[tuple[int, int]] = set()
    if not os.path.isdir(path):
        return 0
    total = os.stat(path).st_blocks * 512
    for entry in looking.below(path):
        with contextlib.suppress(OSError):
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode) or (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_blocks * 512
    return total
