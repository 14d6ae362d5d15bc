# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not fit together on a host, and what its next boot would bring. Pure: data in, data out."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    BOUND_PIECES,
    HOST,
    Kernel,
    Observed,
    Problem,
)

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_model import Fabric


def problems(found: Observed) -> tuple[Problem, ...]:
    """Everything that is inconsistent, in the order in which one would mend it. What is loaded, on disk and comes
    next of somebody else's driver is not this host's to mend."""
    looks = (_hardware, _versions, _packages, _answers, _nouveau, _next_boot, _containers)
    return tuple(
        problem for look in (looks if found.owner.kind == HOST else (_answers, _packages)) for problem in look(found)
    )


def reboot_reasons(found: Observed) -> tuple[str, ...]:
    """Why this host runs something else than what lies on its disk; empty if a reboot would change nothing."""
    if found.owner.kind != HOST:
        return ()
    reasons = []
    disk, loaded = found.on_disk, found.loaded.version if found.loaded else ""
    if disk and loaded and disk != loaded:
        reasons.append(f"the loaded driver is {loaded}, and {disk} is on disk")
    elif disk and not loaded and found.gpus:
        reasons.append(f"the driver {disk} is on disk, and none is loaded")
    elif loaded and not disk and not found.driver_pieces:
        reasons.append(f"the driver {loaded} is still loaded, and none is on disk")
    module = found.next_boot.module if found.next_boot else None
    before, after = found.loaded.flavour if found.loaded else "", module.flavour if module else ""
    if disk and disk == loaded and before and after and before != after:
        reasons.append(f"the {before} kernel module is loaded, and the {after} one is on disk")
    if found.nouveau.loaded and disk:
        reasons.append("nouveau is loaded in place of the driver")
    return tuple(reasons)


def next_boot(found: Observed) -> dict[str, t.Any]:
    """Kernel, driver and whether that driver would load, for the boot that comes next."""
    kernel = found.next_boot
    if kernel is None:
        return {}
    module = kernel.module
    refusal = signature_refused(found, kernel)
    return {
        "kernel": kernel.release,
        "driver": module.version if module else "",
        "flavour": module.flavour if module else "",
        "origin": module.origin if module else "",
        "signed": module.signed if module else None,
        "would_load": bool(module) and not refusal and not (found.nouveau.loaded and not found.nouveau.blocked),
        "headers": kernel.headers,
        "changes": list(reboot_reasons(found)),
    }


def signature_refused(found: Observed, kernel: Kernel) -> str:
    """Why the module of this kernel would not load; empty if it would."""
    module = kernel.module
    if not found.must_be_signed or module is None:
        return ""
    if module.signed is False:
        return f"{found.must_be_signed} and {module.path} carries no signature"
    if module.signed and module.origin == "dkms" and found.key_enrolled is False:
        return f"{found.must_be_signed} and the key that signed {module.path} is not enrolled with the firmware"
    return ""


def _hardware(found: Observed) -> t.Iterator[Problem]:
    manager = any(piece.name == "fabric_manager" for piece in found.pieces)
    if found.nvswitches and found.gpus and found.driver_pieces and not manager:
        yield Problem(
            "fabric_manager_absent",
            f"{len(found.nvswitches)} NVSwitches are here and no Fabric Manager: CUDA fails with error 802 without it",
        )


def _versions(found: Observed) -> t.Iterator[Problem]:
    loaded = found.loaded.version if found.loaded else ""
    if loaded and found.libraries and loaded != found.libraries:
        yield Problem(
            "library_mismatch",
            f"the loaded kernel module is {loaded} and the libraries are {found.libraries}: programs fail with "
            "'Driver/library version mismatch'",
            reboot=found.on_disk == found.libraries,
        )
    running = found.running.module if found.running else None
    if loaded and running and running.version and running.version != loaded:
        yield Problem(
            "module_replaced",
            f"the loaded kernel module is {loaded} and the one on disk {running.version}",
            reboot=True,
        )
    if found.on_disk and found.libraries and found.on_disk != found.libraries:
        yield Problem(
            "disk_mismatch", f"the kernel module on disk is {found.on_disk} and the libraries are {found.libraries}"
        )


def _packages(found: Observed) -> t.Iterator[Problem]:
    if len(found.sources) > 1:
        yield Problem("mixed_sources", f"the driver is pieced together: {', '.join(found.driver_parts)}")
    driver = found.libraries or found.on_disk
    for piece in found.pieces:
        if piece.name in BOUND_PIECES and piece.driver and driver and piece.driver != driver:
            yield Problem("piece_differs", f"{piece.package} {piece.version} does not belong to the driver {driver}")


def _answers(found: Observed) -> t.Iterator[Problem]:
    if found.smi is None:
        return
    if found.smi.error:
        yield Problem("driver_not_answering", f"nvidia-smi says: {found.smi.message}")
        return
    ours = [gpu for gpu in found.gpus if gpu.bound_to in ("", "nvidia")]
    if len(found.smi.gpus) < len(ours):
        yield Problem(
            "gpu_not_answering", f"{len(ours)} GPUs are on the bus and {len(found.smi.gpus)} answer the driver"
        )
    for gpu in found.smi.gpus:
        wrong = fabric_trouble(gpu.fabric)
        if wrong:
            yield Problem("fabric_not_ready", f"GPU {gpu.index} {wrong}")
        if gpu.mig_pending and gpu.mig_pending != gpu.mig_current:
            yield Problem(
                "mig_pending",
                f"MIG of GPU {gpu.index} is {gpu.mig_current} and will be {gpu.mig_pending} after a reset of the GPU",
                reboot=True,
            )


def fabric_trouble(fabric: Fabric) -> str:
    """Why a GPU cannot use the fabric of its board; empty where it can, or there is none.

    Source: NVIDIA/go-nvml, nvml.h (API 13): a status counts only once the state is C(Completed).
    """
    if not fabric.state or (fabric.state, fabric.status) == ("Completed", "Success"):
        return f"says that its fabric is {fabric.health}" if fabric.health not in ("", "Healthy") else ""
    if fabric.state != "Completed":
        return f"is not registered with the fabric ({fabric.state}): until then CUDA fails with error 802"
    return f"could not be registered with the fabric ({fabric.status or 'no status'})"


def _nouveau(found: Observed) -> t.Iterator[Problem]:
    if not found.gpus or not (found.driver_pieces or found.leftovers):
        return
    if found.nouveau.loaded:
        yield Problem(
            "nouveau_loaded", "nouveau has been loaded and keeps the driver out", reboot=found.nouveau.blocked
        )
    elif not found.nouveau.blocked:
        yield Problem("nouveau_not_blocked", "nothing keeps nouveau from taking the GPU at the next boot")
    if found.nouveau.blocked and found.nouveau.initramfs:
        yield Problem(
            "initramfs_outdated",
            f"the initial file system of {', '.join(found.nouveau.initramfs)} was made before nouveau was blocked",
        )


def _next_boot(found: Observed) -> t.Iterator[Problem]:
    kernel = found.next_boot
    if kernel is None or not found.gpus or not (found.driver_pieces or found.leftovers):
        return
    if kernel.module is None:
        cause = "" if kernel.headers else f"; the headers of {kernel.release} are not installed"
        if kernel.registered and kernel.headers:
            cause = f"; DKMS knows {kernel.registered} and has not built it for this kernel"
        yield Problem("next_boot_without_driver", f"{kernel.release} boots next and has no driver{cause}")
    refusal = signature_refused(found, kernel)
    if refusal:
        yield Problem("next_boot_unsigned", f"{kernel.release} boots next; {refusal}")


def _containers(found: Observed) -> t.Iterator[Problem]:
    for path, version in found.container_specifications:
        if version and found.libraries and version != found.libraries:
            yield Problem(
                "container_specification_outdated",
                f"{path} was written for the driver {version} and the libraries are {found.libraries}",
            )
