# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels and source distributions made on the spot, with nothing but the standard library.

The formats are those of packaging.python.org (PEP 427, PEP 643, PEP 517). The same arguments give the same bytes, so a
digest can be known before a file is served.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_MODULE = '__version__ = "{version}"\n\n\ndef main():\n    print(__version__)\n'
_EPOCH = (2026, 1, 1, 0, 0, 0)

# A build backend that needs nothing: a source distribution of ours carries its own.
_BACKEND = """\
import os, sys
sys.path.insert(0, os.path.dirname(__file__))
import _wheelwright


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheelwright.write(wheel_directory)
"""


def wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    files: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    requires_python: str = "",
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel that holds the module ``name`` with its ``__version__``; returns its path.

    ``files`` replaces that module; ``scripts`` are console entry points; ``tag`` may claim a platform that the content
    does not depend on, to make a wheel for one Python only.
    """
    module = name.replace("-", "_").replace(".", "_").lower()
    stem = f"{module}-{version}"
    content = {f"{module}.py": _MODULE.format(version=version)} if files is None else dict(files)
    metadata = _metadata(name, version, requires, extras or {}, requires_python)
    info = f"{stem}.dist-info"
    content[f"{info}/METADATA"] = metadata
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: bed\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if scripts:
        lines = "".join(f"{command} = {target}\n" for command, target in scripts.items())
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    record = "".join(f"{path},sha256={_record_digest(text)},{len(text.encode())}\n" for path, text in content.items())
    content[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{tag}.whl"
    path.write_bytes(_zip(content))
    return path


def sdist(folder: Path, name: str, version: str, *, requires: Sequence[str] = (), fails_with: str = "") -> Path:
    """Write a source distribution that builds itself without a network; ``fails_with`` is what its build dies of."""
    module = name.replace("-", "_").lower()
    top = f"{module}-{version}"
    with_wheel = io.BytesIO()
    scratch = folder / f".{top}"
    made = wheel(scratch, name, version, requires=requires)
    with_wheel.write(made.read_bytes())
    body = base64.b64encode(with_wheel.getvalue()).decode()
    failure = f"raise SystemExit({fails_with!r})\n" if fails_with else ""
    wheelwright = (
        f"import base64, os\n\n\ndef write(folder):\n    {failure or 'pass'}\n"
        f"    name = {made.name!r}\n    with open(os.path.join(folder, name), 'wb') as stream:\n"
        f"        stream.write(base64.b64decode({body!r}))\n    return name\n"
    )
    members = {
        f"{top}/PKG-INFO": _metadata(name, version, requires, {}, ""),
        f"{top}/pyproject.toml": (
            '[build-system]\nrequires = []\nbuild-backend = "_backend"\nbackend-path = ["."]\n'
            f'[project]\nname = "{name}"\nversion = "{version}"\n'
        ),
        f"{top}/_backend.py": _BACKEND,
        f"{top}/_wheelwright.py": wheelwright,
        f"{top}/{module}.py": f'__version__ = "{version}"\n',
    }
    made.unlink()
    scratch.rmdir()
    path = folder / f"{top}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for member, text in members.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def source_tree(archive: Path, folder: Path) -> Path:
    """Unpack a source distribution, as a repository of its project would hold it."""
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            target = folder / member.name.partition("/")[2]
            target.parent.mkdir(parents=True, exist_ok=True)
            stream = opened.extractfile(member)
            if stream is not None:
                target.write_bytes(stream.read())
    return folder


def sha256(path: Path) -> str:
    """The digest of a file, as a lock names it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _metadata(
    name: str, version: str, requires: Sequence[str], extras: Mapping[str, Sequence[str]], requires_python: str
) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Requires-Dist: {item}" for item in requires]
    for extra, items in extras.items():
        lines += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {item} ; extra == '{extra}'" for item in items)]
    return "\n".join(lines) + "\n"


def _record_digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _zip(content: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in content.items():
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return buffer.getvalue()
