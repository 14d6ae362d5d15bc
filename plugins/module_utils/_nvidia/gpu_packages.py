# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed packages that concern a GPU, and which repository each of them came from."""

from __future__ import annotations

import gzip
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import driver_parts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DISTRIBUTION,
    NVIDIA_REPOSITORY,
    UNKNOWN,
)

_STATUS = "/var/lib/dpkg/status"
_LISTS = "/var/lib/apt/lists"
_BRANCH = re.compile(r"-(\d{3})(?=-|\Z)")
# What is looked at, by its name or that of its source; what it is to a driver the catalogue's table says.
_CONCERNS = re.compile(r"nvidia|cuda|cudnn|nccl|libnv|datacenter-gpu|libxnvctrl|XNVCtrl|nvlsm|^egl-(?:wayland|gbm|x11)")
_RPM_FORMAT = r"%{NAME}\t%{ARCH}\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\t%{VENDOR}\t%{SOURCERPM}\n"
# What Ubuntu's and Debian's archives append to their versions. NVIDIA's own packages end in -1 or -0ubuntu1.
_ARCHIVE_VERSION = re.compile(r"ubuntu\d*\.\d\d\.\d\d|ubuntu0\.|[~+]deb\d+u\d+|\+bpo|~bpo")
_NVIDIA_VERSION = re.compile(r"^(?:\d+:)?\d{3}\.\d+(?:\.\d+)?-(?:\d+|0ubuntu1|1ubuntu1)\Z")


@dataclass(frozen=True)
class Package:
    """An installed package. ``vendor`` is what RPM packages say of who made them, ``made_from`` the name of its source.

    ``stands_for`` is set for an empty package whose only work is to bring the same one of another branch: that branch.
    """

    name: str
    version: str
    held: bool = False
    vendor: str = ""
    complete: bool = True
    made_from: str = ""
    stands_for: str = ""


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
        match = re.match(r"\n*Package: (\S+)", record)
        if match is None:
            continue
        made_from = _field(record, "Source") or match.group(1)
        if not _CONCERNS.search(match.group(1)) and not _CONCERNS.search(made_from):
            continue
        status = re.search(r"(?m)^Status: (\S+) \S+ (\S+)$", record)
        version = _field(record, "Version")
        if status and version and status.group(2) not in ("not-installed", "config-files"):
            held, complete = status.group(1) == "hold", status.group(2) == "installed"
            dummy = _stands_for(match.group(1), record)
            yield Package(match.group(1), version, held, "", complete, made_from, dummy)


def _field(record: str, name: str) -> str:
    """The first word of a field in a record of dpkg."""
    _before, found, rest = record.partition(f"\n{name}: ")
    return rest.split(None, 1)[0] if found else ""


def _stands_for(name: str, record: str) -> str:
    """The branch of the package that this one, of another branch, does nothing but bring."""
    _before, found, rest = record.partition("\nDepends: ")
    needed = rest.partition("\n")[0].split(",") if found else []
    other = needed[0].split()[0] if len(needed) == 1 else ""
    same = other != name and _BRANCH.sub("-", other) == _BRANCH.sub("-", name)
    branch = _BRANCH.search(other)
    return branch.group(1) if same and branch else ""


def _rpm(host: Host, commands: Commands) -> t.Iterator[Package]:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.version_locks import VersionLocks

    result = commands.run(
        ["rpm", "--query", "--all", f"--queryformat={_RPM_FORMAT}"], purpose="list installed packages"
    )
    locks = VersionLocks(host)
    for line in result.out.splitlines():
        # An older rpm prints nothing for what it does not know.
        name, _arch, version, vendor, made_from, *_rest = [*line.split("\t"), ""]
        made_from = re.sub(r"-[^-]+-[^-]+\.(?:no)?src\.rpm\Z", "", made_from)
        if _CONCERNS.search(name) or _CONCERNS.search(made_from):
            version = version.removeprefix("(none):")
            vendor = "" if vendor == "(none)" else vendor
            yield Package(name, version, locks.held_at(name, version) == version, vendor, True, made_from)


def _rpm_source(package: Package) -> str:
    # NVIDIA's packages name no vendor before R570; the distributions' always do, but for a module that akmods built on
    # this host. That one has the kernel's version where NVIDIA's own have the driver's.
    if ("nvidia" in package.vendor.lower() or not package.vendor) and not of_others(package.name):
        return NVIDIA_REPOSITORY
    return DISTRIBUTION


def of_others(package: str) -> bool:
    """Whether only RPM Fusion, ELRepo and their like have a package of this name."""
    found = driver_parts.read(package)
    return found is not None and all(entry.repository == driver_parts.FUSION for entry in found.entries)


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
