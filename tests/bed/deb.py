# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From package specs to .deb files and a signed apt repository."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .host import run
from .package_specs import Package
from .signing import Keys

SUITE = "stable"
COMPONENT = "main"

_RELATION = re.compile(r"(\S+)(?: (<|<=|=|>=|>) (\S+))?$")
_DEBIAN_OPERATORS = {"<": "<<", ">": ">>"}


def debian_relation(text: str) -> str:
    """`bed-library >= 1.0` in Debian's words: `bed-library (>= 1.0)`. `|` stands between alternatives."""
    if " | " in text:
        return " | ".join(map(debian_relation, text.split(" | ")))
    match = _RELATION.match(text)
    if not match:
        raise ValueError(f"not a relation: {text!r}")
    name, operator, version = match.groups()
    return f"{name} ({_DEBIAN_OPERATORS.get(operator, operator)} {version})" if operator else name


def _control(package: Package) -> str:
    fields = {
        "Package": package.name,
        "Source": package.made_from if package.made_from != package.name else "",
        "Version": package.full_version,
        "Architecture": "amd64",
        "Maintainer": "gpufleet test bed <bed@gpufleet-bed.invalid>",
        "Section": "misc",
        "Priority": "optional",
        "Depends": ", ".join(map(debian_relation, package.requires)),
        "Provides": ", ".join(map(debian_relation, package.provides)),
        "Conflicts": ", ".join(map(debian_relation, package.conflicts + package.obsoletes)),
        "Replaces": ", ".join(map(debian_relation, package.obsoletes)),
        "Description": package.description,
    }
    return "".join(f"{key}: {value}\n" for key, value in fields.items() if value)


def _build(package: Package, pool: Path) -> Path:
    target = pool / f"{package.name}_{package.upstream}-{package.release}_amd64.deb"
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        control = root / "DEBIAN"
        control.mkdir(parents=True)
        root.chmod(0o755)
        for path, content in package.files.items():
            (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (root / path.lstrip("/")).write_text(content)
            (root / path.lstrip("/")).chmod(package.mode(path))
        for path, target_path in package.links.items():
            (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (root / path.lstrip("/")).symlink_to(target_path)
        (control / "control").write_text(_control(package))
        configuration = "".join(f"{path}\n" for path in package.files if path.startswith("/etc/"))
        if configuration:
            (control / "conffiles").write_text(configuration)
        if package.after_install:
            script = control / "postinst"
            script.write_text(f'#!/bin/sh\nset -e\nif [ "$1" = configure ]; then\n{package.after_install}\nfi\n')
            script.chmod(0o755)
        if package.before_removal:
            script = control / "prerm"
            script.write_text(f'#!/bin/sh\nset -e\nif [ "$1" = remove ]; then\n{package.before_removal}\nfi\n')
            script.chmod(0o755)
        run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", root, target])
    return target


def build_repository(packages: Iterable[Package], repository: Path, keys: Keys, signer: str | None) -> None:
    """Build the packages and an apt repository over them, signed by `signer`, or unsigned for None."""
    shutil.rmtree(repository, ignore_errors=True)
    pool = repository / "pool"
    pool.mkdir(parents=True)
    with ThreadPoolExecutor(2) as workers:
        files = list(workers.map(lambda package: _build(package, pool), packages))
    _index(repository, keys, signer, sorted(files))


def build_flat_repository(packages: Iterable[Package], repository: Path, keys: Keys, signer: str, label: str) -> None:
    """Build the packages and a repository without suites (`deb URL /`), as NVIDIA's are; it calls itself `label`."""
    shutil.rmtree(repository, ignore_errors=True)
    repository.mkdir(parents=True)
    with ThreadPoolExecutor(2) as workers:
        files = list(workers.map(lambda package: _build(package, repository), packages))
    index = repository / "Packages"
    index.write_text("\n".join(_index_entry(file, repository) for file in sorted(files)))
    index.with_suffix(".gz").write_bytes(gzip.compress(index.read_bytes(), mtime=0))
    release = repository / "Release"
    heading = f"Origin: {label}\nLabel: {label}\nArchitectures: amd64\n"
    release.write_text(heading + _release_sums([index, index.with_suffix(".gz")], repository))
    keys.sign_inline(signer, release, repository / "InRelease")
    keys.sign_detached(signer, release, repository / "Release.gpg")


def _index(repository: Path, keys: Keys, signer: str | None, files: list[Path]) -> None:
    suite = repository / "dists" / SUITE
    index = suite / COMPONENT / "binary-amd64" / "Packages"
    index.parent.mkdir(parents=True)
    index.write_text("\n".join(_index_entry(file, repository) for file in files))
    index.with_suffix(".gz").write_bytes(gzip.compress(index.read_bytes(), mtime=0))
    release = suite / "Release"
    release.write_text(_release([index, index.with_suffix(".gz")], suite))
    if signer:
        keys.sign_inline(signer, release, suite / "InRelease")
        keys.sign_detached(signer, release, suite / "Release.gpg")


def _index_entry(file: Path, repository: Path) -> str:
    content = file.read_bytes()
    return (
        f"{run(['dpkg-deb', '--field', file]).rstrip()}\nFilename: {file.relative_to(repository)}\n"
        f"Size: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"
    )


def _release(indexes: list[Path], suite: Path) -> str:
    return (
        f"Origin: gpufleet test bed\nLabel: gpufleet test bed\nSuite: {SUITE}\nCodename: {SUITE}\n"
        f"Architectures: amd64\nComponents: {COMPONENT}\n{_release_sums(indexes, suite)}"
    )


def _release_sums(indexes: list[Path], top: Path) -> str:
    sums = "".join(
        f" {hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_size} {path.relative_to(top)}\n"
        for path in indexes
    )
    return f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S UTC', time.gmtime())}\nSHA256:\n{sums}"
