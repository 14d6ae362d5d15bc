# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Which packages make up a driver: by source, distribution, branch and flavour. Pure.

Names: NVIDIA's driver installation guide (renames of 580 and 590), Ubuntu's archive, Debian's non-free component.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidWish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import COMPUTE, PREBUILT, Target
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DISTRIBUTION,
    NVIDIA_REPOSITORY,
    OPEN,
    Piece,
)

# From these branches on the names of Fabric Manager and its like, and of everything, carry no branch any more.
_DAEMONS_RENAMED, _ALL_RENAMED = 580, 590
_BRANCH = re.compile(r"-(\d{3})(?=-|$)")
_OPEN = re.compile(r"-open(?=-|$)")
_SERVER = re.compile(r"-server(?=-|$)")
_BUILT_HERE = re.compile(r"^(?:nvidia-dkms|nvidia-kernel-source|nvidia-kernel-dkms|nvidia-open-kernel-dkms)")
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
    """The packages of Fabric Manager, IMEX, NSCQ and NVSDM, of which ``wanted`` names the pieces."""
    branch = int(target.branch or 0)
    tail = f"-{target.branch}" if target.apt and (branch < _DAEMONS_RENAMED or target.source == DISTRIBUTION) else ""
    manager = "nvidia-fabricmanager"
    if not target.apt and branch < _DAEMONS_RENAMED:
        manager = "nvidia-fabric-manager"
    known = {"fabric_manager": manager, "imex": "nvidia-imex", "nscq": "libnvidia-nscq", "nvsdm": "libnvsdm"}
    return tuple(name + tail for piece, name in known.items() if piece in wanted)


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
    return "kernel-devel", re.sub(r"\.(?:x86_64|aarch64)$", "", release)


def stays(piece: Piece, target: Target, wanted: t.Collection[str]) -> bool:
    """Whether an installed package belongs to the target, at whichever version; the others go."""
    name = piece.package
    if name in wanted or name.startswith("nvidia-driver-pinning"):
        return name in wanted
    if piece.name in ("fabric_manager", "imex", "nscq", "nvsdm"):
        return False  # those of the target are wanted by name
    branch = _BRANCH.search(name)
    suffixed = target.apt and not _unsuffixed(target)
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


def version_of(piece: Piece, target: Target) -> str:
    """The version that a package which stays must match: another source's package of the same name does not."""
    if piece.package.startswith("linux-"):
        return ""  # it has its kernel's version
    pattern = target.pattern
    if not pattern or piece.source == target.source or not target.ubuntu:
        return pattern
    return f"{pattern}-?ubuntu1" if target.source == NVIDIA_REPOSITORY else f"{pattern}-*ubuntu*.*"


def _unsuffixed(target: Target) -> bool:
    if target.source == DISTRIBUTION:
        return not target.ubuntu
    return int(target.branch) >= _ALL_RENAMED


def _nvidia_apt(target: Target) -> tuple[str, ...]:
    if target.modules == PREBUILT:
        raise _not_offered(
            target, "kernel modules that are built already", "take them from Ubuntu's archive, or use dkms"
        )
    tail = "" if _unsuffixed(target) else f"-{target.branch}"
    opened = "-open" if target.flavour == OPEN else ""
    if target.libraries == COMPUTE:
        parts = (f"nvidia-dkms{tail}{opened}", f"libnvidia-compute{tail}", f"nvidia-utils{tail}")
        return (*parts, f"nvidia-compute-utils{tail}")
    return (f"nvidia-open{tail}" if target.flavour == OPEN else f"cuda-drivers{tail}",)


def _ubuntu(target: Target, releases: t.Sequence[str]) -> tuple[str, ...]:
    kind = f"{target.branch}{'-server' if target.server else ''}"
    opened = "-open" if target.flavour == OPEN else ""
    utilities = f"nvidia-utils-{kind}"
    if target.modules == PREBUILT:
        modules = tuple(f"linux-modules-nvidia-{kind}{opened}-{release}" for release in releases)
        return (*modules, f"nvidia-headless-no-dkms-{kind}{opened}", utilities)
    if target.libraries == COMPUTE:
        return (f"nvidia-headless-{kind}{opened}", utilities)
    return (f"nvidia-driver-{kind}{opened}", utilities)


def _debian(target: Target) -> tuple[str, ...]:
    if target.modules == PREBUILT:
        raise _not_offered(target, "kernel modules that are built already", "use dkms")
    module = "nvidia-open-kernel-dkms" if target.flavour == OPEN else "nvidia-kernel-dkms"
    return (module, "nvidia-smi", "libcuda1") + (() if target.libraries == COMPUTE else ("nvidia-driver",))


def _dnf(target: Target) -> tuple[str, ...]:
    if target.source == DISTRIBUTION:
        raise _not_offered(target, "a driver", "take it from NVIDIA's repository")
    if target.modules == PREBUILT:
        if target.flavour == OPEN or not stream(target):
            raise _not_offered(target, "kernel modules that are built already, for this flavour", "use dkms")
        return ("nvidia-driver", "nvidia-driver-cuda")
    if target.libraries == COMPUTE:
        module = "kmod-nvidia-open-dkms" if target.flavour == OPEN else "kmod-nvidia-latest-dkms"
        return ("nvidia-driver-cuda", module)
    return ("nvidia-open" if target.flavour == OPEN else "cuda-drivers",)


def _not_offered(target: Target, what: str, todo: str) -> InvalidWish:
    return InvalidWish(
        "not_offered",
        wished=f"{what} from {target.source}",
        found=f"for {target.distribution.name or target.distribution.id} there are none",
        todo=todo,
    )
