# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers as nvidia-smi does, for the GPUs that this host's PCI bus shows: XML, the list, or a CSV query.

Runs on hosts of the test bed, started by the stand-in program with the driver's version as its first argument.
"""

from __future__ import annotations

import os
import sys

PCI = "/sys/bus/pci/devices"
NAMES = {
    "0x20b2": ("NVIDIA A100-SXM4-80GB", 81920, "8.0"),
    "0x1eb8": ("Tesla T4", 15360, "7.5"),
    "0x1db6": ("Tesla V100-PCIE-32GB", 32768, "7.0"),
    "0x2330": ("NVIDIA H100 80GB HBM3", 81559, "9.0"),
    "0x2901": ("NVIDIA B200", 183359, "10.0"),
}
CUDA = {"535": "12.2", "550": "12.4", "580": "13.0", "590": "13.1"}


def read(path: str) -> str:
    with open(path) as stream:
        return stream.read().strip()


def gpus():
    for slot in sorted(os.listdir(PCI)):
        folder = f"{PCI}/{slot}"
        if read(f"{folder}/vendor") == "0x10de" and read(f"{folder}/class").startswith("0x03"):
            yield slot, *NAMES[read(f"{folder}/device")]


def uuid(number):
    return f"GPU-00000000-0000-0000-0000-{number + 1:012d}"


def xml(driver):
    found = list(gpus())
    parts = [
        f"""<gpu id="{"0000" + slot.upper()}">
<product_name>{name}</product_name><persistence_mode>Disabled</persistence_mode>
<mig_mode><current_mig>Disabled</current_mig><pending_mig>Disabled</pending_mig></mig_mode>
<mig_devices>None</mig_devices><uuid>{uuid(number)}</uuid><minor_number>{number}</minor_number>
<pci><pci_bus_id>{"0000" + slot.upper()}</pci_bus_id></pci>
<fb_memory_usage><total>{memory} MiB</total><used>0 MiB</used><free>{memory} MiB</free></fb_memory_usage>
<compute_mode>Default</compute_mode><processes></processes></gpu>"""
        for number, (slot, name, memory, capability) in enumerate(found)
    ]
    head = '<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n<nvidia_smi_log>\n'
    versions = f"<driver_version>{driver}</driver_version>\n<cuda_version>{CUDA[driver[:3]]}</cuda_version>\n"
    return f"{head}{versions}<attached_gpus>{len(found)}</attached_gpus>\n" + "\n".join(parts) + "\n</nvidia_smi_log>"


def main():
    driver, *arguments = sys.argv[1:]
    query = next((word.partition("=")[2] for word in arguments if word.startswith("--query-gpu=")), "")
    if "-x" in arguments:
        print(xml(driver))
    elif "-L" in arguments:
        for number, (_slot, name, _memory, _capability) in enumerate(gpus()):
            print(f"GPU {number}: {name} (UUID: {uuid(number)})")
    elif query:
        for number, (slot, name, memory, capability) in enumerate(gpus()):
            known = {
                "index": str(number),
                "name": name,
                "uuid": uuid(number),
                "driver_version": driver,
                "memory.total": f"{memory} MiB",
                "compute_cap": capability,
                "pci.bus_id": "0000" + slot.upper(),
                "mig.mode.current": "Disabled",
            }
            print(", ".join(known.get(field.strip(), "[N/A]") for field in query.split(",")))
    else:
        print(f"| NVIDIA-SMI {driver}   Driver Version: {driver}   CUDA Version: {CUDA[driver[:3]]} |")


if __name__ == "__main__":
    main()
