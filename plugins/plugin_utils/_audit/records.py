# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a mirror: a zip file or a folder, in JSON, or in YAML as the repository of PyPA's advisories has them.

What lies there is of strangers. A record that cannot be read is one record less, which is told; it is never a reason to
do without the others.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import lzma
import os
import re
import typing as t
import zipfile
import zlib

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import reading
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories, nvidia_bulletins
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Advisory, BadAdvisory

# What no honest mirror of one ecosystem needs: PyPI's whole file has 40,000 records of a few kilobytes.
_MOST_RECORD_BYTES = 16 * 1024 * 1024
_ENDS = (".json", ".yaml", ".yml")
_ENCRYPTED = 0x1
_UNREADABLE = (
    OSError,
    ValueError,
    RuntimeError,  # an encrypted member, a compression that is unknown, JSON that is nested too deeply
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    reading.NotReadable,
)


class Entry(t.NamedTuple):
    """One record of a mirror: ``stamp`` changes when it does, ``read`` returns its bytes."""

    name: str
    stamp: str
    read: t.Callable[[], bytes]


@contextlib.contextmanager
def entries(location: str) -> t.Iterator[t.Iterator[Entry]]:
    """The records of a zip file or a folder. Raises OSError or zipfile.BadZipFile where it is neither."""
    if os.path.isdir(location):
        yield _of_folder(location)
        return
    with zipfile.ZipFile(location) as archive:
        yield _of_zip(archive)


def identity(location: str) -> str:
    """What changes with the contents, without reading them: a stamp of the file, or of all files of a folder."""
    if not os.path.isdir(location):
        found = os.stat(location)
        return f"{found.st_size} {found.st_mtime_ns}"
    digest = hashlib.sha256()
    for entry in _of_folder(location):
        digest.update(f"{entry.name} {entry.stamp}\n".encode())
    return digest.hexdigest()


def advisory(entry: Entry, *, system: bool = False) -> Advisory | None:
    """What a record says; None where that is nothing of Python packages, or with ``system`` of a distribution's. Raises
    BadAdvisory, whatever it holds."""
    try:
        data = entry.read()
        record = _yaml(data) if entry.name.endswith(_ENDS[1:]) else _json(data)
        if system and nvidia_bulletins.is_csaf(record):
            return nvidia_bulletins.read(record)
        return None if system and nvidia_bulletins.is_cve(record) else advisories.read(record, system=system)
    except BadAdvisory:
        raise
    except _UNREADABLE as exc:
        raise BadAdvisory(_told(exc)) from exc


def _told(exc: Exception) -> str:
    lines = str(exc).split("\n")
    return f"{lines[0][:200]}" if lines[0] else type(exc).__name__


def _json(data: bytes) -> t.Any:
    found = json.loads(data)
    if b"\\ud" in data.lower():  # half a character, which no file and no database takes
        return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    return found


def _yaml(data: bytes) -> t.Any:
    """YAML in which everything is text: 1.10 is a version, and a date is what stands there. Only nothing is nothing."""
    import yaml  # a mirror of JSON needs none of it

    class Loader(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
        """It makes texts, lists, dictionaries and None alone."""

    null = "tag:yaml.org,2002:null"
    Loader.add_implicit_resolver(null, re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
    Loader.add_constructor(null, lambda _loader, _node: None)
    try:
        return yaml.load(data, Loader=Loader)
    except yaml.YAMLError as exc:
        raise BadAdvisory(_told(exc)) from exc


def _of_zip(archive: zipfile.ZipFile) -> t.Iterator[Entry]:
    for item in archive.infolist():
        if _is_record(item.filename):
            yield Entry(item.filename, f"{item.CRC:08x} {item.file_size}", functools.partial(_member, archive, item))


def _is_record(path: str) -> bool:
    parts = path.split("/")
    return path.endswith(_ENDS) and not any(part.startswith(".") for part in parts)


def _member(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> bytes:
    if item.flag_bits & _ENCRYPTED:
        raise BadAdvisory("it is encrypted")
    with archive.open(item) as stream:
        data = stream.read(_MOST_RECORD_BYTES + 1)  # the size that is written beside it may be a lie
        if len(data) > _MOST_RECORD_BYTES:
            raise BadAdvisory(f"it has more than {_MOST_RECORD_BYTES} bytes, which no advisory needs")
        stream.read(1)  # at its end the checksum is compared
    if len(data) != item.file_size:
        raise BadAdvisory(f"it has {len(data)} bytes, and should have {item.file_size}")
    return data


def _of_folder(folder: str) -> t.Iterator[Entry]:
    """The files of a folder, by their paths in it. Databases of advisories keep a folder for each year and month."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise PermissionError(13, "Permission denied", folder)
    failed: list[OSError] = []
    for top, folders, files in os.walk(folder, onerror=failed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(top, name)
            inside = os.path.relpath(path, folder)
            if _is_record(inside):
                yield Entry(_as_text(inside), _stamp(path), functools.partial(_file, path, folder))
    for exc in failed:  # what is in there nobody knows
        name = os.path.relpath(str(exc.filename), folder)
        yield Entry(f"{_as_text(name)}/unreadable.json", "", functools.partial(_refuse, exc))


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError as exc:
        return str(exc.strerror)
    return f"{found.st_mtime_ns} {found.st_size} {found.st_mode}"


def _file(path: str, folder: str) -> bytes:
    try:
        return reading.read_foreign(path, _MOST_RECORD_BYTES, within=folder)
    except reading.NotReadable as exc:
        needless = ", which no advisory needs" if exc.code == reading.TOO_LARGE else ""
        raise BadAdvisory(f"{exc.reason}{needless}") from exc


def _refuse(exc: OSError) -> bytes:
    raise exc


def _as_text(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
