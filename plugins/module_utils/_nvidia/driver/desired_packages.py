# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A driver's packages as a desired state of the package manager: names, versions, holds, repositories, pins,
streams. Pure.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import gpu_packages, nvidia_repository, sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import package_sets
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    ABSENT,
    DKMS,
    DesiredDriver,
    Target,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    NVIDIA_REPOSITORY,
    OPEN,
    PARTS,
    RUNFILE,
    Kernel,
    Observed,
    Piece,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    Change,
    Desired,
    DesiredPackage,
    version_matches,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import (
    ModuleStream,
    Pin,
    Repository,
    Sources,
    UpgradeBlock,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

NAME = "gpufleet-mlstack-nvidia"
MODULE = "nvidia-driver"
_VERSION_PIN = f"{NAME}-9-version"
# How the repositories call themselves; apt takes the first entry that fits, so these come before the version.
_OTHERS = {
    "ubuntu": "release o=Ubuntu",
    "debian": "release o=Debian",
    "nvidia": f"release l={nvidia_repository.APT_LABEL}",
}
# NVIDIA's subnet manager for NVLink, at versions of its own (NVIDIA's Fabric Manager guide, systems with NVLink 5).
SUBNET_MANAGER = "nvlsm"


def kernels_to_serve(found: Observed) -> tuple[Kernel, ...]:
    """The kernels that must have a module: the one that boots next, and the running one if it is on the disk."""
    return tuple(kernel for kernel in found.kernels if kernel.installed and (kernel.boots_next or kernel.running))


def desired_packages(
    desired: DesiredDriver, target: Target | None, found: Observed, distribution: Distribution
) -> Desired:
    """What must be true of packages and their sources. Without a target, or for a runfile, all of a driver's go."""
    if target is None or target.source == RUNFILE:
        entries = [_gone(piece) for piece in found.pieces if piece.name in PARTS]
        places = _no_sources(distribution, found)
    else:
        entries = _wanted(desired, target, found)
        places = _sources(desired, target)
    return Desired(
        packages=tuple(entries),
        # The driver's version is part of the desired state; what else would go back is refused by a guard of ours.
        allow_downgrade=True,
        allow_removal=desired.allow_changes | _replaceable(target, found),
        cache_valid_time=desired.cache_valid_time,
        lock_timeout=desired.lock_timeout,
        purge=desired.state == ABSENT,
        sources=places if places else None,
    )


def settled(desired: Desired, found: Observed) -> bool:
    """Whether the packages on the host are as desired, going by what was read already."""
    pieces = {piece.package: piece for piece in found.pieces}
    for package in desired.packages:
        for name in package.names:
            piece = pieces.get(name)
            if package.state == ABSENT:
                if piece is not None:
                    return False
            elif piece is None or not _as_desired(package, piece):
                return False
    return True


def _replaceable(target: Target | None, found: Observed) -> frozenset[str]:
    """What may go without being named: with dnf, the modules and metapackages of the other flavour."""
    if target is None or target.apt:
        return frozenset()
    return frozenset(piece.package for piece in found.pieces if piece.name in ("kernel_module", "metapackage"))


def _as_desired(package: DesiredPackage, piece: Piece) -> bool:
    right = piece.complete and version_matches(package.version, piece.version)
    return right and (package.hold is None or package.hold == piece.held)


def present_version(target: Target, found: Observed) -> str:
    """The driver version that the host's packages have in common, if it is one that the target means; else empty."""
    versions = {piece.driver for piece in found.driver_pieces if piece.driver}
    if len(versions) != 1 or not version_matches(target.pattern, f"{next(iter(versions))}-1"):
        return ""
    return versions.pop()


def came_along(desired: Desired, changes: t.Iterable[Change]) -> tuple[str, ...]:
    """The packages of a driver that nobody named and that a transaction brings: they are held like the others. Settings
    and the like, and what has a name that no table knows yet, are some where they have the driver's version."""
    coming = [change for change in changes if change.action != "remove"]
    drivers = {sources.driver_of(change.after) for change in coming if sources.is_part(change.name)} - {""}
    return tuple(
        change.name
        for change in coming
        if change.name not in desired.names
        if sources.is_part(change.name) or sources.driver_of(change.after) in drivers
    )


def with_holds(plan: Plan, names: t.Sequence[str]) -> Plan:
    """A plan in which these packages are held as well."""
    holds = tuple(Action("hold", name, f"hold {name} at its version") for name in names)
    return replace(plan, actions=(*plan.actions, *holds), after=(*plan.after, *(f"{name} held" for name in names)))


def names_of_a_branch(desired: Desired) -> list[str]:
    """The packages of which any release of a branch would do."""
    return [p.requested for p in desired.packages if p.state != ABSENT and ".*" in p.version]


def exact(desired: Desired, offered: t.Mapping[str, tuple[str, ...]], target: Target) -> Desired:
    """The desired state with one exact version in place of a branch: the newest that all these packages are offered in.

    A repository publishes the parts of a driver one after the other, and all of them must be of one version.
    """
    names = names_of_a_branch(desired)
    known = filter_source({name: offered[name] for name in names if name in offered}, target)
    # What no repository has in this branch is told by the package manager, in its own words.
    of_branch = [[v for v in versions if version_matches(target.pattern, v)] for versions in known.values()]
    drivers = [{sources.driver_of(version) for version in versions} for versions in of_branch if versions]
    common = set.intersection(*drivers) - {""} if drivers else set()
    if not common:
        return desired
    newest = max(common, key=lambda text: [int(part) for part in text.split(".")])
    # What follows the branch tells another source's version of the same number apart, and stays.
    return replace(
        desired,
        packages=tuple(
            replace(p, version=p.version.replace(target.pattern, newest)) if p.requested in names else p
            for p in desired.packages
        ),
    )


def filter_source(offered: t.Mapping[str, tuple[str, ...]], target: Target) -> dict[str, tuple[str, ...]]:
    """Of the offered versions those of the target's source: Ubuntu's archive has packages of the same names."""
    if not target.ubuntu:
        return dict(offered)
    archive = target.source != NVIDIA_REPOSITORY
    return {n: tuple(v for v in vs if gpu_packages.from_archive(v) == archive) for n, vs in offered.items()}


def _wanted(desired: DesiredDriver, target: Target, found: Observed) -> list[DesiredPackage]:
    served = kernels_to_serve(found)
    releases = [kernel.release for kernel in served]
    names = package_sets.names(target, releases)
    names += package_sets.companions(target, _companion_pieces(desired, target, found))
    # What a branch means is settled by the first installation: a companion that comes later gets the same version.
    whole = {piece.package for piece in found.pieces}.issuperset(package_sets.names(target, releases))
    version = (present_version(target, found) if whole else "") or target.pattern
    in_the_way = package_sets.in_the_way(target)
    entries = []
    if target.modules == DKMS and desired.install_headers:
        for kernel in served:
            if not kernel.headers:
                name, of_kernel = package_sets.header_packages(target, kernel.release)
                entries.append(DesiredPackage(name, (name,), version=of_kernel))
    present = {piece.package: piece for piece in found.pieces}
    for name in names:
        pattern = _version(name, version, target)
        if name in present and present[name].source != target.source:
            pattern = package_sets.version_of(present[name], target, version)
        entries.append(DesiredPackage(name, (name,), version=pattern, hold=desired.hold))
    if _needs_subnet_manager(desired, target, found):
        entries.append(DesiredPackage(SUBNET_MANAGER, (SUBNET_MANAGER,)))
    for piece in found.pieces:
        if piece.package in in_the_way:
            entries.append(_gone(piece))
        if piece.name not in PARTS or piece.package in names:
            continue
        if _left_alone(piece, target, found, version):
            continue
        if package_sets.stays(piece, target, names) and package_sets.named_version(piece) in ("", version):
            pattern = package_sets.version_of(piece, target, version)
            entries.append(DesiredPackage(piece.package, (piece.package,), version=pattern, hold=desired.hold))
        elif not _erased_by_conflict(piece, target, found):
            entries.append(_gone(piece))
    return entries


def _left_alone(piece: Piece, target: Target, found: Observed, version: str) -> bool:
    """Whether a package that belongs to the target has no version to ask for: what pins a branch, the empty package
    of an older one, and the firmware of releases that were here before, which harms nothing."""
    if not package_sets.stays(piece, target, ()):
        return False
    named = package_sets.named_version(piece)
    if named and named != version:
        return version.endswith("*") or version == present_version(target, found)
    return piece.name in ("pinning", "transitional")


def erased(target: Target | None, found: Observed) -> frozenset[str]:
    """The packages of the other flavour that dnf takes away by itself."""
    if target is None:
        return frozenset()
    return frozenset(piece.package for piece in found.pieces if _erased_by_conflict(piece, target, found))


def _erased_by_conflict(piece: Piece, target: Target, found: Observed) -> bool:
    """Whether dnf takes this away when the other flavour's module comes. Named on its own, it would drag along what
    both flavours need."""
    if target.apt:
        return False
    if piece.name not in ("kernel_module", "metapackage"):
        return False
    if package_sets.of_another_vendor(piece, target) or package_sets.stays(piece, target, ()):
        return False
    module = "kmod-nvidia-open-dkms" if target.flavour == OPEN else "kmod-nvidia-latest-dkms"
    return all(other.package != module for other in found.pieces)


def _companion_pieces(desired: DesiredDriver, target: Target, found: Observed) -> tuple[str, ...]:
    present = {piece.name for piece in found.pieces}
    wanted = [name for name in ("imex", "nscq", "nvsdm") if name in present]
    needed = bool(found.nvswitches) or target.needs_fabric
    manager = needed if desired.fabric_manager is None else desired.fabric_manager
    return ("fabric_manager", *wanted) if manager else tuple(wanted)


def _needs_subnet_manager(desired: DesiredDriver, target: Target, found: Observed) -> bool:
    """Boards with NVLink 5: their NVSwitches are not on the PCI bus, and Fabric Manager does nothing without it."""
    manager = "fabric_manager" in _companion_pieces(desired, target, found)
    return manager and target.needs_fabric and not found.nvswitches and target.source == NVIDIA_REPOSITORY


def _version(name: str, version: str, target: Target) -> str:
    return "" if name.startswith("linux-") else version


def _gone(piece: Piece) -> DesiredPackage:
    return DesiredPackage(piece.package, (piece.package,), state=ABSENT, hold=False if piece.held else None)


def _sources(desired: DesiredDriver, target: Target) -> Sources:
    nvidia = target.source == NVIDIA_REPOSITORY
    repositories = (desired.repository,) if nvidia and desired.repository is not None else ()
    if not target.apt:
        stream = package_sets.stream(target)
        return Sources(repositories=repositories, streams=(ModuleStream(MODULE, stream),) if stream else ())
    unwanted = ("ubuntu", "debian") if nvidia else ("nvidia",)
    patterns = package_sets.patterns(target)
    pins = []
    for name, others in _OTHERS.items():
        reason = f"the driver comes from {target.source}"
        pin = Pin(f"{NAME}-1-not-from-{name}", patterns, others, -1, reason)
        pins.append(pin if name in unwanted else Pin(pin.name, state=ABSENT))
    if target.pattern:
        pattern = target.pattern if target.pattern.endswith("*") else f"{target.pattern}-*"
        reason = "all of a driver has one version"
        pins.append(Pin(_VERSION_PIN, patterns, f"version {pattern}", 1001, reason))
    else:
        pins.append(Pin(_VERSION_PIN, state=ABSENT))
    block = UpgradeBlock(NAME, package_sets.unattended(target), "present" if desired.hold else ABSENT)
    return Sources(repositories=repositories, pins=tuple(pins), upgrade_blocks=(block,))


def _no_sources(distribution: Distribution, found: Observed) -> Sources:
    """The pins and streams of a driver go with it. So does NVIDIA's repository, unless anything else came from it."""
    used = {toolkit.source for toolkit in found.toolkits}
    # The platform libraries come along with a driver, and need nothing of the repository.
    used |= {piece.source for piece in found.pieces if piece.name not in (*PARTS, "egl_platform")}
    ours = Repository(nvidia_repository.NAME, state=ABSENT)
    repositories = () if NVIDIA_REPOSITORY in used else (ours,)
    if distribution.family == "Debian":
        names = (_VERSION_PIN, *(f"{NAME}-1-not-from-{name}" for name in _OTHERS))
        pins = tuple(Pin(name, state=ABSENT) for name in names)
        return Sources(repositories, pins, (UpgradeBlock(NAME, state=ABSENT),))
    return Sources(repositories, streams=(ModuleStream(MODULE),) if distribution.major in ("8", "9") else ())
