# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conda channel, a stand-in for the public ones: real archives, a real Python, everything else made up.

    channel = conda_channel.basic()              # built once, kept by content below the bed's state
    solve(channels=[channel.url], specs=["python", "bed-tool"])

python3 -m tests.bed.conda_channel FOLDER writes it into a folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import conda_archive, conda_packages, conda_python, host
from .conda_archive import CondaPackage, compressed
from .conda_python import Interpreter

SUBDIRS = ("linux-64", "noarch")
_KEPT = 4  # channels that stay below the bed's state, the youngest


@dataclass(frozen=True)
class Channel:
    """The folder of a channel, with an index of its packages."""

    folder: Path

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def records(self) -> dict[str, dict[str, Any]]:
        """File name to record, of all subdirectories, with the URL as a solver gives it."""
        found: dict[str, dict[str, Any]] = {}
        for subdir in SUBDIRS:
            index = json.loads((self.folder / subdir / "repodata.json").read_text())
            for name, record in {**index["packages"], **index["packages.conda"]}.items():
                found[name] = {**record, "url": f"{self.url}/{subdir}/{name}", "channel": self.url}
        return found

    def record(self, name: str, version: str) -> dict[str, Any]:
        """The record of a package by name and version, the highest build of it."""
        found = [item for item in self.records().values() if (item["name"], item["version"]) == (name, version)]
        return max(found, key=lambda item: item["build_number"])

    def copy(self, folder: Path) -> Channel:
        """The same channel elsewhere, for a test that spoils it."""
        shutil.copytree(self.folder, folder)
        return Channel(folder)

    def add(self, *packages: CondaPackage) -> None:
        """Write packages, and list them in the index."""
        write(self.folder, packages, _index(self.folder))


def write(folder: Path, packages: Iterable[CondaPackage], index: dict[str, dict[str, Any]] | None = None) -> Channel:
    """Write archives and repodata.json, plain and compressed, for all subdirectories."""
    index = index or {
        subdir: {"info": {"subdir": subdir}, "packages": {}, "packages.conda": {}, "removed": [], "repodata_version": 1}
        for subdir in SUBDIRS
    }
    for package in packages:
        record = package.write(folder)
        if package.name == "bed-bad-hash":
            record["sha256"] = "0" * 64
        kind = "packages.conda" if package.suffix == ".conda" else "packages"
        index[package.subdir][kind][package.file_name] = record
    for subdir, repodata in index.items():
        (folder / subdir).mkdir(parents=True, exist_ok=True)
        text = json.dumps(repodata, indent=1, sort_keys=True).encode()
        (folder / subdir / "repodata.json").write_bytes(text)
        (folder / subdir / "repodata.json.zst").write_bytes(compressed(text))
    return Channel(folder)


def basic(interpreters: Sequence[Interpreter] = ()) -> Channel:
    """The channel of conda_packages with a Python per interpreter (this run's by default); seconds at first, then
    nothing but a look: it is kept under the hash of what it is made of."""
    chosen = list(interpreters) or [Interpreter.of_this_run()]
    key = hashlib.sha256("".join(interpreter.key() for interpreter in chosen).encode())
    for source in (conda_archive, conda_packages, conda_python, sys.modules[__name__]):
        key.update(Path(str(source.__file__)).read_bytes())
    shelf = host.state_directory() / "conda"
    folder = shelf / key.hexdigest()[:16]
    shelf.mkdir(parents=True, exist_ok=True)
    with (shelf / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _forget_old(shelf)
            beside = Path(tempfile.mkdtemp(dir=shelf))
            build(beside, chosen)
            beside.chmod(0o755)
            beside.rename(folder)
    return Channel(folder)


def build(folder: Path, interpreters: Sequence[Interpreter]) -> Channel:
    """Write the basic channel into a folder."""
    pythons = [conda_python.python_package(interpreter) for interpreter in interpreters]
    minors = list(dict.fromkeys(conda_python.minor_versions(pythons)))
    return write(folder, [*pythons, *conda_packages.every_package(minors)])


def _index(folder: Path) -> dict[str, dict[str, Any]]:
    return {subdir: json.loads((folder / subdir / "repodata.json").read_text()) for subdir in SUBDIRS}


def _forget_old(shelf: Path) -> None:
    folders = sorted((path for path in shelf.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in folders[: -(_KEPT - 1)]:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    build(Path(sys.argv[1]).absolute(), [Interpreter.of_this_run()])
