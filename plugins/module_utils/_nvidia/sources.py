# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pieces of a driver among the packages of a host, and what NVIDIA's own installer leaves behind.

A package is a piece by its whole name in the catalogue's table, and by its version; what the same source built in the
same version is one too, whatever its name.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import driver_parts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.gpu_packages import Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import DRIVER_PIECES, PARTS, UNKNOWN, Piece

_DRIVER_VERSION = re.compile(r"^(?:\d+:)?(\d{3}\.\d+(?:\.\d+)?)(?![\d.])")
# What only the installer of a .run file puts there.
_RUNFILE_MARKS = ("/usr/bin/nvidia-uninstall", "/usr/bin/nvidia-installer", "/var/lib/nvidia/log")


def pieces(packages: t.Sequence[Package], origins: t.Mapping[str, str]) -> tuple[Piece, ...]:
    """Every package that is a piece of the driver or must fit it, by what it is and by name."""
    known = {package: _kind(package) for package in packages}
    drivers = {
        driver_of(package.version)
        for package, (name, version) in known.items()
        if name in DRIVER_PIECES and version == "driver"
    }
    built = {
        (package.made_from, driver_of(package.version))
        for package, (name, version) in known.items()
        if name in DRIVER_PIECES and version == "driver" and package.made_from
    }
    found = []
    for package, (name, version) in known.items():
        driver = driver_of(package.version)
        if not name and driver and ((package.made_from, driver) in built or driver_parts.of_source(package.made_from)):
            name, version = "libraries", "driver"  # a name of this driver that no table has yet
        if name == "beside" and driver not in drivers:
            continue  # the distribution has it at a version of its own, for any driver
        if not name:
            continue
        of_driver = version in ("driver", "like") and (version == "driver" or driver in drivers)
        found.append(
            Piece(
                name=name,
                package=package.name,
                version=package.version,
                driver=driver if of_driver else "",
                source=origins.get(package.name, UNKNOWN),
                held=package.held,
                complete=package.complete,
                vendor=package.vendor,
                made_from=package.made_from,
                stands_for=package.stands_for,
            )
        )
    return tuple(sorted(found, key=lambda piece: (piece.name, piece.package)))


def _kind(package: Package) -> tuple[str, str]:
    """What an installed package is and which version it has, as the table has it; both empty for any other."""
    read = driver_parts.read(package.name)
    if read is None:
        return "", ""
    if package.stands_for and read.branch:
        return "transitional", "own"
    numbered = bool(driver_of(package.version))
    fitting = [entry for entry in read.entries if numbered or entry.version in ("own", "kernel", "like")]
    if not fitting:
        return "", ""
    return fitting[0].piece, fitting[0].version


def piece_of(package: str) -> str:
    """What a package of this name is a piece of, or empty for any other (CUDA's toolkit and headers, NCCL, cuDNN)."""
    read = driver_parts.read(package)
    return read.entries[0].piece if read is not None else ""


def is_part(package: str) -> bool:
    """Whether a package of this name comes and goes with a driver, wherever it is from."""
    return piece_of(package) in PARTS and piece_of(package) != "beside"


def driver_of(version: str) -> str:
    """The driver's version in that of a package, or empty: a prebuilt module's package has its kernel's number."""
    match = _DRIVER_VERSION.match(version)
    return match.group(1) if match else ""


def runfile_leftovers(host: Host) -> tuple[str, ...]:
    """Files that tell of NVIDIA's installer. Packages that divert or remove them exist, so each is looked for."""
    return tuple(path for path in _RUNFILE_MARKS if host.exists(path))
