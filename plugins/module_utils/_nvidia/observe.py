# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole picture of a host, from the files that each fact stands in."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import (
    gpu_packages,
    hardware,
    libraries,
    loaded,
    nouveau,
    on_disk,
    ownership,
    secure_boot,
    sources,
    toolkits,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import OURS, Holder, Observed

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_model import SmiReport


def observe(host: Host, commands: Commands, *, detail: bool = True, ask_driver: bool = True) -> Observed:
    """Look at everything. ``detail`` also reads what takes a while: processes, signatures, the origin of packages;
    ``ask_driver`` runs nvidia-smi where a driver is loaded."""
    family = host.distribution().family
    devices, switches = hardware.scan(host)
    kernels = on_disk.kernels(host, commands, detail=detail)
    driver = loaded.read(host)
    packages = gpu_packages.installed(host, commands, family)
    origins = gpu_packages.origins(host, family, packages) if detail else {}
    owner = ownership.of_host(host, {package.name for package in packages})
    devices = ownership.owned(devices, owner)
    gpus = tuple(device for device in devices if device.owner.kind in OURS)
    return Observed(
        gpus=gpus,
        foreign_gpus=tuple(device for device in devices if device.owner.kind not in OURS),
        owner=owner,
        nvswitches=switches,
        loaded=driver,
        kernels=kernels,
        libraries=libraries.version(host),
        pieces=sources.pieces(packages, origins),
        leftovers=sources.runfile_leftovers(host),
        nouveau=nouveau.read(host, [kernel.release for kernel in kernels]),
        secure_boot=secure_boot.enabled(host),
        enforced=secure_boot.enforced(host),
        key_enrolled=secure_boot.key_enrolled(host),
        container_specifications=libraries.container_specifications(host),
        smi=_answer(host, commands) if ask_driver and driver is not None else None,
        holders=_holders(host) if detail and devices else (),
        toolkits=toolkits.find(host, {package.name: package.version for package in packages}),
    )


# What follows is not read, nor loaded, on a host that is as desired.
def _answer(host: Host, commands: Commands) -> SmiReport | None:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import smi

    return smi.ask(host, commands)


def _holders(host: Host) -> tuple[Holder, ...]:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import processes

    return processes.holders(host)


def of_driver(host: Host, commands: Commands, noted: t.Mapping[str, t.Any]) -> Observed:
    """What a change of the driver has to know, as cheaply as it can be had.

    ``noted`` is what was written down of the driver: while its packages are those, they come from its source.
    """
    found = observe(host, commands, detail=False, ask_driver=False)
    family = host.distribution().family
    if {piece.package: piece.version for piece in found.pieces} == noted.get("packages", {}):
        pieces = tuple(replace(piece, source=str(noted.get("source", ""))) for piece in found.pieces)
    else:
        packages = gpu_packages.installed(host, commands, family)
        pieces = sources.pieces(packages, gpu_packages.origins(host, family, packages))
    return replace(found, pieces=pieces)
