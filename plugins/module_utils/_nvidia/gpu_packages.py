# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The installed packages that concern a GPU, and which repository each of them came from."""

from __future__ import annotations

import gzip
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DISTRIBUTION,
    NVIDIA_REPOSITORY,
    UNKNOWN,
)

_STATUS = "/var/lib/dpkg/status"
_LISTS = "/var/lib/apt/lists"
_CONCERNS = re.compile(
    r"^(?:nvidia|libnvidia|libnv|libcuda|cuda|cudnn|libcudnn|libnccl|kmod-nvidia|dkms-nvidia|linux-modules-nvidia"
    r"|linux-objects-nvidia|linux-signatures-nvidia|datacenter-gpu-manager|xserver-xorg-video-nvidia|firmware-nvidia"
    r"|xorg-x11-drv-nvidia|akmod-nvidia|libxnvctrl|nvlsm)"
)
# Names of RPM Fusion and ELRepo, none of which NVIDIA's repository ever had; among them a module that akmods built on
# this host, whose package does not say who made it. It has the kernel's version where NVIDIA's own have the driver's.
OF_OTHERS = re.compile(r"^(?:akmod-nvidia|xorg-x11-drv-nvidia|nvidia-x11-drv|kmod-nvidia-\d{1,2}\.)")
_RPM_FORMAT = r"%{NAME}\t%{ARCH}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{VENDOR}\n"
# What Ubuntu's and Debian's archives append to their versions. NVIDIA's own packages end in -1 or -0ubuntu1.
_ARCHIVE_VERSION = re.compile(r"ubuntu\d*\.\d\d\.\d\d|ubuntu0\.|[~+]deb\d+u\d+|\+bpo|~bpo")
_NVIDIA_VERSION = re.compile(r"^(?:\d+:)?\d{3}\.\d+(?:\.\d+)?-(?:\d+|0ubuntu1|1ubuntu1)\Z")


@dataclass(frozen=True)
class Package:
    """An installed package. ``vendor`` is what RPM packages say of who made them."""

    name: str
    version: str
    held: bool = False
    vendor: str = ""
    complete: bool = True


def installed(host: Host, commands: Commands, family: str) -> tuple[Package, ...]:
    """The packages of the driver, CUDA and their surroundings. Dpkg's database is a text file; rpm has to be asked."""
    if family == "Debian":
        return tuple(_dpkg(host.read_text(_STATUS) or ""))
    if family == "RedHat" and host.which("rpm"):
        return tuple(_rpm(host, commands))
    return ()


def origins(host: Host, family: str, packages: t.Sequence[Package]) -> dict[str, str]:
    """The source of each package, by name: the distribution, NVIDIA's repository, or unknown."""
    if family == "RedHat":
        return {package.name: _rpm_source(package) for package in packages}
    offered = _offered_by_nvidia(host) if packages else frozenset()
    return {package.name: _dpkg_source(package, offered) for package in packages}


def from_archive(version: str) -> bool:
    """Whether a version is one of Ubuntu's or Debian's archive, by what these append to it."""
    return bool(_ARCHIVE_VERSION.search(version))


def _dpkg(text: str) -> t.Iterator[Package]:
    for record in text.split("\n\n"):
        match = re.match(r"Package: (\S+)", record)
        if match is None or not _CONCERNS.match(match.group(1)):
            continue
        status = re.search(r"(?m)^Status: (\S+) \S+ (\S+)$", record)
        version = re.search(r"(?m)^Version: (\S+)$", record)
        if status and version and status.group(2) not in ("not-installed", "config-files"):
            held, complete = status.group(1) == "hold", status.group(2) == "installed"
            yield Package(match.group(1), version.group(1), held=held, complete=complete)


def _rpm(host: Host, commands: Commands) -> t.Iterator[Package]:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.version_locks import VersionLocks

    result = commands.run(
        ["rpm", "--query", "--all", f"--queryformat={_RPM_FORMAT}"], purpose="list installed packages"
    )
    locks = VersionLocks(host)
    for line in result.out.splitlines():
        name, _arch, version, vendor = line.split("\t")
        if _CONCERNS.match(name):
            version = version.removeprefix("(none):")
            yield Package(name, version, locks.held_at(name, version) == version, "" if vendor == "(none)" else vendor)


def _rpm_source(package: Package) -> str:
    if ("nvidia" in package.vendor.lower() or not package.vendor) and not OF_OTHERS.match(package.name):
        return NVIDIA_REPOSITORY  # whose packages name no vendor before R570; the distributions' always do
    return DISTRIBUTION


def _dpkg_source(package: Package, offered: t.Collection[tuple[str, str]]) -> str:
    if (package.name, package.version) in offered:
        return NVIDIA_REPOSITORY
    if from_archive(package.version):
        return DISTRIBUTION
    # Its repository has moved on, and no list knows this version any more.
    if _NVIDIA_VERSION.match(package.version) and any(name == package.name for name, _version in offered):
        return NVIDIA_REPOSITORY
    return NVIDIA_REPOSITORY if _NVIDIA_VERSION.match(package.version) else UNKNOWN


def _offered_by_nvidia(host: Host) -> frozenset[tuple[str, str]]:
    """Name and version of everything in the package lists of repositories that call themselves NVIDIA's."""
    names = host.names(_LISTS)
    found: set[tuple[str, str]] = set()
    for name in names:
        stem = re.sub(r"_(?:InRelease|Release)\Z", "", name)
        if stem == name or not re.search(r"(?mi)^(?:Origin|Label):.*nvidia", host.read_text(f"{_LISTS}/{name}") or ""):
            continue
        for other in names:
            if other.startswith(stem) and re.search(r"_Packages(?:\.gz)?\Z", other):
                found |= _listed(host, f"{_LISTS}/{other}")
    return frozenset(found)


def _listed(host: Host, path: str) -> set[tuple[str, str]]:
    if path.endswith(".gz"):
        with gzip.open(host.path(path), "rt", encoding="utf-8", errors="replace") as stream:
            text = stream.read()
    else:
        text = host.read_text(path) or ""
    name, found = "", set()
    for key, value in re.findall(r"(?m)^(Package|Version): (\S+)$", text):
        if key == "Package":
            name = value
        else:
            found.add((name, value))
    return found
