# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's PCI devices, from sysfs: C(/sys/bus/pci/devices)."""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import PciDevice

_DEVICES = "/sys/bus/pci/devices"
_VENDOR = "10de"
# PCI base class 03 is a display controller: 0300 VGA, 0302 3D. (PCI Code and ID Assignment Specification)
_DISPLAY = "03"
# PCI ids of NVSwitch: SXM3 (V100), A100, H100. They have no name in many copies of the id database, and their class,
# 'other bridge', is also that of Ethernet bridges of old chipsets. One of another id is known by the driver that has
# it. Source: gpu-operator's and open-gpu-kernel-modules' lists.
_SWITCH_DRIVER = "nvidia-nvswitch"
_NVSWITCHES = frozenset({"1ac0", "1ac1", "1ac2", "1af1", "22a3"})


def scan(host: Host) -> tuple[tuple[PciDevice, ...], tuple[PciDevice, ...]]:
    """The GPUs and the NVSwitches, in the order of their addresses. Audio, USB and I2C functions are left out."""
    gpus, switches = [], []
    for address in host.names(_DEVICES):
        folder = f"{_DEVICES}/{address}"
        if _hex(host, f"{folder}/vendor") != _VENDOR:
            continue
        device = _device(host, address, folder)
        if device.pci_class.startswith(_DISPLAY):
            gpus.append(device)
        elif device.device in _NVSWITCHES or device.bound_to == _SWITCH_DRIVER:
            switches.append(device)
    return tuple(gpus), tuple(switches)


def _device(host: Host, address: str, folder: str) -> PciDevice:
    vendor = _hex(host, f"{folder}/subsystem_vendor")
    node = (host.read_text(f"{folder}/numa_node") or "").strip()
    return PciDevice(
        address=address.lower(),
        device=_hex(host, f"{folder}/device"),
        # Six digits, the last two of which are the programming interface.
        pci_class=_hex(host, f"{folder}/class")[:4],
        subsystem=f"{vendor}:{_hex(host, f'{folder}/subsystem_device')}" if vendor else "",
        bound_to=_link_name(host, f"{folder}/driver"),
        numa_node=int(node) if node.isdigit() else None,
        virtual_function=bool(_link_name(host, f"{folder}/physfn")),
    )


def _hex(host: Host, path: str) -> str:
    return (host.read_text(path) or "").strip().lower().removeprefix("0x")


def _link_name(host: Host, path: str) -> str:
    try:
        return os.path.basename(os.readlink(host.path(path)))
    except OSError:
        return ""


def bus_key(address: str) -> tuple[int, ...] | None:
    """An address for comparison: nvidia-smi writes eight digits of domain and capitals. None where it is none."""
    parts = address.replace(".", ":").split(":")
    try:
        return tuple(int(part, 16) for part in parts) if len(parts) == 4 else None
    except ValueError:
        return None
