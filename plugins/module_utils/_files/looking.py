# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at trees of others: regular files, up to a size, without following their links, and in bounded time.

A folder is held open and what lies in it is opened by its name from there, so that nobody can slip another folder in
between two looks. Nothing waits: a FIFO, a socket or a leased file is refused, as all is that the owner of the tree
could not read himself; root's eyes are not his. Links count where root or this user made them and nobody else can.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust

MOST_ENTRIES = 200_000  # of one folder
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_BLOCK = 1 << 20
_MOST_PTH = 1 << 20
LINK = "a link, which is not followed"
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, LINK),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISREG, "a file"),
)


class Refused(OSError):
    """What may not be read of others; ``strerror`` is a clause that says why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(errno.EPERM, why, path)


class Unfinished(MlstackError):
    """A look that came to its bound of time or bytes: nothing is said of what it did not reach."""


class Allowance:
    """What one look may cost, in ``seconds`` on the clock and in bytes read (``size``)."""

    def __init__(self, seconds: float = 120.0, size: int = 2 << 30) -> None:
        self._seconds, self._size = seconds, size
        self._end, self._left = time.monotonic() + seconds, size

    @classmethod
    def for_files(cls) -> Allowance:
        """For whole files, of which the biggest have gigabytes."""
        return cls(3600.0, 1 << 50)

    def spend(self, path: str, size: int = 0) -> None:
        """Raises Unfinished once there is nothing left."""
        self._left -= size
        if self._left >= 0 and time.monotonic() < self._end:
            return
        bound = f"{self._seconds:.0f} seconds" if self._left >= 0 else f"{self._size >> 20} MB"
        raise Unfinished(
            "look_unfinished",
            wanted="look at what lies here",
            found=f"it took more than {bound} until {path}",
            to_fix="find out what fills or slows that folder, or leave it out",
        )


class Folder:
    """A folder that is held open until close(). ``path`` is what it is called in messages."""

    def __init__(self, handle: int, path: str, reader: int | None, allowance: Allowance) -> None:
        self._handle, self.path, self._reader, self._allowance = handle, path, reader, allowance

    @classmethod
    def at(cls, path: str, allowance: Allowance | None = None, *, within: str = "") -> Folder:
        """The root of a tree. Raises OSError.

        Links on the way to it are followed, since an operator named it; where he named ``within``, as far as that.
        Below a folder that is not ours only that is read which its owner could read.
        """
        if within:
            with cls.at(within, allowance) as above:
                return above.below(os.path.relpath(path, within))
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC)
        return cls(handle, path, _reader(handle), allowance or Allowance())

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._handle)

    def at_path(self, path: str) -> Folder:
        """The folder at an absolute ``path``, in this tree or elsewhere. Raises OSError."""
        path = os.path.normpath(path)
        start = self.path.rstrip("/") + "/"
        return self.below(path[len(start) :]) if f"{path}/".startswith(start) else self.elsewhere(path)

    def elsewhere(self, path: str) -> Folder:
        """The folder at an absolute ``path``, reached without a link, as the owner of this tree could reach it."""
        here = Folder(os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), "/", self._reader, self._allowance)
        return here._down(path.split("/"))

    def below(self, path: str) -> Folder:
        """The folder at a ``path`` relative to this one; ``..`` leads nowhere."""
        return Folder(os.dup(self._handle), self.path, self._reader, self._allowance)._down(path.split("/"))

    def folder(self, name: str) -> Folder:
        """The folder of this name in here. Raises OSError."""
        handle = self._open(name, os.O_DIRECTORY)
        reader = _reader(handle) if self._reader is None else self._reader
        return Folder(handle, os.path.join(self.path, name), reader, self._allowance)

    def names(self) -> list[str]:
        """What lies in here, sorted. Raises Refused where there are more than MOST_ENTRIES."""
        return sorted(item.name for item in self._entries())

    def folders(self) -> list[str]:
        """The names of the folders in here, sorted; links are none."""
        return sorted(item.name for item in self._entries() if item.is_dir(follow_symlinks=False))

    def what(self, name: str) -> str:
        """C(a file), C(a folder), C(a link, ...) ..., or nothing where there is nothing of this name."""
        try:
            found = os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        except OSError:
            return ""
        return _called(found)

    def link(self, name: str) -> str:
        """The text of a link; empty where there is none."""
        with contextlib.suppress(OSError):
            return os.readlink(name, dir_fd=self._handle)
        return ""

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a regular file that has ``limit`` at the most. Raises OSError; Refused is one."""
        return b"".join(self._blocks(name, limit))

    def text(self, name: str, limit: int) -> str:
        """The same as text: UTF-8, with what is none replaced, and without a byte order mark."""
        return self.read(name, limit).decode("utf-8-sig", errors="replace")

    def digest(self, name: str, algorithm: str, limit: int = 1 << 40) -> tuple[bytes, int]:
        """The digest and size of a regular file. Raises OSError."""
        import hashlib  # not on the way of a converged run

        state, size = hashlib.new(algorithm), 0
        for block in self._blocks(name, limit):
            state.update(block)
            size += len(block)
        return state.digest(), size

    def _blocks(self, name: str, limit: int) -> t.Iterator[bytes]:
        handle = self._open(name, 0)
        try:
            found = os.fstat(handle)
            path = os.path.join(self.path, name)
            if not stat.S_ISREG(found.st_mode):
                raise Refused(path, f"it is {_called(found)}")
            left = limit if found.st_size <= limit else -1
            while left >= 0:
                block = os.read(handle, min(_BLOCK, left + 1))
                if not block:
                    return
                self._allowance.spend(path, len(block))
                left -= len(block)
                if left >= 0:
                    yield block
            raise Refused(path, f"it has more than {_size(limit)}")
        finally:
            os.close(handle)

    def _entries(self) -> t.Iterator[os.DirEntry[str]]:
        self._allowance.spend(self.path)
        # A handle that was listed stands at its end; a copy would, too.
        handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._handle)
        try:
            self._check_reader(os.fstat(handle), self.path, stat.S_IROTH)
            with os.scandir(handle) as found:
                yield from itertools.islice(found, MOST_ENTRIES)
                if next(found, None) is not None:
                    raise Refused(self.path, f"it has more than {MOST_ENTRIES} entries")
        finally:
            os.close(handle)

    def _down(self, parts: t.Iterable[str]) -> Folder:
        here = self
        for part in parts:
            if part in ("", "."):
                continue
            try:
                if part == "..":
                    raise Refused(os.path.join(here.path, part), "it leads out of the tree")
                below = here.folder(part)
            finally:
                here.close()
            here = below
        return here

    def _open(self, name: str, flags: int) -> int:
        path = os.path.join(self.path, name)
        self._allowance.spend(path)
        try:
            handle = os.open(name, _FLAGS | flags, dir_fd=self._handle)
        except OSError as exc:
            # The kernel says 'not a directory' of a link where a folder is asked for.
            if exc.errno not in (errno.ELOOP, errno.ENOTDIR) or not self.link(name):
                raise
            handle = self._open_link(name, flags)
        try:
            self._check_reader(os.fstat(handle), path, stat.S_IXOTH if flags & os.O_DIRECTORY else stat.S_IROTH)
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _open_link(self, name: str, flags: int) -> int:
        path = os.path.join(self.path, name)
        target = os.path.realpath(path)
        found = os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        mine = found.st_uid in _ours() and trust.file_is_ours(os.fstat(self._handle))
        if not mine or not is_ours(target):
            raise Refused(path, f"it is {LINK}")
        return os.open(target, _FLAGS | flags)

    def _check_reader(self, found: os.stat_result, path: str, right: int) -> None:
        if self._reader is not None and found.st_uid != self._reader and not found.st_mode & right:
            raise Refused(path, "it belongs to somebody else, and the owner of the tree may not read it")


def below(top: str, *, without: t.Collection[str] = ()) -> t.Iterator[os.DirEntry[str]]:
    """Everything below a folder, links not followed; folders named in ``without`` are left out.

    What cannot be listed is passed over. However deep the folders are, this does not recurse.
    """
    pending = [top]
    while pending:
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield entry
                elif entry.name not in without:
                    yield entry
                    pending.append(entry.path)


def is_ours(path: str) -> bool:
    """Whether something is at the absolute ``path`` that only root or this user can have put there."""
    return os.path.exists(path) and trust.flaw_of(path) is None


def changeable_in(top: str) -> str:
    """What others may change in the environment ``top``, or by what it leads to; empty where that is nothing.

    ``top`` itself must have been judged before. Links and the folders that C(.pth) files name count by where they lead.
    """
    for entry in below(top):
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError:
            return entry.path  # gone, so somebody changes it
        if entry.name == ".lock" and not stat.S_ISDIR(found.st_mode):
            continue  # uv's, or the link to it, which everybody may lock: nothing runs or imports that name
        if stat.S_ISLNK(found.st_mode):
            flaw = trust.flaw_of(entry.path)
        else:
            flaw = None if trust.file_is_ours(found) else trust.flaw_of(entry.path)
            if flaw is None and entry.name.endswith(".pth"):
                flaw = _flaw_of_sources(entry.path)
        if flaw is not None:
            return flaw.path
    return ""


def _flaw_of_sources(path: str) -> trust.Flaw | None:
    """Of the folders that a C(.pth) file puts on the path; what it imports lies in those, or was judged itself."""
    with Folder.at(os.path.dirname(path)) as place:
        lines = place.text(os.path.basename(path), _MOST_PTH).splitlines()
    folders = (os.path.join(os.path.dirname(path), line.strip()) for line in lines if line.strip())
    return next(filter(None, map(trust.flaw_of, folders)), None)


def _reader(handle: int) -> int | None:
    owner = os.fstat(handle).st_uid
    return None if owner in _ours() else owner


def _ours() -> tuple[int, int]:
    return 0, os.geteuid()


def _called(found: os.stat_result) -> str:
    return next((name for is_one, name in _KINDS if is_one(found.st_mode)), "a device")


def _size(limit: int) -> str:
    return f"{limit >> 20} MB" if limit >= 1 << 20 else f"{limit} bytes"
