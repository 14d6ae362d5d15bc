# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports from the archive that Ansible sends: each file compiled once, and not again by later tasks.

Most of what a converged task costs a host is compiling. Python keeps no bytecode of what it imports from an archive and
compiles every source file in it twice: when a module is looked for, only to tell its file's name
(``zipimporter.get_filename``, asked by ``importlib``), and again to run it (CPython's issue 141276, open for 3.13 to
3.15; 3.9 is no better).

Here the name comes from the archive's directory, and bytecode is kept in one file per module: root's in
/var/cache/gpufleet-mlstack/compiled, another user's in .cache/gpufleet-mlstack/compiled of the home directory. What is
kept for a file is used for the very same source (by SHA-256) and the very same Python only. Nothing is kept or used
where somebody else can write, or under PYTHONDONTWRITEBYTECODE; deleting the folder is safe at any time.

Actions put this file's text at the head of what Ansible sends (plugins/plugin_utils/_at_once.py): it runs before the
first import from the archive, so that Ansible's own files gain by it, too.
"""

from __future__ import annotations

import _imp
import atexit
import marshal
import os
import stat
import sys
import typing as t
import zipimport
import zlib
from importlib.util import MAGIC_NUMBER

if t.TYPE_CHECKING:
    import importlib.machinery
    import types

# Ansible's name for the archive of a module; other archives on the path may be anybody's.
_HEAD, _TAIL = "ansible_", "_payload.zip"
_MOST_BYTES = 16 << 20  # beyond, what is left of older releases of the collection: start anew


def _folder() -> str:
    """Where bytecode is kept. Root's is no path that an environment variable names: HOME may be another user's."""
    if os.geteuid() == 0:
        return "/var/cache/gpufleet-mlstack/compiled"
    import pwd

    return os.path.join(pwd.getpwuid(os.geteuid()).pw_dir, ".cache/gpufleet-mlstack/compiled")


def _ours_alone(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_safe(folder: str) -> bool:
    """As _files/trust.py, which this file cannot import: the folder and the one above it are ours, and nobody else can
    exchange what leads there. In a sticky folder nobody can exchange what is ours."""
    if not all(_ours_alone(os.lstat(path)) for path in (folder, os.path.dirname(folder))):
        return False
    path = os.path.realpath(os.path.dirname(folder))
    while path != "/":
        path = os.path.dirname(path)
        found = os.lstat(path)
        closed = not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or found.st_mode & stat.S_ISVTX
        if found.st_uid not in (0, os.geteuid()) or not closed:
            return False
    return True


class Kept:
    """The bytecode of one module's archive: by source file, the digest of the source and what it was compiled to."""

    def __init__(self, folder: str, archive: str) -> None:
        self._folder = folder
        python = f"{sys.implementation.cache_tag}-{sys.flags.optimize}"
        self._path = os.path.join(folder, f"{os.path.basename(archive)}.{python}")
        self._codes = self._read()
        self._new = False

    def _read(self) -> dict[str, tuple[bytes, bytes]]:
        try:
            if not _is_safe(self._folder):
                return {}
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(handle, "rb") as file:
                found = os.fstat(handle)
                if not (stat.S_ISREG(found.st_mode) and _ours_alone(found) and found.st_size < _MOST_BYTES):
                    return {}
                data = file.read()
        except OSError:
            return {}
        head = len(MAGIC_NUMBER) + 4
        if data[:head] != MAGIC_NUMBER + zlib.crc32(data[head:]).to_bytes(4, "little"):
            return {}  # of another Python, or cut off
        codes: dict[str, tuple[bytes, bytes]] = marshal.loads(data[head:])
        return codes

    def code(self, name: str, source: bytes, filename: str) -> types.CodeType | None:
        """The code of a source file, None where it has to be compiled."""
        import hashlib  # which is slow to load, and nobody's need where nothing is kept

        digest, compiled = self._codes.get(name, (b"", b""))
        if digest != hashlib.sha256(source).digest():
            return None
        code: types.CodeType = marshal.loads(compiled)
        _imp._fix_co_filename(code, filename)  # type: ignore[attr-defined]  # the archive's own name is another one in every run
        return code

    def keep(self, name: str, source: bytes, code: types.CodeType) -> None:
        import hashlib

        self._codes[name] = (hashlib.sha256(source).digest(), marshal.dumps(code))
        self._new = True

    def save(self) -> None:
        """Write what was compiled for the next run. Best effort: a full disk costs the next run its time only."""
        if not self._new:
            return
        body = marshal.dumps(self._codes)
        part = f"{self._path}.{os.getpid()}"
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            if not _is_safe(self._folder):
                return
            self._sweep()
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            try:
                with open(handle, "wb") as file:
                    file.write(MAGIC_NUMBER + zlib.crc32(body).to_bytes(4, "little") + body)
                os.replace(part, self._path)
            except OSError:
                os.unlink(part)
        except OSError:
            pass

    def _sweep(self) -> None:
        """Remove what runs that were killed while they wrote have left half-written."""
        for path in (os.path.join(self._folder, name) for name in os.listdir(self._folder)):
            process = path.rpartition(".")[2]
            if path == f"{self._path}.{process}" and not os.path.exists(f"/proc/{process}"):
                os.unlink(path)


class CheapImporter(zipimport.zipimporter):
    """Python's own importer for archives that hold sources only, as Ansible's do."""

    folder = ""
    kept: dict[str, Kept] = {}  # by archive

    def get_filename(self, fullname: str) -> str:
        """The file of a module, without compiling it. Raises ZipImportError where there is none."""
        kind = "/__init__.py" if self.is_package(fullname) else ".py"
        return "".join((self.archive, "/", self.prefix, fullname.rpartition(".")[2], kind))

    def get_code(self, fullname: str) -> types.CodeType:
        name = os.path.basename(self.archive)
        if not (self.folder and name.startswith(_HEAD) and name.endswith(_TAIL)):
            return super().get_code(fullname)
        if self.archive not in self.kept:
            self.kept[self.archive] = Kept(self.folder, self.archive)
            atexit.register(self.kept[self.archive].save)
        kept = self.kept[self.archive]
        filename = self.get_filename(fullname)
        source = self.get_data(filename)
        code = kept.code(fullname, source, filename)
        if code is None:
            code = super().get_code(fullname)
            kept.keep(fullname, source, code)
        return code

    # Python 3.9 knows load_module() only, which does not ask for the code.
    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)


def install(folder: str = "") -> None:
    """Have every archive on the path imported that way from now on."""
    CheapImporter.folder = "" if sys.dont_write_bytecode else folder or _folder()
    sys.path_hooks.insert(0, CheapImporter)
