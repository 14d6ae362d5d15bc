# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Which packages make up a driver: by source, distribution, branch and flavour. Pure.

The names themselves, and from which branch on they hold, are rows of the catalogue.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import package_names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidWish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import COMPUTE, PREBUILT, Target
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.gpu_packages import OF_OTHERS
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DISTRIBUTION,
    NVIDIA_REPOSITORY,
    OPEN,
    Piece,
)

_COMPANIONS = ("fabric_manager", "imex", "nscq", "nvsdm")
_BRANCH = re.compile(r"-(\d{3})(?=-|\Z)")
_OPEN = re.compile(r"-open(?=-|\Z)")
_SERVER = re.compile(r"-server(?=-|\Z)")
_MODULE = re.compile(r"^(?:kmod|dkms)-nvidia")
# What builds modules, and Ubuntu's metapackages that need it.
_BUILT_HERE = re.compile(
    r"^(?:nvidia-dkms|nvidia-kernel-source|nvidia-kernel-dkms|nvidia-open-kernel-dkms|nvidia-(?:driver|headless)-\d)"
)
_FLAVOURED = re.compile(
    r"^(?:nvidia-(?:driver|dkms|headless|kernel-source|kernel-open|kernel-dkms|open)|linux-(?:modules|objects)-nvidia"
    r"|cuda-drivers|kmod-nvidia)(?!-(?:pinning|libs|bin|cuda))"
)
# All of a driver's packages, in the wild cards of apt's preferences and as regular expressions of unattended-upgrades.
PATTERNS = (
    *("nvidia-driver", "nvidia-driver-*", "nvidia-dkms*", "nvidia-kernel-*", "nvidia-open*", "nvidia-headless-*"),
    *("nvidia-utils*", "nvidia-compute-utils*", "nvidia-firmware-*", "nvidia-smi", "nvidia-persistenced"),
    *("nvidia-fabricmanager*", "nvidia-imex*", "libnvidia-nscq*", "libnvsdm*", "libcuda1", "libnvidia-ml1"),
    *("libnvidia-cfg1*", "libnvidia-com*", "libnvidia-d*", "libnvidia-e*", "libnvidia-fbc1*", "libnvidia-g*"),
    *("cuda-drivers*", "xserver-xorg-video-nvidia*", "linux-modules-nvidia-*", "linux-objects-nvidia-*"),
)
UNATTENDED = (
    "nvidia-(driver|dkms|kernel|open|headless|utils|compute-utils|firmware|smi|persistenced|fabricmanager|imex)",
    "libnvidia-(?!container)",
    "libcuda1$",
    "libnvsdm",
    "cuda-drivers",
    "xserver-xorg-video-nvidia",
    "linux-(modules|objects|signatures)-nvidia",
)


def names(target: Target, releases: t.Sequence[str]) -> tuple[str, ...]:
    """The packages that are asked for; what they need comes along. ``releases`` are the kernels to serve.

    Raises InvalidWish for what a source does not have.
    """
    if not target.apt:
        return _dnf(target)
    if target.source == NVIDIA_REPOSITORY:
        return _nvidia_apt(target)
    return _ubuntu(target, releases) if target.ubuntu else _debian(target)


def companions(target: Target, wanted: t.Collection[str]) -> tuple[str, ...]:
    """The packages of Fabric Manager, IMEX, NSCQ and NVSDM, of which ``wanted`` names the pieces.

    Raises InvalidWish where the source has none.
    """
    return tuple(_name(target, piece) for piece in _COMPANIONS if piece in wanted)


def stream(target: Target) -> str:
    """The stream of EL's module nvidia-driver; empty where there are no streams (apt, EL 10)."""
    if target.apt or target.distribution.major not in ("8", "9"):
        return ""
    if target.flavour == OPEN:
        return f"{target.branch}-open"
    return target.branch if target.modules == PREBUILT else f"{target.branch}-dkms"


def header_packages(target: Target, release: str) -> tuple[str, str]:
    """Name and version of the package with a kernel's headers."""
    if target.apt:
        return f"linux-headers-{release}", ""
    return "kernel-devel", re.sub(r"\.(?:x86_64|aarch64)\Z", "", release)


def stays(piece: Piece, target: Target, wanted: t.Collection[str]) -> bool:
    """Whether an installed package belongs to the target, at whichever version; the others go."""
    name = piece.package
    if name in wanted or name.startswith("nvidia-driver-pinning"):
        return name in wanted
    if piece.name in _COMPANIONS:
        return False  # those of the target are wanted by name
    if of_another_vendor(piece, target):
        return False
    branch = _BRANCH.search(name)
    suffixed = target.apt and _suffixed(target)
    if (branch.group(1) if branch else "") != (target.branch if suffixed else ""):
        return False
    if target.apt and bool(_SERVER.search(name)) != (target.source == DISTRIBUTION and target.ubuntu and target.server):
        return False
    if _BUILT_HERE.match(name) and target.modules == PREBUILT and target.apt:
        return False
    if name.startswith("linux-") and target.modules != PREBUILT:
        return False
    if not _FLAVOURED.match(name) or (not target.apt and name == "nvidia-driver"):
        return True
    return bool(_OPEN.search(name)) == (target.flavour == OPEN)


def of_another_vendor(piece: Piece, target: Target) -> bool:
    """Whether an installed package is one that RPM Fusion or the like have in place of NVIDIA's. What has the same
    name in both just gets NVIDIA's version."""
    if target.apt:
        return False
    return bool(OF_OTHERS.match(piece.package) or (_MODULE.match(piece.package) and piece.source != target.source))


def version_of(piece: Piece, target: Target) -> str:
    """The version that a package which stays must match: another source's package of the same name does not."""
    if piece.package.startswith("linux-"):
        return ""  # it has its kernel's version
    pattern = target.pattern
    if not pattern or piece.source == target.source or not target.ubuntu:
        return pattern
    return f"{pattern}-?ubuntu1" if target.source == NVIDIA_REPOSITORY else f"{pattern}-*ubuntu*.*"


def _archive(target: Target) -> str:
    if target.source == NVIDIA_REPOSITORY:
        return package_names.NVIDIA_APT if target.apt else package_names.NVIDIA_DNF
    return package_names.UBUNTU if target.ubuntu else package_names.DEBIAN


def _name(target: Target, piece: str, kernel: str = "") -> str:
    found = package_names.name(
        _archive(target), piece, target.branch, server=target.server, opened=target.flavour == OPEN, kernel=kernel
    )
    if not found:
        raise _not_offered(target, piece.replace("_", " "), "leave it out, or take the driver from another source")
    return found


def _suffixed(target: Target) -> bool:
    """Whether the branch is part of the names of what makes up a driver."""
    piece = "driver" if _archive(target) == package_names.UBUNTU else "libraries"
    return package_names.has_branch(_archive(target), piece, target.branch)


def _nvidia_apt(target: Target) -> tuple[str, ...]:
    if target.modules == PREBUILT:
        raise _not_offered(
            target, "kernel modules that are built already", "take them from Ubuntu's archive, or use dkms"
        )
    compute = ("dkms", "libraries", "tools", "persistence_daemon")
    return tuple(_name(target, piece) for piece in (compute if target.libraries == COMPUTE else (target.flavour,)))


def _ubuntu(target: Target, releases: t.Sequence[str]) -> tuple[str, ...]:
    if target.modules == PREBUILT:
        modules = tuple(_name(target, "prebuilt", release) for release in releases)
        graphics = () if target.libraries == COMPUTE else (_name(target, "graphics"),)
        return (*modules, _name(target, "headless_prebuilt"), _name(target, "tools"), *graphics)
    return (_name(target, "headless" if target.libraries == COMPUTE else "driver"), _name(target, "tools"))


def _debian(target: Target) -> tuple[str, ...]:
    if target.modules == PREBUILT:
        raise _not_offered(target, "kernel modules that are built already", "use dkms")
    pieces = (f"dkms_{target.flavour}", "tools", "libraries")
    return tuple(_name(target, piece) for piece in (pieces if target.libraries == COMPUTE else (*pieces, "driver")))


def _dnf(target: Target) -> tuple[str, ...]:
    if target.source == DISTRIBUTION:
        raise _not_offered(target, "a driver", "take it from NVIDIA's repository")
    if target.modules == PREBUILT:
        if target.flavour == OPEN or not stream(target):
            raise _not_offered(target, "kernel modules that are built already, for this flavour", "use dkms")
        return (_name(target, "driver"), _name(target, "compute"))
    if target.libraries == COMPUTE:
        return (_name(target, "compute"), _name(target, f"dkms_{target.flavour}"))
    return (_name(target, target.flavour),)


def _not_offered(target: Target, what: str, todo: str) -> InvalidWish:
    return InvalidWish(
        "not_offered",
        wished=f"{what} from {target.source}",
        found=f"for {target.distribution.name or target.distribution.id} there are none",
        todo=todo,
    )
