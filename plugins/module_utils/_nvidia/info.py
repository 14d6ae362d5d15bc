# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling what a host has of NVIDIA; nothing is changed."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import day
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import gpus as known_gpus
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue, load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import Gpu
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings, hardware
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observed, PciDevice, Problem
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.observe import observe
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_model import SmiGpu

# Pieces that are told by name, beside the list of all.
_COMPONENTS = ("fabric_manager", "persistence_daemon", "imex", "nscq", "container_toolkit", "dcgm")


@dataclass(frozen=True)
class Question:
    """``ask_driver`` runs nvidia-smi, ``detail`` looks at processes, signatures and origins. ``catalogue`` has the
    user's own rows in it."""

    ask_driver: bool
    detail: bool
    catalogue: Catalogue


class GpuInfo(Inquiry[Question, Observed]):
    """The loop's resource of gpu_info; its plans are empty."""

    _age: dict[str, t.Any]

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        catalogue = load(params["catalogue"])
        self._age = day.looked_at(params, context.warn)
        return [Question(params["ask_driver"], params["detail"], catalogue)]

    def title(self, desired: Question) -> str:
        return "GPUs"

    def observe(self, desired: Question, context: Context) -> Observed:
        return observe(context.host, context.commands, detail=desired.detail, ask_driver=desired.ask_driver)

    def describe(self, desired: Question, observed: Observed) -> dict[str, t.Any]:
        return {**told(observed, desired.catalogue), "catalogue": self._age}


def told(found: Observed, catalogue: Catalogue) -> dict[str, t.Any]:
    """An observation as the result of gpu_info. Pure."""
    reasons = findings.reboot_reasons(found)
    components = {
        name: next((piece.driver or piece.version for piece in found.pieces if piece.name == name), None)
        for name in _COMPONENTS
    }
    every = (*found.gpus, *found.foreign_gpus)
    return {
        "gpus": [_gpu(found, device, catalogue) for device in sorted(every, key=lambda gpu: gpu.address)],
        "owner": {"kind": found.owner.kind, "evidence": found.owner.evidence or None},
        "nvswitches": [{"address": device.address, "pci_id": f"10de:{device.device}"} for device in found.nvswitches],
        "driver": {
            "loaded": found.loaded.version if found.loaded else None,
            "loaded_flavour": found.loaded.flavour if found.loaded else None,
            "loaded_modules": list(found.loaded.modules) if found.loaded else [],
            "on_disk": found.on_disk or None,
            "libraries": found.libraries or None,
            "cuda": found.smi.cuda if found.smi and found.smi.cuda else None,
            "sources": list(found.sources),
            "runfile_leftovers": list(found.leftovers),
        },
        "kernels": [_kernel(kernel) for kernel in map(asdict, found.kernels)],
        "next_boot": findings.next_boot(found),
        "packages": [asdict(piece) for piece in found.pieces],
        "components": components,
        "container_specifications": [{"path": p, "driver": v or None} for p, v in found.container_specifications],
        "toolkits": [asdict(toolkit) for toolkit in found.toolkits],
        "nouveau": {
            "loaded": found.nouveau.loaded,
            "blocked": found.nouveau.blocked,
            "blocked_by": list(found.nouveau.blocked_by),
            "outdated_initramfs": list(found.nouveau.initramfs),
        },
        "secure_boot": found.secure_boot,
        "signing_key_enrolled": found.key_enrolled,
        "processes": _processes(found),
        "problems": [
            asdict(problem)
            for problem in (*findings.problems(found), *_unfit(found, catalogue), *_unserved(found, catalogue))
        ],
        "reboot_required": bool(reasons),
        "reboot_reasons": list(reasons),
    }


def _gpu(found: Observed, device: PciDevice, catalogue: Catalogue) -> dict[str, t.Any]:
    seen = _answering(found, device)
    # Of a product that is newer than the tables, the driver knows the capability.
    known = known_gpus.known(Gpu(device.device, capability=seen.compute_capability if seen else ""), catalogue)
    shown: dict[str, t.Any] = {
        "address": device.address,
        "pci_id": f"10de:{device.device}",
        "product": known.product,
        "capability": known.capability or None,
        "flavours": known_gpus.flavours(known),
        "verified": known.verified,
        "subsystem": device.subsystem or None,
        "numa_node": device.numa_node,
        "virtual_function": device.virtual_function,
        "kernel_driver": device.bound_to or None,
        "owner": device.owner.kind,
        "owner_evidence": device.owner.evidence or None,
        "index": seen.index if seen else None,
        "name": seen.name if seen else None,
        "uuid": seen.uuid or None if seen else None,
        "memory_mib": seen.memory_total if seen else None,
        "mig": None,
        "fabric": asdict(seen.fabric) if seen and seen.fabric.state else None,
    }
    if seen is not None and seen.mig_current and found.smi is not None:
        shown["mig"] = {
            "current": seen.mig_current,
            "pending": seen.mig_pending or seen.mig_current,
            "instances": [asdict(instance) for instance in found.smi.mig if instance.gpu_index == seen.index],
        }
    return shown


def _unfit(found: Observed, catalogue: Catalogue) -> t.Iterator[Problem]:
    """GPUs that the module of the next boot would not drive: it loads, and they stay dark."""
    module = found.next_boot.module if found.next_boot else None
    for device in found.gpus:
        known = known_gpus.known(Gpu(device.device), catalogue)
        flavours = known_gpus.flavours(known)
        if module is not None and module.flavour and flavours and module.flavour not in flavours:
            yield Problem(
                "flavour_unfit",
                f"{device.address} ({known.product}) works with {flavours[0]} kernel modules only, and the next boot "
                f"loads the {module.flavour} one",
            )


def _unserved(found: Observed, catalogue: Catalogue) -> t.Iterator[Problem]:
    """Boards whose NVSwitches are not on the PCI bus: only the product tells that they want a Fabric Manager."""
    boards = [known_gpus.known(Gpu(device.device), catalogue) for device in found.gpus]
    board = next((known for known in boards if known.row is not None and known.row["fabric"] == "always"), None)
    if board is None or not found.driver_pieces:
        return
    present = {piece.name for piece in found.pieces}
    if "fabric_manager" not in present and not found.nvswitches:
        yield Problem(
            "fabric_manager_absent",
            f"{board.product} sits on a board with NVSwitches, and no Fabric Manager is here: CUDA fails with "
            "error 802 without it",
        )
    elif "subnet_manager" not in present:
        yield Problem(
            "subnet_manager_absent",
            f"{board.product} sits on a board with NVLink 5, whose Fabric Manager needs nvlsm, and that is not here",
        )


def _answering(found: Observed, device: PciDevice) -> SmiGpu | None:
    key = hardware.bus_key(device.address)
    gpus = found.smi.gpus if found.smi is not None else ()
    return next((gpu for gpu in gpus if key is not None and hardware.bus_key(gpu.bus_id) == key), None)


def _kernel(kernel: dict[str, t.Any]) -> dict[str, t.Any]:
    return {**kernel, "registered": kernel["registered"] or None}


def _processes(found: Observed) -> list[dict[str, t.Any]]:
    """What C(/proc) shows, with the memory that nvidia-smi knows; and what only nvidia-smi sees."""
    reported = {process.pid: process for process in (found.smi.processes if found.smi is not None else ())}
    rows = []
    for holder in found.holders:
        process = reported.pop(holder.pid, None)
        rows.append({**asdict(holder), "memory_mib": process.memory if process else None})
    for process in reported.values():
        rows.append(
            {
                "pid": process.pid,
                "user": None,
                "command": process.name,
                "devices": [process.gpu] if process.gpu else [],
                "unit": "",
                "container": "",
                "job": "",
                "daemon": False,
                "memory_mib": process.memory,
            }
        )
    return rows
