# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place where an engine works in a test, and what is in an environment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import Engine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import (
    InstallRequest,
    InstallResult,
    Package,
    Solution,
    SolveRequest,
    Sources,
    VirtualPackage,
)
from ansible_collections.gpufleet.mlstack.tests.bed.conda_channel import Channel

PLATFORM = "linux-64"


@dataclass
class Work:
    """``prefix`` is where environments are made unless a test says otherwise."""

    engine: Engine
    folder: Path
    channel: Channel

    @property
    def prefix(self) -> Path:
        return self.folder / "prefix"

    def sources(self, **more: Any) -> Sources:
        return Sources(**{"channels": (self.channel.url,), **more})

    def solve(self, *specs: str, sources: Sources | None = None, cuda: str = "", **more: Any) -> Solution:
        if cuda:
            glibc = VirtualPackage("__glibc", "2.36")
            more["virtual_packages"] = (VirtualPackage("__linux", "6.1"), glibc, VirtualPackage("__cuda", cuda))
        return self.engine.solve(SolveRequest(specs, sources or self.sources(), PLATFORM, **more))

    def install(
        self,
        packages: Sequence[Package],
        *specs: str,
        prefix: Path | None = None,
        sources: Sources | None = None,
        **more: Any,
    ) -> InstallResult:
        target = str(prefix or self.prefix)
        return self.engine.install(
            InstallRequest(target, tuple(packages), sources or self.sources(), PLATFORM, specs, **more)
        )

    def create(self, *specs: str, prefix: Path | None = None, **more: Any) -> InstallResult:
        return self.install(self.solve(*specs).packages, *specs, prefix=prefix, **more)

    def explicit(self, packages: Sequence[Package]) -> tuple[Package, ...]:
        """The same packages as an explicit lock has them."""
        return tuple(Package.from_url(package.url, sha256=package.sha256, md5=package.md5) for package in packages)


def installed(prefix: Path) -> dict[str, str]:
    """Name to version and build, by conda-meta."""
    found = {}
    for path in (prefix / "conda-meta").glob("*.json"):
        record = json.loads(path.read_text())
        found[record["name"]] = f"{record['version']} {record['build']}"
    return found


def files(prefix: Path) -> set[str]:
    """All files and links but bytecode and the records."""
    return {
        str(path.relative_to(prefix))
        for path in prefix.rglob("*")
        if (path.is_file() or path.is_symlink()) and path.suffix != ".pyc" and "conda-meta" not in path.parts
    }


def orphans(prefix: Path) -> set[str]:
    """Files that no record names, bytecode beside a module that one names excepted."""
    named: set[str] = set()
    for path in (prefix / "conda-meta").glob("*.json"):
        named.update(json.loads(path.read_text())["files"])
    return {name for name in files(prefix) if name not in named}


def missing(prefix: Path) -> set[str]:
    """Files that a record names and that are not there."""
    lost: set[str] = set()
    for path in (prefix / "conda-meta").glob("*.json"):
        lost.update(
            name
            for name in json.loads(path.read_text())["files"]
            if not (prefix / name).is_symlink() and not (prefix / name).exists()
        )
    return lost


def python(prefix: Path, script: str) -> str:
    """What the environment's Python prints; without leaving bytecode."""
    argv = [str(prefix / "bin" / "python"), "-I", "-B", "-c", script]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
