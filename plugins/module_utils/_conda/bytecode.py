# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Compiling the Python modules of noarch packages, which come without bytecode, as conda does it."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import STRAY_VARIABLES


def compile_noarch(prefix: str, stems: t.Iterable[str], commands: Commands, timeout: float) -> list[str]:
    """Compile what these packages brought, and list the result in their records: whoever removes the package, with
    whatever client, removes its bytecode too. Returns warnings: a module that cannot be compiled is no failure."""
    python = os.path.join(prefix, "bin", "python")
    if not os.path.exists(python):
        return []
    paths = [os.path.join(prefix, "conda-meta", f"{stem}.json") for stem in stems]
    records = {path: _read(path) for path in paths}
    pure = {path: record for path, record in records.items() if record.get("noarch") == "python"}
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
    return []


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
            json.dump(record, stream, indent=2)
        os.replace(beside, path)


def _read(path: str) -> dict[str, t.Any]:
    with open(path, encoding="utf-8") as stream:
        record: dict[str, t.Any] = json.load(stream)
    return record
