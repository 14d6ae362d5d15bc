# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a driver from being changed. Pure: everything here is decided before the first change."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.desired_packages import kernels_to_serve
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    DKMS,
    DesiredDriver,
    Space,
    Target,
    WayBack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DRIVER_CONTAINER,
    GUEST_CONTAINER,
    PARTS,
    RUNFILE,
    VGPU_GUEST,
    VGPU_HOST,
    WSL,
    Holder,
    Observed,
    Owner,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.sources import is_part
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Change

_NOTHING = Observed()
_KERNEL = re.compile(r"^(?:linux-image-|linux-modules-\d|linux-generic|kernel(?:-core|-modules|-modules-core)?\Z)")


# What to do where the driver is somebody else's.
_OWNERS = {
    WSL: "update the driver in Windows",
    GUEST_CONTAINER: "change the driver on the host of this container, and have its libraries here in that version",
    VGPU_HOST: "change the vGPU manager by NVIDIA's own packages of it",
    VGPU_GUEST: "install the vGPU driver that fits the manager of the host; one for data centres drives no vGPU",
    DRIVER_CONTAINER: "change the driver where its container is managed, such as the GPU operator",
}


def require_own(desired: DesiredDriver, owner: Owner) -> None:
    """Refuse a driver for a host whose driver is somebody else's. Raises MlstackError."""
    raise MlstackError(
        "driver_of_others",
        wanted=desired.described,
        found=owner.evidence,
        to_fix=f"{_OWNERS[owner.kind]}; set take_over to true to have this driver all the same",
        owner=owner.kind,
    )


def require_one_source(desired: DesiredDriver, found: Observed) -> None:
    """Refuse to build on a driver that was pieced together. Raises MlstackError."""
    if len(found.sources) < 2 or desired.replace_mixed_sources:
        return
    raise MlstackError(
        "mixed_sources",
        wanted=desired.described,
        found=f"a driver from {' and '.join(found.sources)} at once: {', '.join(found.driver_parts)}",
        to_fix="set replace_mixed_sources to true to have all of it replaced, or remove what does not belong by hand",
        sources=list(found.sources),
    )


def require_buildable(desired: DesiredDriver, target: Target, found: Observed) -> None:
    """Refuse a module that nobody could build or load. Raises MlstackError."""
    if target.modules != DKMS and target.source != RUNFILE:
        return
    served = kernels_to_serve(found)
    if not served:
        raise MlstackError(
            "no_kernel",
            wanted=desired.described,
            found="no kernel and no kernel headers are installed here: there is nothing to build modules for",
            to_fix="install a kernel, or the headers of the one that will boot, or use modules that are built already",
        )
    without = [kernel.release for kernel in served if not kernel.headers]
    if without and (not desired.install_headers or target.source == RUNFILE):
        raise headers_absent(desired, without)
    if found.must_be_signed and found.key_enrolled is not True:
        state = "none was made yet" if found.key_enrolled is None else "it is not enrolled with the firmware"
        raise MlstackError(
            "secure_boot_unsigned",
            wanted=desired.described,
            found=f"{found.must_be_signed}, and of the key with which DKMS signs {state}: the module would not load",
            to_fix="enrol the key (mokutil --import) and confirm it at the console, or use Ubuntu's signed modules "
            "(source distribution, modules prebuilt)",
        )


def headers_absent(
    desired: DesiredDriver, releases: t.Sequence[str], offered: t.Mapping[str, t.Sequence[str]] | None = None
) -> MlstackError:
    """The error for kernels without headers; ``offered`` are the packages that were looked for in the repositories,
    each with the versions that they have of it."""
    why = "and are not to be installed" if offered is None else "and no repository offers "
    others = {name: versions for name, versions in (offered or {}).items() if versions}
    only = [f"of {name.split()[0]} there is {', '.join(versions[:5])}" for name, versions in others.items()]
    return MlstackError(
        "headers_absent",
        wanted=desired.described,
        found=f"the headers of {', '.join(releases)} are not installed, {why}{', '.join(offered or ())}"
        + (f"; {'; '.join(only)}" if only else ""),
        to_fix="install them, boot a kernel whose headers are offered, or use modules that are built already",
        kernels=list(releases),
    )


def require_rollback(desired: DesiredDriver, way: WayBack | None) -> None:
    """Refuse to replace an installer's driver that could not be put back. Raises MlstackError."""
    if way is not None and not way.known and desired.require_rollback:
        raise no_way_back(
            desired,
            way,
            "it is not kept here, and no digest of it is known",
            "set require_rollback to false to go on, knowing that a failure leaves this host without a driver",
        )


def no_way_back(desired: DesiredDriver, way: WayBack, why: str, to_fix: str) -> MlstackError:
    """The error for an installer that cannot be had."""
    return MlstackError(
        "no_way_back",
        wanted=desired.described,
        found=f"the driver {way.version} here is an installer's, and a change that fails could not be taken back "
        f"without that installer: {why}",
        to_fix=to_fix,
        present=way.version,
    )


def require_space(desired: DesiredDriver, spaces: t.Iterable[Space]) -> None:
    """Refuse where packages, a build or an initial file system would not fit. Raises MlstackError."""
    short = [space for space in spaces if space.free < space.needed]
    if short:
        told = ", ".join(f"{s.path} has {s.free / 1e6:.0f} MB and {s.needed / 1e6:.0f} MB may be needed" for s in short)
        raise MlstackError(
            "disk_full",
            wanted=desired.described,
            found=f"not enough space: {told}",
            to_fix="remove old kernels or other files there, and run the task again",
            spaces=[{"path": space.path, "free": space.free, "needed": space.needed} for space in short],
        )


def require_expected(
    desired: DesiredDriver, changes: t.Iterable[Change], named: t.Collection[str], found: Observed = _NOTHING
) -> None:
    """Refuse a transaction that touches what is neither named nor a part of the driver: a kernel above all.

    New dependencies are expected. Raises MlstackError.
    """
    parts = {piece.package for piece in found.pieces if piece.name in PARTS}
    surprising = [
        change
        for change in changes
        if change.name not in named
        and change.name not in desired.allow_changes
        and not (change.name in parts or is_part(change.name))
        and (change.action in ("upgrade", "downgrade", "remove") or _KERNEL.match(change.name))
    ]
    if not surprising:
        return
    kernels = [change for change in surprising if _KERNEL.match(change.name)]
    told = ", ".join(f"{c.action} {c.name} {c.before} {c.after}".replace("  ", " ").strip() for c in surprising)
    raise MlstackError(
        "kernel_change" if kernels else "unnamed_change",
        wanted=desired.described,
        found=f"the package manager would also {told}",
        to_fix=f"{_first(surprising)} these on their own first, or name them in allow_changes",
        changes=[change.result() for change in surprising],
    )


def _first(changes: t.Iterable[Change]) -> str:
    """What somebody would do with all of them before the driver changes."""
    return "remove" if all(change.action == "remove" for change in changes) else "upgrade"


def is_kernel(package: str) -> bool:
    return bool(_KERNEL.match(package))


def require_idle(desired: DesiredDriver, holders: t.Iterable[Holder]) -> None:
    """Refuse to pull the driver from under somebody's work. Raises MlstackError."""
    busy = [holder for holder in holders if not holder.daemon]
    if busy:
        waited = f" after {desired.busy_timeout} s" if desired.busy == "wait" else ""
        raise MlstackError(
            "gpu_busy",
            wanted=desired.described,
            found=f"a GPU is in use{waited}: {'; '.join(map(str, busy))}",
            to_fix="let the work end, drain the host (playbooks/driver_rollout.yml does), set busy to wait, or accept "
            "that the work fails with busy set to ignore",
            holders=[
                {
                    "pid": h.pid,
                    "user": h.user,
                    "command": h.command,
                    "unit": h.unit,
                    "container": h.container,
                    "job": h.job,
                }
                for h in busy
            ],
        )
