# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(@EXPLICIT) files: a line for each package, its URL and its hash.

Source: conda's documentation of explicit specification files; the comment lines are those of conda and conda-lock.
"""

from __future__ import annotations

import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import files, package_url
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import LockedPackage, LockedPip, LockFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_problems import Problem, refusal

MARK = "@EXPLICIT"
_PLATFORM = re.compile(r"#\s*platform:\s*(?P<platform>\S+)")
# conda-lock writes what pip is to install into comments, which conda itself does not see.
_PIP = re.compile(
    r"#\s*pip\s+(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*@\s*(?P<url>\S+?)"
    r"(?:(?:\s+--hash=|#)sha256[:=](?P<sha256>[0-9a-f]{64}))?"
)
_TODO = "write one URL of a .conda or .tar.bz2 file per line, with #MD5 or #sha256:SHA256 behind it"


def is_explicit(text: str) -> bool:
    """Whether a text is an @EXPLICIT file, by its mark."""
    return any(line.strip() == MARK for line in text.splitlines())


def read_explicit(text: bytes | str, source: str, platform: str, *, require_hashes: bool = True) -> LockFile:
    """Read an @EXPLICIT file for ``platform`` (C(linux-64), ...).

    ``require_hashes`` refuses lines without a hash: nothing would tell a changed package. Raises InvalidArguments
    with each line that cannot be accepted.
    """
    lines = files.decode(text, source).splitlines()
    packages: list[LockedPackage] = []
    pip: list[LockedPip] = []
    problems: list[Problem] = []
    marked = False
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if line.startswith("#"):
            problems += _comment(line, source, number, platform, pip)
        elif line == MARK:
            marked = True
        elif line:
            found = _package(line, source, number, platform, require_hashes)
            (packages if isinstance(found, LockedPackage) else problems).append(found)  # type: ignore[arg-type]
    if not marked:
        problems.insert(0, Problem("conda_not_explicit", source, 1, MARK, f"there is no line {MARK}", _TODO))
    kept, conflicts = files.unique(source, packages)
    problems += conflicts
    if problems:
        raise refusal(sorted(problems, key=lambda item: item.line), f"the packages that {source} lists")
    channels = tuple(dict.fromkeys(package_url.parse(package.url).channel for package in kept))
    return LockFile(source, "explicit", platform, tuple(kept), tuple(pip), channels)


def _comment(line: str, source: str, number: int, platform: str, pip: list[LockedPip]) -> list[Problem]:
    match = _PLATFORM.fullmatch(line)
    if match is not None and match.group("platform") not in (platform, "noarch"):
        return [files.not_of_platform(source, number, line, match.group("platform"), platform)]
    match = _PIP.fullmatch(line)
    if match is not None:
        name, url = match.group("name"), match.group("url")
        pip.append(LockedPip(names.normalize(name), _pip_version(url), url, match.group("sha256") or "", number))
    return []


def _pip_version(url: str) -> str:
    fn = url.partition("#")[0].rpartition("/")[2]
    parts = names.wheel_parts(fn) or names.sdist_parts(fn)
    return parts[1] if parts else ""


def _package(line: str, source: str, number: int, platform: str, require_hashes: bool) -> LockedPackage | Problem:
    try:
        found = package_url.parse(line)
    except package_url.BadPackageUrl as exc:
        return Problem("conda_bad_url", source, number, line, str(exc), _TODO)
    if found.subdir not in ("", "noarch", platform):
        return files.not_of_platform(source, number, line, found.subdir, platform)
    if require_hashes and not found.md5 and not found.sha256:
        return Problem("conda_hash_missing", source, number, line, "it has no hash", _TODO, found.name)
    return LockedPackage(found.name, found.version, found.build, found.url, found.md5, found.sha256, number)
