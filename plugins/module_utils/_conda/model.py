# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages, where they come from, and what an engine is asked and answers; plain values without behaviour."""

from __future__ import annotations

import posixpath
import re
import typing as t
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

ARCHIVE_SUFFIXES = (".conda", ".tar.bz2")

# Subdirectories of a channel by the names that uname(2) gives (conda's KNOWN_SUBDIRS).
SUBDIRS: t.Mapping[str, str] = {
    "x86_64": "linux-64",
    "aarch64": "linux-aarch64",
    "ppc64le": "linux-ppc64le",
    "s390x": "linux-s390x",
    "riscv64": "linux-riscv64",
}
# What channel_priority can be (conda's setting of the same name).
STRICT, FLEXIBLE, DISABLED = "strict", "flexible", "disabled"


@dataclass(frozen=True)
class VirtualPackage:
    """A property of the host that packages can depend on, such as C(__cuda) or C(__glibc)."""

    name: str
    version: str
    build: str = "0"

    @property
    def override(self) -> str:
        """The variable with which every conda client takes another version than it finds (empty where none is)."""
        names = {"__cuda": "CUDA", "__glibc": "GLIBC", "__linux": "LINUX", "__archspec": "ARCHSPEC"}
        return f"CONDA_OVERRIDE_{names[self.name]}" if self.name in names else ""


@dataclass(frozen=True)
class Package:
    """One package: a record of repodata.json or conda-meta, or an entry of a lock.

    An entry of an explicit lock knows its URL, a hash and what the file name tells; ``complete`` is then False, and the
    engine takes the rest from the archive. ``channel`` is the channel's base URL or name, without credentials.
    ``noarch`` is empty, C(generic) or C(python). ``size`` is in bytes; 0 means unknown.
    """

    name: str
    version: str
    build: str
    subdir: str = ""
    channel: str = ""
    url: str = ""
    sha256: str = ""
    md5: str = ""
    size: int = 0
    build_number: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    noarch: str = ""
    license: str = ""
    timestamp: int = 0  # milliseconds since 1970
    track_features: tuple[str, ...] = ()
    python_site_packages_path: str = ""
    complete: bool = True

    @property
    def stem(self) -> str:
        """What no two packages of a prefix share: name, version and build; also the name of its conda-meta file."""
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def file_name(self) -> str:
        return posixpath.basename(unquote(urlsplit(self.url).path))

    @property
    def spec(self) -> str:
        """The one package as an exact spec of conda."""
        return f"{self.name}=={self.version}={self.build}"

    @classmethod
    def from_url(cls, url: str, *, sha256: str = "", md5: str = "") -> Package:
        """What the URL of an archive tells (C(<channel>/<subdir>/<name>-<version>-<build>.conda)).

        Raises ValueError where it has not that form.
        """
        path = unquote(urlsplit(url).path)
        stem, subdir = posixpath.basename(path), posixpath.basename(posixpath.dirname(path))
        suffix = next((end for end in ARCHIVE_SUFFIXES if stem.endswith(end)), "")
        parts = stem[: len(stem) - len(suffix)].rsplit("-", 2)
        if not suffix or len(parts) != 3 or not all(parts) or not subdir:
            raise ValueError(f"{url} names no conda package")
        name, version, build = parts
        number = re.search(r"_(\d+)\Z|^(\d+)\Z", build)
        return cls(
            name=name,
            version=version,
            build=build,
            subdir=subdir,
            channel=url[: url.rindex("/", 0, url.rindex("/"))],
            url=url,
            sha256=sha256.lower(),
            md5=md5.lower(),
            build_number=int(number.group(1) or number.group(2)) if number else 0,
            complete=False,
        )

    @classmethod
    def from_record(cls, record: t.Mapping[str, t.Any]) -> Package:
        """A record as repodata.json, conda-meta and the command-line programs' JSON hold it."""
        features = record.get("track_features") or ()
        noarch = record.get("noarch") or ""
        return cls(
            name=record["name"],
            version=record["version"],
            build=record.get("build") or record.get("build_string") or "",
            subdir=record.get("subdir") or record.get("platform") or "",
            channel=str(record.get("channel") or record.get("base_url") or "").rstrip("/"),
            url=record.get("url") or "",
            sha256=record.get("sha256") or "",
            md5=record.get("md5") or "",
            size=int(record.get("size") or 0),
            build_number=int(record.get("build_number") or 0),
            depends=tuple(record.get("depends") or ()),
            constrains=tuple(record.get("constrains") or ()),
            noarch="generic" if noarch is True else str(noarch),
            license=record.get("license") or "",
            timestamp=int(record.get("timestamp") or 0),
            track_features=tuple(features.replace(",", " ").split() if isinstance(features, str) else features),
            python_site_packages_path=record.get("python_site_packages_path") or "",
        )


@dataclass(frozen=True)
class Credential:
    """What opens the channels of one ``host`` (C(channels.example.com), or with a port, or C(*.example.com)).

    Either ``user`` and ``password``, or a bearer ``token``, or a ``conda_token`` (C(/t/<token>/) in the URL).
    """

    host: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    conda_token: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(value for value in (self.password, self.token, self.conda_token) if value)


@dataclass(frozen=True)
class Sources:
    """Where packages come from.

    ``channels`` are names, URLs or C(file://) URLs, the first one first, without credentials; a name is appended to
    ``channel_alias``, or to the engine's own default where that is empty. ``mirrors`` are pairs of a URL prefix and
    what is asked in its place, in order. ``ca_bundle`` is a PEM file that is trusted, besides what the system trusts.
    """

    channels: tuple[str, ...] = ()
    channel_alias: str = ""
    channel_priority: str = STRICT
    mirrors: tuple[tuple[str, tuple[str, ...]], ...] = ()
    credentials: tuple[Credential, ...] = ()
    ca_bundle: str = ""
    proxy: str = ""
    no_proxy: str = ""
    offline: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(secret for credential in self.credentials for secret in credential.secrets)


@dataclass(frozen=True)
class SolveRequest:
    """A set of packages that fits ``specs`` is wanted.

    ``specs`` are conda's match specs, as lenient as conda reads them; ``constraints`` bound versions without asking for
    the package. ``locked`` packages are preferred to others as long as a spec does not speak against them; ``pinned``
    ones must stay as they are. ``virtual_packages`` is all that the host has; empty lets the engine look itself.
    ``title`` says in messages for what this is. ``welcome`` packages are taken where the channels have them; the
    engine is not told of them.
    """

    specs: tuple[str, ...]
    sources: Sources
    platform: str
    constraints: tuple[str, ...] = ()
    locked: tuple[Package, ...] = ()
    pinned: tuple[Package, ...] = ()
    virtual_packages: tuple[VirtualPackage, ...] = ()
    title: str = "these packages"
    welcome: tuple[str, ...] = ()


@dataclass(frozen=True)
class InstallRequest:
    """Exactly ``packages`` are to be in ``prefix``: what else conda packages brought there goes, other files stay.

    ``specs`` are what was asked for; they are written into the history, so that other clients remove no more than they
    are asked to. ``link_scripts`` runs the packages' post-link and pre-unlink scripts. ``virtual_packages`` is only
    needed by engines that solve again what is settled.
    """

    prefix: str
    packages: tuple[Package, ...]
    sources: Sources
    platform: str
    specs: tuple[str, ...] = ()
    link_scripts: bool = True
    compile_bytecode: bool = True
    virtual_packages: tuple[VirtualPackage, ...] = ()
    title: str = "these packages"


@dataclass(frozen=True)
class Solution:
    """What an engine would install, sorted by name. ``seconds`` is wall time."""

    packages: tuple[Package, ...]
    seconds: float = 0.0

    @property
    def versions(self) -> dict[str, str]:
        return {package.name: package.version for package in self.packages}


@dataclass(frozen=True)
class InstallResult:
    """What was done: the stems of the packages linked and unlinked, told from conda-meta before and after."""

    linked: tuple[str, ...]
    unlinked: tuple[str, ...]
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.linked or self.unlinked)
