# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files that describe conda environments say, as plain structures: the controller reads YAML, hosts do not.

C(as_data) and C(from_data) take them over the wire, as JSON.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_problems import Problem

# Far above the largest lock that is known (1 MB for four platforms); a file beyond it is a mistake or an attack.
MOST_BYTES = 16 * 1024 * 1024


class SpecLine(t.NamedTuple):
    """A match specification: ``text`` as one that every engine reads, ``line`` where it stands."""

    text: str
    line: int


class PipLine(t.NamedTuple):
    """A line for pip, as it would stand in a requirement file beside the file."""

    text: str
    line: int


@dataclass(frozen=True)
class EnvironmentFile:
    """An environment.yml for one platform.

    ``channels`` are in order of priority, each once, without C(nodefaults). ``specs`` and ``pip`` leave out what a
    selector reserves for other platforms. ``pip_listed`` says whether there is a pip section, empty or not.
    """

    source: str
    name: str = ""
    prefix: str = ""
    channels: tuple[str, ...] = ()
    nodefaults: bool = False
    specs: tuple[SpecLine, ...] = ()
    pip: tuple[PipLine, ...] = ()
    pip_listed: bool = False
    platforms: tuple[str, ...] = ()
    category: str = "main"
    variables: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()

    def pip_text(self) -> str:
        """The pip section as a requirement file whose line numbers are those of the source.

        Given to the reader of requirement files under the source's path, it resolves C(-r) and C(-e) beside the
        source, as conda does, and tells problems by the right line.
        """
        lines: list[str] = []
        for item in self.pip:
            # Entries that share a line, as in [a, b], take the lines below.
            lines += [""] * (item.line - 1 - len(lines))
            lines.append(item.text)
        return "".join(line + "\n" for line in lines)

    def as_data(self) -> dict[str, t.Any]:
        return {"kind": "environment", **_plain(self)}


@dataclass(frozen=True)
class LockedPackage:
    """One conda package that a lock pins, with the hashes that the lock has of it, in lower case."""

    name: str
    version: str
    build: str
    url: str  # without a hash
    md5: str = ""
    sha256: str = ""
    line: int = 0

    def package(self) -> Package:
        """As engines take it."""
        return Package.from_url(self.url, sha256=self.sha256, md5=self.md5)

    def explicit(self) -> str:
        """As a line of an @EXPLICIT file, with the stronger of the hashes."""
        if self.sha256:
            return f"{self.url}#sha256:{self.sha256}"
        return f"{self.url}#{self.md5}" if self.md5 else self.url


@dataclass(frozen=True)
class LockedPip:
    """One distribution that a lock has pip install. ``url`` leads to the file, or to a repository."""

    name: str
    version: str
    url: str
    sha256: str = ""
    line: int = 0

    def requirement(self) -> str:
        """As a line of a requirement file. By version and hash, so that an index of your own can serve it; by URL where
        the hash alone would not find it."""
        url = self.url
        if not self.sha256 or not self.version or url.startswith(("git+", "hg+", "svn+", "bzr+", "file:")):
            return f"{self.name} @ {url}"
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


@dataclass(frozen=True)
class LockFile:
    """A lock for one platform: @EXPLICIT, conda-lock.yml or pixi.lock, said by ``form``."""

    source: str
    form: str
    platform: str
    packages: tuple[LockedPackage, ...] = ()
    pip: tuple[LockedPip, ...] = ()
    channels: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def pip_text(self) -> str:
        return "".join(item.requirement() + "\n" for item in self.pip)

    def as_data(self) -> dict[str, t.Any]:
        return {"kind": "lock", **_plain(self)}


def from_data(data: t.Mapping[str, t.Any]) -> EnvironmentFile | LockFile:
    """The structure that as_data() came from."""
    fields = {key: value for key, value in data.items() if key != "kind"}
    if data["kind"] == "environment":
        pairs = {"specs": SpecLine, "pip": PipLine}
        for key, kind in pairs.items():
            fields[key] = tuple(kind(*item) for item in fields[key])
        fields["variables"] = tuple((name, value) for name, value in fields["variables"])
        lists = ("channels", "platforms", "warnings")
        return EnvironmentFile(**{**fields, **{key: tuple(fields[key]) for key in lists}})
    fields["packages"] = tuple(LockedPackage(**item) for item in fields["packages"])
    fields["pip"] = tuple(LockedPip(**item) for item in fields["pip"])
    return LockFile(**{**fields, **{key: tuple(fields[key]) for key in ("channels", "warnings")}})


def _plain(value: t.Any) -> t.Any:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def decode(text: bytes | str, source: str) -> str:
    """The text of a file: UTF-8, with or without a byte order mark. Raises InvalidArguments by line."""
    size = len(text)
    if size > MOST_BYTES:
        raise InvalidArguments(
            "conda_file_too_big",
            wanted=f"an environment from {source}",
            found=f"it has {size / 1e6:.0f} MB, and no such file has more than {MOST_BYTES / 1e6:.0f} MB",
            to_fix="name the file that was meant",
        )
    if isinstance(text, str):
        return text[1:] if text.startswith("\ufeff") else text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = text[: exc.start].count(b"\n") + 1
        raise InvalidArguments(
            "conda_file_not_text",
            wanted=f"an environment from {source}",
            found=f"{source}:{line}: byte 0x{text[exc.start]:02x} is not UTF-8",
            to_fix="save the file as UTF-8",
        ) from None


def not_of_platform(source: str, line: int, text: str, subdir: str, platform: str) -> Problem:
    """That a lock has a package of another platform."""
    return Problem(
        "conda_wrong_platform",
        source,
        line,
        text,
        f"it is for {subdir}, and the host is {platform}",
        "lock for the host's platform",
    )


def twice(source: str, package: LockedPackage, earlier: LockedPackage) -> Problem:
    """That a lock pins one name to two packages."""
    return Problem(
        "conda_lock_conflict",
        source,
        package.line,
        package.url,
        f"{package.name} is {earlier.version} {earlier.build} in line {earlier.line}",
        "write the lock anew, or name the category or environment that was meant",
        package.name,
    )


def unique(source: str, packages: t.Iterable[LockedPackage]) -> tuple[list[LockedPackage], list[Problem]]:
    """The packages, each once, and a problem for each name that has two."""
    kept: dict[str, LockedPackage] = {}
    problems = []
    for package in packages:
        earlier = kept.setdefault(package.name, package)
        if (earlier.url, earlier.md5, earlier.sha256) != (package.url, package.md5, package.sha256):
            problems.append(twice(source, package, earlier))
    return list(kept.values()), problems
