# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages make up a driver: by source, distribution, branch and flavour. Pure.

The names themselves, and from which branch on they hold, are rows of the catalogue.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import driver_parts, package_names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import COMPUTE, PREBUILT, Target
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.gpu_packages import of_others
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DISTRIBUTION,
    DRIVER_PIECES,
    NVIDIA_REPOSITORY,
    OPEN,
    Piece,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import version_matches

_COMPANIONS = ("fabric_manager", "imex", "nscq", "nvsdm")


def patterns(target: Target) -> tuple[str, ...]:
    """All of a driver's packages in the repositories of a distribution, in the wild cards of apt's preferences."""
    return driver_parts.globs(_archives(target))


def unattended(target: Target) -> tuple[str, ...]:
    """The same in the regular expressions of unattended-upgrades."""
    return driver_parts.expressions(_archives(target))


def _archives(target: Target) -> tuple[str, ...]:
    if target.ubuntu:
        return driver_parts.NVIDIA_APT, driver_parts.UBUNTU
    return driver_parts.NVIDIA_DEBIAN, driver_parts.DEBIAN


def names(target: Target, releases: t.Sequence[str]) -> tuple[str, ...]:
    """The packages that are asked for; what they need comes along. ``releases`` are the kernels to serve.

    Raises InvalidArguments for what a source does not have.
    """
    if not target.apt:
        return _dnf(target)
    if target.source == NVIDIA_REPOSITORY:
        return _nvidia_apt(target)
    return _ubuntu(target, releases) if target.ubuntu else _debian(target)


def companions(target: Target, wanted: t.Collection[str]) -> tuple[str, ...]:
    """The packages of Fabric Manager, IMEX, NSCQ and NVSDM, of which ``wanted`` names the pieces.

    Raises InvalidArguments where the source has none, as Ubuntu's archive has for the variant that is not for servers.
    """
    if wanted and not target.server and _archive(target) == package_names.UBUNTU:
        what = "Fabric Manager and its like, which fit the server variant alone,"
        raise _not_offered(target, what, "set server to true, or fabric_manager to absent")
    return tuple(_name(target, piece) for piece in _COMPANIONS if piece in wanted)


def stream(target: Target) -> str:
    """The stream of EL's module nvidia-driver; empty where there are no streams (apt, EL 10)."""
    if target.apt or target.distribution.major not in ("8", "9"):
        return ""
    if target.flavour == OPEN:
        return f"{target.branch}-open"
    return target.branch if target.modules == PREBUILT else f"{target.branch}-dkms"


def header_packages(target: Target, release: str) -> tuple[str, str]:
    """Name and version of the package with a kernel's headers. EL tells kernels of another page size or purpose apart
    by what follows a plus (C(+64k), C(+rt), C(+64k-debug)), Oracle its own kernel by C(uek) in the version."""
    if target.apt:
        return f"linux-headers-{release}", ""
    version, _plus, variant = release.partition("+")
    uek = "-uek" if "uek" in version else ""
    variant = variant if uek and variant.startswith("64k") else f"-{variant}" if variant else ""
    return f"kernel{uek}{variant}-devel", re.sub(r"\.(?:x86_64|aarch64)\Z", "", version)


def stays(piece: Piece, target: Target, wanted: t.Collection[str]) -> bool:
    """Whether an installed package belongs to the target, at whichever version; the others go."""
    if piece.package in wanted:
        return True
    if piece.name in _COMPANIONS:
        return False  # those of the target are wanted by name
    if piece.name == "transitional":
        return piece.stands_for == target.branch and target.source == DISTRIBUTION
    if of_another_vendor(piece, target):
        return False
    read = driver_parts.read(piece.package)
    if read is None or not read.entries:
        return _of_targets_source(piece, target)
    fitting = [entry for entry in read.of(_archive(target)) if _belongs(entry, read, target)]
    # Settings and the like of the driver from before; the target's repository has them for any driver.
    left_over = piece.name == "beside" and piece.source != target.source
    return any(not left_over or entry.version != "own" for entry in fitting)


def _belongs(entry: driver_parts.Entry, read: driver_parts.Name, target: Target) -> bool:
    """Whether a name is one of the target's, with its branch, variant, flavour and kind of modules."""
    if not entry.holds(target.branch) or (read.branch and read.branch != target.branch):
        return False
    pattern = target.pattern if entry.version == "own" else target.branch and f"{target.branch}.*"
    if read.version and not version_matches(pattern, f"{read.version}-1"):
        return False
    if "{server}" in entry.name and read.server != target.server:
        return False
    if "{open}" in entry.name and read.opened != (target.flavour == OPEN):
        return False
    return entry.only in ("", target.flavour, target.modules)


def _of_targets_source(piece: Piece, target: Target) -> bool:
    """Whether a package that no table names was built with the target's branch."""
    if piece.source != target.source or (target.branch and not piece.driver.startswith(f"{target.branch}.")):
        return False
    built = driver_parts.of_source(piece.made_from)
    return built is None or not target.ubuntu or built[1] == (target.source == DISTRIBUTION and target.server)


def of_another_vendor(piece: Piece, target: Target) -> bool:
    """Whether an installed package is one that RPM Fusion or the like have in place of NVIDIA's. What has the same
    name in both just gets NVIDIA's version."""
    if target.apt:
        return False
    return of_others(piece.package) or (piece.name == "kernel_module" and piece.source != target.source)


def version_of(piece: Piece, target: Target, version: str) -> str:
    """The version that a package which stays must match: another source's package of the same name does not.
    ``version`` is that of the driver's other packages."""
    read = driver_parts.read(piece.package)
    kinds = {entry.version for entry in read.of(_archive(target))} if read is not None else {"driver"}
    if kinds & {"own", "kernel"}:
        return ""
    if read is not None and read.version:
        return read.version
    pattern = version if piece.source == target.source else target.pattern
    if not pattern or piece.source == target.source or not target.ubuntu:
        return pattern
    return f"{pattern}-?ubuntu1" if target.source == NVIDIA_REPOSITORY else f"{pattern}-*ubuntu*.*"


def named_version(piece: Piece) -> str:
    """The driver's version where it stands in a package's name: firmware, of which several stay side by side."""
    read = driver_parts.read(piece.package)
    return read.version if read is not None and piece.name in DRIVER_PIECES else ""


def in_the_way(target: Target) -> tuple[str, ...]:
    """Packages that are no part of a driver and that the target's conflict with."""
    found = package_names.name(_archive(target), "conflict", target.branch)
    return (found,) if found and target.libraries != COMPUTE and not target.server else ()


def _archive(target: Target) -> str:
    if target.source == NVIDIA_REPOSITORY:
        if not target.apt:
            return package_names.NVIDIA_DNF
        return package_names.NVIDIA_APT if target.ubuntu else package_names.NVIDIA_DEBIAN
    return package_names.UBUNTU if target.ubuntu else package_names.DEBIAN


def _name(target: Target, piece: str, kernel: str = "") -> str:
    found = package_names.name(
        _archive(target), piece, target.branch, server=target.server, opened=target.flavour == OPEN, kernel=kernel
    )
    if not found:
        raise _not_offered(target, piece.replace("_", " "), "leave it out, or take the driver from another source")
    return found


def _nvidia_apt(target: Target) -> tuple[str, ...]:
    if target.modules == PREBUILT:
        raise _not_offered(
            target, "kernel modules that are built already", "take them from Ubuntu's archive, or use dkms"
        )
    if not target.ubuntu:
        pieces = (f"dkms_{target.flavour}", "tools")
        return tuple(_name(target, piece) for piece in (pieces if target.libraries == COMPUTE else (*pieces, "driver")))
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
    # The driver needs it in any version, and without streams dnf takes the newest of all branches.
    modprobe = package_names.name(_archive(target), "modprobe", target.branch)
    beside = (modprobe,) if modprobe else ()
    if target.modules == PREBUILT:
        if target.flavour == OPEN or not stream(target):
            raise _not_offered(target, "kernel modules that are built already, for this flavour", "use dkms")
        return (_name(target, "driver"), _name(target, "compute"), *beside)
    if target.libraries == COMPUTE:
        return (_name(target, "compute"), _name(target, f"dkms_{target.flavour}"), *beside)
    return (_name(target, target.flavour), *beside)


def _not_offered(target: Target, what: str, to_fix: str) -> InvalidArguments:
    return InvalidArguments(
        "not_offered",
        wanted=f"{what} from {target.source}",
        found=f"for {target.distribution.name or target.distribution.id} there are none",
        to_fix=to_fix,
    )
