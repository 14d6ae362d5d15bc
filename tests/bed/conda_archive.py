# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conda packages from a description: the same description gives the same bytes, in both formats.

The formats: https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html
"""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import stat
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Stands for the prefix in files that hold it; as long as conda-build's, so that paths of any usual length fit in.
PLACEHOLDER = "/opt/bed/stand-in" + "_placehold" * 23
BUILT = 1_700_000_000  # seconds since 1970: a fixed time, for archives that come out the same
_ZIP_TIME = (2023, 11, 14, 22, 13, 20)
_ZSTD_LEVEL = 3  # conda-build takes 19: a tenth smaller and fifty times slower


def compressed(content: bytes) -> bytes:
    """Zstandard, as archives and indexes of channels use it."""
    return zstd.compress(content, level=_ZSTD_LEVEL)


def decompressed(content: bytes) -> bytes:
    return zstd.decompress(content)


class Entry(NamedTuple):
    """A file of a package: ``content`` is its bytes, or the target of a symbolic link as text.

    ``prefix_in`` says how the placeholder stands in it: ``text``, ``binary`` or not at all (empty).
    """

    content: bytes | str
    mode: int = 0o644
    prefix_in: str = ""

    @property
    def bytes(self) -> bytes:
        return b"" if isinstance(self.content, str) else self.content


@dataclass
class CondaPackage:
    """One build of a package. ``entry_points`` belong to ``noarch: python`` packages: ``name = module:function``."""

    name: str
    version: str
    build: str = "0"
    subdir: str = "noarch"
    noarch: str = ""
    number: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    entry_points: tuple[str, ...] = ()
    suffix: str = ".conda"
    license: str = "GPL-3.0-or-later"
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def file_name(self) -> str:
        return self.stem + self.suffix

    def add(self, path: str, text: str | bytes, mode: int = 0o644, prefix_in: str = "") -> None:
        """Put a file into the package. A text with PLACEHOLDER in it gets the prefix when it is installed."""
        content = text.encode() if isinstance(text, str) else text
        self.entries[path] = Entry(content, mode, prefix_in or ("text" if PLACEHOLDER.encode() in content else ""))

    def symlink(self, path: str, target: str) -> None:
        self.entries[path] = Entry(target, 0o777)

    def index(self) -> dict[str, Any]:
        """info/index.json; with hashes and size it is also the package's record in repodata.json."""
        record: dict[str, Any] = {
            "build": self.build,
            "build_number": self.number,
            "constrains": list(self.constrains),
            "depends": list(self.depends),
            "license": self.license,
            "name": self.name,
            "subdir": self.subdir,
            "timestamp": BUILT * 1000,
            "version": self.version,
        }
        if self.noarch:
            record["noarch"] = self.noarch
        if self.subdir != "noarch":
            record["arch"], record["platform"] = "x86_64", "linux"
        return record

    def write(self, channel: Path) -> dict[str, Any]:
        """Write the archive into its subdirectory of the channel; returns its record."""
        archive = self._tar_bz2() if self.suffix == ".tar.bz2" else self._conda()
        folder = channel / self.subdir
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.file_name).write_bytes(archive)
        return {
            **{key: value for key, value in self.index().items() if key not in ("arch", "platform")},
            "md5": hashlib.md5(archive).hexdigest(),
            "sha256": hashlib.sha256(archive).hexdigest(),
            "size": len(archive),
        }

    def _conda(self) -> bytes:
        buffer = io.BytesIO()
        parts = {
            "metadata.json": json.dumps({"conda_pkg_format_version": 2}).encode(),
            f"pkg-{self.stem}.tar.zst": compressed(_tar(self.entries)),
            f"info-{self.stem}.tar.zst": compressed(_tar(self._info())),
        }
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as opened:
            for name, content in parts.items():
                opened.writestr(zipfile.ZipInfo(name, _ZIP_TIME), content)
        return buffer.getvalue()

    def _tar_bz2(self) -> bytes:
        return bz2.compress(_tar({**self._info(), **self.entries}))

    def _info(self) -> dict[str, Entry]:
        texts = {
            "info/index.json": _json(self.index()),
            "info/paths.json": _json(
                {"paths": [self._path(name) for name in sorted(self.entries)], "paths_version": 1}
            ),
            "info/files": "".join(f"{name}\n" for name in sorted(self.entries)),
            "info/about.json": _json({"license": self.license, "summary": "made by the test bed"}),
        }
        if self.noarch == "python":
            link = {"type": "python", "entry_points": list(self.entry_points)}
            texts["info/link.json"] = _json({"noarch": link, "package_metadata_version": 1})
        prefixed = [(entry.prefix_in, name) for name, entry in sorted(self.entries.items()) if entry.prefix_in]
        if prefixed:
            texts["info/has_prefix"] = "".join(f'"{PLACEHOLDER}" "{mode}" "{name}"\n' for mode, name in prefixed)
        return {name: Entry(text.encode()) for name, text in texts.items()}

    def _path(self, name: str) -> dict[str, Any]:
        entry = self.entries[name]
        described: dict[str, Any] = {
            "_path": name,
            "path_type": "softlink" if isinstance(entry.content, str) else "hardlink",
            "sha256": hashlib.sha256(entry.bytes).hexdigest(),
            "size_in_bytes": len(entry.bytes),
        }
        if entry.prefix_in:
            described |= {"file_mode": entry.prefix_in, "prefix_placeholder": PLACEHOLDER}
        return described


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True)


def _tar(entries: dict[str, Entry]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as opened:
        for name in sorted(entries):
            entry = entries[name]
            member = tarfile.TarInfo(name)
            member.mtime, member.mode = BUILT, stat.S_IMODE(entry.mode)
            if isinstance(entry.content, str):
                member.type, member.linkname = tarfile.SYMTYPE, entry.content
            member.size = len(entry.bytes)
            opened.addfile(member, io.BytesIO(entry.bytes))
    return buffer.getvalue()
