# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiling the Python modules of noarch packages, which come without bytecode, as conda does it.

What was compiled once is kept beside the package cache: the next environment with the same package and the same Python
links it, as it links everything else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import STRAY_VARIABLES


def compile_noarch(prefix: str, stems: t.Iterable[str], commands: Commands, timeout: float, cache: str) -> list[str]:
    """Compile what these packages brought, and list the result in their records: whoever removes the package, with
    whatever client, removes its bytecode too. Bytecode is kept in the folder ``cache``. Returns warnings: a module that
    cannot be compiled is no failure."""
    python = os.path.join(prefix, "bin", "python")
    if not os.path.exists(python):
        return []
    paths = [os.path.join(prefix, "conda-meta", f"{stem}.json") for stem in stems]
    records = {path: _read(path) for path in paths}
    pure = {path: record for path, record in records.items() if record.get("noarch") == "python"}
    kept = _Kept(cache, prefix)
    for path, record in list(pure.items()):
        tag = kept.link(record)
        if tag:
            _list(prefix, path, pure.pop(path), tag)
    listing = "".join(f"{os.path.join(prefix, name)}\n" for record in pure.values() for name in _modules(record))
    if not listing:
        return []
    result = commands.run(
        [python, "-I", "-B", "-c", _COMPILE],
        purpose=f"compile the modules of {prefix}",
        stdin=listing,
        env=STRAY_VARIABLES,
        timeout=timeout,
        check=False,
    )
    if not result.ok:
        return [f"bytecode was not compiled: {(result.err or result.out).strip()[-300:]}"]
    tag = result.out.strip()
    for path, record in pure.items():
        _list(prefix, path, record, tag)
        kept.keep(record, tag)
    return []


class _Kept:
    """Bytecode by the package and the Python it is of. Python judges it by the time and size of its module, and so do
    we: bytecode of another file is not taken."""

    _INDEX = "index.json"  # written last: without it nothing counts

    def __init__(self, folder: str, prefix: str) -> None:
        self._folder = folder
        self._prefix = prefix
        self._made: set[str] = set()
        meta = os.path.join(prefix, "conda-meta")
        pythons = [name for name in os.listdir(meta) if name.startswith("python-") and name.endswith(".json")]
        records = [_read(os.path.join(meta, name)) for name in pythons]  # python-dateutil's, too
        found = [_identity(record) for record in records if record.get("name") == "python"]
        self._python = found[0] if len(found) == 1 else ""

    def link(self, record: t.Mapping[str, t.Any]) -> str:
        """Bring what is kept of a package into the prefix; the tag of the Python, empty where something is missing."""
        if not self._python:
            return ""
        place = self._place(record)
        try:
            with open(os.path.join(place, self._INDEX), encoding="utf-8") as stream:
                index = json.load(stream)
            for number, name in enumerate(index["files"]):
                source, target = os.path.join(place, str(number)), os.path.join(self._prefix, name)
                if not _is_of(source, _module_of(target)):
                    return ""
                folder = os.path.dirname(target)
                if folder not in self._made:
                    os.makedirs(folder, exist_ok=True)
                    self._made.add(folder)
                _link(source, target)
        except (OSError, ValueError, KeyError):
            return ""
        return str(index["tag"])

    def keep(self, record: t.Mapping[str, t.Any], tag: str) -> None:
        """Remember what was compiled; a cache that cannot be written is no failure."""
        files = sorted(name for name in record["files"] if name.endswith(f".{tag}.pyc"))
        place = self._place(record)
        if not files or not self._python or _has_prefix(record):
            return
        with contextlib.suppress(OSError):
            os.makedirs(place, exist_ok=True)
            for number, name in enumerate(files):
                _link(os.path.join(self._prefix, name), os.path.join(place, str(number)))
            beside = os.path.join(place, f"{self._INDEX}.{os.getpid()}")
            with open(beside, "w", encoding="utf-8") as stream:
                json.dump({"tag": tag, "files": files}, stream)
            os.replace(beside, os.path.join(place, self._INDEX))

    def _place(self, record: t.Mapping[str, t.Any]) -> str:
        name = hashlib.sha256(f"{self._python}\n{_identity(record)}".encode()).hexdigest()[:32]
        return os.path.join(self._folder, name)


def _identity(record: t.Mapping[str, t.Any]) -> str:
    stem = f"{record.get('name')}-{record.get('version')}-{record.get('build')}"
    return f"{stem} {record.get('sha256') or record.get('md5') or record.get('url')}"


def _has_prefix(record: t.Mapping[str, t.Any]) -> bool:
    """Whether a module of the package is written anew for each prefix: within a second, time and size tell no two of
    these apart."""
    paths = [item for item in record["paths_data"]["paths"] if item["_path"].endswith(".py")]
    return any(item.get("prefix_placeholder") or item.get("file_mode") for item in paths)


def _module_of(bytecode: str) -> str:
    folder, name = os.path.split(bytecode)
    return os.path.join(os.path.dirname(folder), name.rsplit(".", 2)[0] + ".py")


def _is_of(bytecode: str, module: str) -> bool:
    """Whether the head of a .pyc names the time and size of the module (PEP 552)."""
    with open(bytecode, "rb") as stream:
        head = stream.read(16)
    found = os.stat(module)
    fields = [int.from_bytes(head[start : start + 4], "little") for start in (4, 8, 12)]
    return len(head) == 16 and fields == [0, int(found.st_mtime) & 0xFFFFFFFF, found.st_size & 0xFFFFFFFF]


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileExistsError:  # of an earlier run, or of another Python's
        beside = f"{target}.{os.getpid()}"
        shutil.copyfile(source, beside)
        os.replace(beside, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


_COMPILE = """
import compileall, os, sys
files = sys.stdin.read().splitlines()
if len(files) < 200:
    for name in files:
        compileall.compile_file(name, quiet=2)
else:
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor() as pool:
        list(pool.map(compileall.compile_file, files, [None]*len(files), [False]*len(files), [None]*len(files),
                      [2]*len(files), chunksize=50))
print(sys.implementation.cache_tag)
"""


def _modules(record: t.Mapping[str, t.Any]) -> list[str]:
    return [name for name in record.get("files") or () if name.endswith(".py")]


def _list(prefix: str, path: str, record: dict[str, t.Any], tag: str) -> None:
    listed = set(record["files"])
    compiled = []
    for name in _modules(record):
        folder, module = os.path.split(name)
        bytecode = os.path.join(folder, "__pycache__", f"{module[: -len('.py')]}.{tag}.pyc")
        if bytecode not in listed and os.path.exists(os.path.join(prefix, bytecode)):
            compiled.append(bytecode)
    if compiled:
        record["files"] += compiled
        record["paths_data"]["paths"] += [{"_path": name, "path_type": "pyc_file"} for name in compiled]
        beside = f"{path}.new"  # whole or not at all; on disk when the generation is
        with open(beside, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(record))  # indented, it would not be C that writes it
        os.replace(beside, path)


def _read(path: str) -> dict[str, t.Any]:
    with open(path, encoding="utf-8") as stream:
        record: dict[str, t.Any] = json.load(stream)
    return record
