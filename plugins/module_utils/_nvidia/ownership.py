# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns the GPUs of a host: its own driver, or somebody whose driver is not this host's to change.

Sources: kernel documentation of VFIO and of SR-IOV in sysfs (C(physfn)); NVIDIA's vGPU guide (C(nvidia_vgpu_vfio),
C(nvidia-gridd), C(/etc/nvidia/gridd.conf)); gpu-operator (C(/run/nvidia/driver), where a driver container mounts its
root); NVIDIA's guide for WSL (C(/dev/dxg)); systemd's container interface (C(/run/systemd/container)).
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DRIVER_CONTAINER,
    GUEST_CONTAINER,
    HOST,
    NOBODY,
    OTHER,
    VFIO,
    VGPU_GUEST,
    VGPU_HOST,
    VIRTUAL_FUNCTION,
    WSL,
    Owner,
    PciDevice,
)

# What hands a device to a virtual machine, and free drivers that NVIDIA's takes the place of.
_PASSED_ON = frozenset({"vfio-pci", "nvgrace_gpu_vfio_pci", "pci-stub", "pciback", "xen-pciback"})
_FREE = frozenset({"", "nouveau", "nova_core", "nova-core", "nvidiafb"})
# Containers that are run as machines. One of an engine for images holds programs, and nobody brings it a driver.
_MACHINE_CONTAINERS = frozenset({"lxc", "lxc-libvirt", "systemd-nspawn"})
_GRID_FILES = ("/usr/bin/nvidia-gridd", "/etc/nvidia/gridd.conf")
_CONTAINER_ROOT = "/run/nvidia/driver"
_CONTAINER_FILES = (f"{_CONTAINER_ROOT}/usr/bin/nvidia-smi", f"{_CONTAINER_ROOT}/usr/lib")


def of_host(host: Host, packages: t.Collection[str]) -> Owner:
    """Who owns whatever GPU this host has. ``packages`` are the names of those that are installed."""
    if host.exists("/dev/dxg") and "microsoft" in (host.read_text("/proc/version") or "").lower():
        return Owner(WSL, "/dev/dxg is here: the driver is that of Windows")
    container = (host.read_text("/run/systemd/container") or "").strip()
    if container in _MACHINE_CONTAINERS:
        return Owner(GUEST_CONTAINER, f"/run/systemd/container says {container}: the kernel is that of its host")
    if host.exists("/sys/module/nvidia_vgpu_vfio") or host.exists("/usr/bin/nvidia-vgpu-mgr"):
        return Owner(VGPU_HOST, "the vGPU manager is here, which shares GPUs out to virtual machines")
    grid = next((path for path in _GRID_FILES if host.exists(path)), "")
    grid = grid or next((name for name in sorted(packages) if name.startswith("nvidia-linux-grid")), "")
    if grid:
        return Owner(VGPU_GUEST, f"{grid} is here: the driver is that of a vGPU, and has to fit its host's")
    mounted = next((path for path in _CONTAINER_FILES if host.exists(path)), "")
    if mounted:
        return Owner(DRIVER_CONTAINER, f"{mounted} is here: a container brings the driver")
    return Owner(HOST)


def owned(devices: t.Iterable[PciDevice], owner: Owner) -> tuple[PciDevice, ...]:
    """The same devices, each with its owner. ``owner`` is that of the host."""
    return tuple(replace(device, owner=_of(device, owner)) for device in devices)


def _of(device: PciDevice, owner: Owner) -> Owner:
    if device.bound_to in _PASSED_ON:
        return Owner(VFIO, f"bound to {device.bound_to}, for a virtual machine")
    if device.virtual_function:
        return Owner(VIRTUAL_FUNCTION, "a virtual function, for a virtual machine")
    if owner.kind != HOST:
        return owner
    if device.bound_to == "nvidia":
        return Owner(HOST, "bound to nvidia")
    if device.bound_to in _FREE:
        return Owner(NOBODY, f"bound to {device.bound_to}" if device.bound_to else "bound to no driver")
    return Owner(OTHER, f"bound to {device.bound_to}")
