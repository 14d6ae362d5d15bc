# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PCI buses as the kernel shows them, for hosts that have no GPU: what lies in /sys/bus/pci/devices."""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass
from pathlib import Path

NVIDIA = 0x10DE


@dataclass(frozen=True)
class Device:
    """One function of the bus, by its ids and class."""

    slot: str
    device: int
    pci_class: int
    vendor: int = NVIDIA
    subsystem: int = 0x1463


def _gpus(count: int, device: int) -> tuple[Device, ...]:
    return tuple(Device(f"0000:{0x0A + number:02x}:00.0", device, 0x030200) for number in range(count))


_HOST_BRIDGE = Device("0000:00:00.0", 0x1237, 0x060000, 0x8086, 0x1100)
_NVSWITCHES = tuple(Device(f"0000:{0xC0 + number:02x}:00.0", 0x1AF1, 0x068000) for number in range(6))

PROFILES = {
    "none": (Device("0000:00:02.0", 0x00B8, 0x030000, 0x1013, 0x1100),),
    "a100": _gpus(1, 0x20B2),
    "a100x8": _gpus(8, 0x20B2) + _NVSWITCHES,
    "t4": _gpus(1, 0x1EB8),
    "v100": _gpus(1, 0x1DB6),
    "h100": _gpus(1, 0x2330),
    "b200": _gpus(1, 0x2901),
    "v100-and-b200": (*_gpus(1, 0x1DB6), Device("0000:1b:00.0", 0x2901, 0x030200)),
}


def write(folder: Path) -> None:
    """Write every profile as a folder that can be mounted over a host's bus; `lspci` reads it too."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, devices in PROFILES.items():
        for device in (_HOST_BRIDGE, *devices):
            _write(device, folder / name / device.slot)


def _write(device: Device, folder: Path) -> None:
    folder.mkdir(parents=True)
    configuration = bytearray(256)
    struct.pack_into("<HHHHB3s", configuration, 0, device.vendor, device.device, 0x0406, 0x0010, 0xA1, b"")
    configuration[9:12] = device.pci_class.to_bytes(3, "little")
    struct.pack_into("<HH", configuration, 0x2C, device.vendor, device.subsystem)
    (folder / "config").write_bytes(configuration)
    kind = device.pci_class
    alias = (
        f"pci:v{device.vendor:08X}d{device.device:08X}sv{device.vendor:08X}sd{device.subsystem:08X}"
        f"bc{kind >> 16:02x}sc{kind >> 8 & 255:02x}i{kind & 255:02x}"
    )
    texts = {
        "vendor": f"0x{device.vendor:04x}",
        "device": f"0x{device.device:04x}",
        "subsystem_vendor": f"0x{device.vendor:04x}",
        "subsystem_device": f"0x{device.subsystem:04x}",
        "class": f"0x{kind:06x}",
        "revision": "0xa1",
        "numa_node": "0",
        "irq": "11",
        "enable": "1",
        "modalias": alias,
        "resource": "\n".join(["0x0000000000000000 0x0000000000000000 0x0000000000000000"] * 13),
        "uevent": f"PCI_CLASS={kind:X}\nPCI_ID={device.vendor:04X}:{device.device:04X}\nPCI_SLOT_NAME={folder.name}",
    }
    for name, text in texts.items():
        (folder / name).write_text(text + "\n")
