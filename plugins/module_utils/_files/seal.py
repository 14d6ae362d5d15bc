# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A seal on a folder of programs: written last, it says what was verified when it came, and is cheap to compare.

Size and time of a file decide; only where the time differs, as after a copy of the folder, its content is read.
"""

from __future__ import annotations

import json
import os
import stat

from ansible_collections.gpufleet.mlstack.plugins.module_utils._download import sha256_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, trust, writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.reading import NotReadable, read_text

FILE = ".mlstack-seal.json"
_FORMAT = 1
_MOST_BYTES = 16 << 20
_BYTECODE = "__pycache__"  # Python writes it at any time, where the folder is ours alone


def write(folder: str) -> None:
    """Seal what lies in a folder. Files that more than the owner may write to lose that right."""
    files: dict[str, dict[str, str | int]] = {}
    for name, found in _files(folder).items():
        path = os.path.join(folder, name)
        if stat.S_ISLNK(found.st_mode):
            files[name] = {"link": os.readlink(path)}
            continue
        os.chmod(path, stat.S_IMODE(found.st_mode) & ~(stat.S_IWGRP | stat.S_IWOTH))
        files[name] = {"size": found.st_size, "time": found.st_mtime_ns, "sha256": sha256_of(path)}
    text = json.dumps({"format": _FORMAT, "files": files}, sort_keys=True)
    disk.sync_filesystem(folder)
    writing.write_whole(os.path.join(folder, FILE), text)


def is_whole(folder: str) -> bool:
    """Whether a folder is sealed, and holds just what was sealed, each file ours alone.

    The folder itself must have been judged before (trust.require()).
    """
    try:
        sealed = json.loads(read_text(os.path.join(folder, FILE), _MOST_BYTES))
        if sealed["format"] != _FORMAT:
            return False
        files = sealed["files"]
        present = _files(folder)
        return present.keys() == files.keys() and all(
            _same(os.path.join(folder, name), present[name], files[name]) for name in files
        )
    except (NotReadable, OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _same(path: str, found: os.stat_result, sealed: dict[str, object]) -> bool:
    if stat.S_ISLNK(found.st_mode):
        return os.readlink(path) == sealed.get("link")
    if not (stat.S_ISREG(found.st_mode) and trust.file_is_ours(found) and found.st_size == sealed["size"]):
        return False
    return found.st_mtime_ns == sealed["time"] or sha256_of(path) == sealed["sha256"]


def _files(folder: str) -> dict[str, os.stat_result]:
    """What a folder holds besides the seal and bytecode, by path below it. Raises OSError where a folder is not ours
    alone: then nothing in it says anything."""
    found = {}
    for place, folders, files in os.walk(folder, onerror=_raise):
        if not trust.file_is_ours(os.lstat(place)):
            raise PermissionError(f"{place} is not ours alone")
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        folders[:] = [name for name in folders if name != _BYTECODE]
        for name in [*files, *links]:
            path = os.path.join(place, name)
            found[os.path.relpath(path, folder)] = os.lstat(path)
    found.pop(FILE, None)
    return found


def _raise(exc: OSError) -> None:
    raise exc
