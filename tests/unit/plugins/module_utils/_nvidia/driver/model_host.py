# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host made of data: the planner's desired states are carried out on it without a package manager."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import desired_packages, plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    DesiredDriver,
    DriverState,
    Space,
    Target,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    RUNFILE,
    Kernel,
    LoadedDriver,
    ModuleOnDisk,
    Nouveau,
    Observed,
    PciDevice,
    Piece,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Installed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Observed as PackagesFound

UBUNTU = Distribution("ubuntu", "24.04", "noble", "Ubuntu 24.04", "Debian")
DEBIAN = Distribution("debian", "12", "bookworm", "Debian 12", "Debian")
ROCKY9 = Distribution("rocky", "9.4", "", "Rocky Linux 9.4", "RedHat")
ROCKY10 = Distribution("rocky", "10.0", "", "Rocky Linux 10", "RedHat")
KERNEL = "6.8.0-45-generic"
GPU = PciDevice("0000:41:00.0", "20b2", "0302")
SWITCH = PciDevice("0000:54:00.0", "1af1", "0680")
NEWEST = {"535": "535.216.03", "550": "550.90.07", "580": "580.95.05", "590": "590.48.01"}


def target(distribution=UBUNTU, **fields):
    known = {"source": "nvidia", "branch": "550", "version": "", "flavour": "open", "modules": "dkms"}
    known.update(libraries="full", server=True)
    known.update(fields)
    if known["version"]:
        known["branch"] = known["version"].partition(".")[0]
    return Target(distribution=distribution, **known)


def desired_for(wanted, **fields):
    if wanted is None:
        return DesiredDriver(state="absent", **fields)
    return DesiredDriver(
        source=wanted.source, branch=wanted.branch, version=wanted.version, flavour=wanted.flavour, **fields
    )


def empty_host(**fields):
    """A host with a GPU, a kernel with headers, and nothing of NVIDIA."""
    kernel = Kernel(KERNEL, running=True, boots_next=True, headers=True)
    return Observed(gpus=(GPU,), kernels=(kernel,), nouveau=Nouveau(), secure_boot=False, **fields)


def revision(name, wanted):
    """What a source appends to its versions."""
    if wanted.source == "distribution":
        return "-0ubuntu0.24.04.1" if wanted.ubuntu else "-1~deb12u1"
    return "-1.el9" if not wanted.apt else "-0ubuntu1"


def installed(found, wanted, **desired_fields):
    """The host after the desired state was carried out: packages as desired, module built, libraries there."""
    desired = desired_for(wanted, **desired_fields)
    asked = desired_packages.desired_packages(desired, wanted, found, wanted.distribution if wanted else UBUNTU)
    pieces = {piece.package: piece for piece in found.pieces}
    version = ""
    if wanted is not None:
        present = desired_packages.present_version(wanted, found)
        version = wanted.version or present or NEWEST.get(wanted.branch, "535.309.01")
    for package in asked.packages:
        (name,) = package.names
        if package.state == "absent":
            pieces.pop(name, None)
        elif sources.piece_of(name):
            full = version + revision(name, wanted)
            pieces[name] = Piece(
                sources.piece_of(name), name, full, sources.driver_of(full), wanted.source, held=bool(package.hold)
            )
    if wanted is not None and not wanted.apt and wanted.source != RUNFILE:  # what dnf erases by conflict
        module = "kmod-nvidia-open-dkms" if wanted.flavour == "open" else "kmod-nvidia-latest-dkms"
        other = {"kmod-nvidia-open-dkms", "kmod-nvidia-latest-dkms"} - {module}
        meta = "cuda-drivers" if wanted.flavour == "open" else "nvidia-open"
        for name in (*other, meta):
            pieces.pop(name, None)
        full = version + revision(module, wanted)
        pieces[module] = Piece("kernel_module", module, full, version, wanted.source, held=desired.hold)
    kernels = tuple(_with_module(kernel, wanted, version) for kernel in found.kernels)
    return replace(
        found,
        pieces=tuple(sorted(pieces.values(), key=lambda piece: piece.package)) if wanted else (),
        kernels=kernels,
        libraries=version,
        leftovers=("/usr/bin/nvidia-uninstall",) if wanted is not None and wanted.source == RUNFILE else (),
        nouveau=Nouveau(blocked=wanted is not None),
    )


def _with_module(kernel, wanted, version):
    if wanted is None:
        return replace(kernel, module=None)
    path = f"/lib/modules/{kernel.release}/updates/dkms/nvidia.ko"
    return replace(kernel, headers=True, module=ModuleOnDisk(path, version, wanted.flavour, "dkms"))


def loaded(found, version, flavour="open"):
    return replace(found, loaded=LoadedDriver(version, flavour, ("nvidia",)))


def state_of(found, wanted, desired=None, **fields):
    """What a subject would observe; with packages only where they are not settled."""
    desired = desired or desired_for(wanted)
    asked = desired_packages.desired_packages(desired, wanted, found, wanted.distribution if wanted else UBUNTU)
    settled = desired_packages.settled(asked, found)
    packages = None
    if not settled:
        known = {
            piece.package: Installed(piece.package, "amd64", piece.version, held=piece.held) for piece in found.pieces
        }
        full = {name: (_offer(name, wanted),) for name in asked.names} if wanted else {}
        packages = PackagesFound(installed=known, candidates=full)
    return DriverState(
        host=found,
        target=wanted,
        desired_packages=asked,
        packages=packages,
        spaces=(Space("/usr", 10**10, 10**9),),
        **fields,
    )


def _offer(name, wanted):
    version = wanted.version or NEWEST.get(wanted.branch, "535.309.01")
    return version + revision(name, wanted)


def planned(found, wanted, desired=None, **fields):
    desired = desired or desired_for(wanted)
    return plan.plan(desired, state_of(found, wanted, desired, **fields))


def summaries(made):
    return [action.summary for action in made.actions]
