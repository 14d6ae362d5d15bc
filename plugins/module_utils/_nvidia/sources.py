# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The pieces of a driver by the names of their packages, and what NVIDIA's own installer leaves behind.

Names before and after the renames of R580 and R590 (NVIDIA driver installation guide, 'recent updates'), Ubuntu's and
Debian's own, and those of the dnf repository.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.gpu_packages import Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import UNKNOWN, Piece

# The first that matches counts.
_PIECES: tuple[tuple[str, str], ...] = (
    ("container_toolkit", r"(?:lib)?nvidia-container|nvidia-docker"),
    ("dcgm", r"datacenter-gpu-manager"),
    ("fabric_manager", r"nvidia-fabric-?manager|nvlsm$"),
    ("imex", r"nvidia-imex"),
    ("nscq", r"libnvidia-nscq"),
    ("nvsdm", r"libnvsdm"),
    ("pinning", r"nvidia-driver-pinning"),
    ("persistence_daemon", r"nvidia-persistenced|nvidia-compute-utils"),
    ("firmware", r"nvidia-firmware|firmware-nvidia|nvidia-gsp|nvidia-kmod-common|nvidia-kernel-common"),
    (
        "kernel_module",
        r"nvidia-dkms|nvidia-kernel-(?:open-)?dkms|nvidia-open-kernel-dkms|nvidia-kernel-(?:source|open|support)"
        r"|nvidia-open-kernel-|linux-(?:modules|objects|signatures)-nvidia|(?:a?kmod|dkms)-nvidia",
    ),
    ("tools", r"nvidia-utils|nvidia-smi$|nvidia-driver-cuda$|nvidia-driver-bin"),
    ("libraries", r"libnvidia-|libcuda1|libnvcuvid|nvidia-driver-(?:cuda-)?libs|nvidia-libs"),
    ("metapackage", r"nvidia-driver|nvidia-headless|nvidia-open|cuda-drivers|nvidia-compute(?:-G06)?$"),
    ("metapackage", r"xserver-xorg-video-nvidia|xorg-x11-drv-nvidia|nvidia-x11-drv|nvidia-vdpau|nvidia-alternative"),
)
_FORMS = tuple((name, re.compile(rf"(?:{form})")) for name, form in _PIECES)
_DRIVER_VERSION = re.compile(r"^(?:\d+:)?(\d{3}\.\d+(?:\.\d+)?)(?![\d.])")
# What only the installer of a .run file puts there.
_RUNFILE_MARKS = ("/usr/bin/nvidia-uninstall", "/usr/bin/nvidia-installer", "/var/lib/nvidia/log")


def pieces(packages: t.Iterable[Package], origins: t.Mapping[str, str]) -> tuple[Piece, ...]:
    """Every package that is a piece of the driver or must fit it, by what it is and by name."""
    found = []
    for package in packages:
        name = piece_of(package.name)
        if name:
            found.append(
                Piece(
                    name=name,
                    package=package.name,
                    version=package.version,
                    driver=driver_of(package.version),
                    source=origins.get(package.name, UNKNOWN),
                    held=package.held,
                    complete=package.complete,
                    vendor=package.vendor,
                )
            )
    return tuple(sorted(found, key=lambda piece: (piece.name, piece.package)))


def piece_of(package: str) -> str:
    """What a package is a piece of, or empty for any other (CUDA's toolkit and headers, NCCL, cuDNN)."""
    if package.endswith("-dev") and not package.startswith("nvidia-kernel"):
        return ""
    return next((name for name, form in _FORMS if form.match(package)), "")


def driver_of(version: str) -> str:
    """The driver's version in that of a package, or empty: a prebuilt module's package has its kernel's number."""
    match = _DRIVER_VERSION.match(version)
    return match.group(1) if match else ""


def runfile_leftovers(host: Host) -> tuple[str, ...]:
    """Files that tell of NVIDIA's installer. Packages that divert or remove them exist, so each is looked for."""
    return tuple(path for path in _RUNFILE_MARKS if host.exists(path))
