# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root file systems that images start from: Debian releases, made from the machine's own apt sources."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import host
from .docker import docker, image_exists

_MINIMAL = ("python3", "ca-certificates")

_ROCKY = (
    *_MINIMAL,
    *("systemd", "systemd-sysv", "dbus", "sudo", "procps", "iproute2", "openssh-server", "openssl", "curl"),
    *("dnf", "python3-dnf", "rpm", "python3-rpm", "python3-dateutil", "python3-venv", "gpg"),
    *("gcc", "g++", "make", "cmake", "ninja-build", "autoconf", "automake", "libtool", "patch", "git", "pkg-config"),
    *("bzip2", "unzip", "wget", "rsync", "python3-pip", "python3-setuptools", "python3-dev"),
    *("libssl-dev", "libffi-dev", "zlib1g-dev", "libbz2-dev", "liblzma-dev", "libreadline-dev", "libsqlite3-dev"),
)

# Debian 12's dnf (4.14), rpm (4.18) and Python (3.11) are nearest to Enterprise Linux 10's (4.20, 4.19, 3.12). It has
# no compilers: those are looked at on the other one.
_ROCKY_TEN = (
    *("systemd", "systemd-sysv", "dbus", "sudo", "procps", "iproute2", "openssh-server", "openssl", "curl"),
    *("dnf", "python3-dnf", "rpm", "python3-rpm", "python3-dateutil", "gpg"),
    *("make", "patch", "unzip", "rsync", "zlib1g-dev"),
)
_EXTENSION = Path(__file__).resolve().parent / "dockerfiles" / "extended-rootfs.Dockerfile"


@dataclass(frozen=True)
class RootFilesystem:
    """A Debian release with a set of packages. `python` is that release's Python."""

    suite: str
    packages: tuple[str, ...]
    python: str

    def sources(self) -> str:
        """The apt sources it is made from."""
        return host.debian_sources(self.suite)

    def tag(self) -> str:
        """The docker image that holds it; another package list or source gives another tag."""
        content = "\n".join([self.suite, *self.packages, self.sources()])
        return f"gpufleet-bed/rootfs:{self.suite}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def ensure(self) -> str:
        """Build it unless docker has it; return its tag."""
        tag = self.tag()
        if not image_exists(tag):
            with tempfile.TemporaryDirectory() as scratch:
                archive = Path(scratch) / "rootfs.tar"
                self._bootstrap(archive, Path(scratch))
                docker("import", "--change", "ENV container=docker", archive, tag)
        return tag

    def _bootstrap(self, archive: Path, scratch: Path) -> None:
        sources = scratch / "debian.sources"
        sources.write_text(self.sources())
        hook = (
            # Releases before bookworm do not make the links from /bin to /usr/bin by themselves.
            'for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done'
        )
        options = [
            "--variant=minbase",
            "--mode=root",
            f"--include={','.join(self.packages)}",
            '--aptopt=APT::Install-Recommends "false"',
            *(f"--dpkgopt=path-exclude=/usr/share/{kind}/*" for kind in ("man", "doc", "locale", "info")),
        ]
        if self.suite == "bullseye":
            options.append(f"--setup-hook={hook}")
        if host.ignores_release_expiry():
            options.append('--aptopt=Acquire::Check-Valid-Until "false"')
        host.run(["mmdebstrap", "--quiet", *options, self.suite, archive, sources])


DEBIAN = RootFilesystem("bookworm", _MINIMAL, "3.11")


@dataclass(frozen=True)
class ExtendedRootFilesystem:
    """Another root file system with more packages on top: one layer more, no second bootstrap."""

    base: RootFilesystem
    packages: tuple[str, ...]

    @property
    def python(self) -> str:
        """The Python of its release."""
        return self.base.python

    def tag(self) -> str:
        """The docker image that holds it; another package list, recipe or base gives another tag."""
        content = "\n".join([self.base.tag(), *self.packages, _EXTENSION.read_text()])
        return f"gpufleet-bed/rootfs:{self.base.suite}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def ensure(self) -> str:
        """Build it unless docker has it; return its tag."""
        tag = self.tag()
        if not image_exists(tag):
            arguments = {"ROOTFS": self.base.ensure(), "PACKAGES": " ".join(self.packages)}
            words = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
            docker("build", "--quiet", "--tag", tag, *words, "-", stdin=_EXTENSION.read_text())
        return tag


# Debian 11 has Rocky Linux 9's Python (3.9) and nearly its rpm, but may leave the archive any day.
ROCKY_PREFERRED = RootFilesystem("bullseye", _ROCKY, "3.9")
ROCKY_FALLBACK = RootFilesystem("bookworm", _ROCKY, "3.11")
ROCKY_TEN = ExtendedRootFilesystem(DEBIAN, _ROCKY_TEN)


def rocky_rootfs() -> RootFilesystem:
    """The root file system of the Rocky stand-in: Debian 11's while the archive has it, else Debian 12's."""
    if image_exists(ROCKY_PREFERRED.tag()):
        return ROCKY_PREFERRED
    return ROCKY_PREFERRED if _archive_has(ROCKY_PREFERRED) else ROCKY_FALLBACK


def _archive_has(rootfs: RootFilesystem) -> bool:
    """Whether apt can fetch the release's index, tried in a directory of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for directory in ("lists/partial", "cache/archives/partial", "parts"):
            (root / directory).mkdir(parents=True)
        (root / "release.sources").write_text(rootfs.sources())
        settings = {
            "Dir::Etc::SourceList": root / "release.sources",
            "Dir::Etc::SourceParts": root / "parts",
            "Dir::State::Lists": root / "lists",
            "Dir::Cache": root / "cache",
            "APT::Update::Error-Mode": "any",
            "APT::Sandbox::User": "root",
        }
        words = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        try:
            host.run(["apt-get", "update", "-q", *words])
        except host.BedError:
            return False
    return True
