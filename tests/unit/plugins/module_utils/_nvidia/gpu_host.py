# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host below a folder: the files in which a kernel, a driver and a package manager tell of themselves."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_LSPCI = re.compile(
    r"^(?P<address>\S+) .*?\[(?P<class>[0-9a-f]{4})\]: .*\[(?P<vendor>[0-9a-f]{4}):(?P<device>[0-9a-f]{4})\]"
)
_SIGNATURE_END = b"~Module signature appended~\n"


def kernel_module(fields: dict[str, str], signer: str = "") -> bytes:
    """A kernel module as far as its description goes: an ELF object with a section .modinfo, signed if asked."""
    strings = b"".join(f"{name}={value}".encode() + b"\0" for name, value in fields.items())
    names = b"\0.modinfo\0.shstrtab\0"
    sections_at = 64 + len(strings) + len(names)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, sections_at, 0, 64, 0, 0, 64, 3, 2)
    table = bytes(64)
    table += struct.pack("<IIQQQQIIQQ", 1, 1, 0, 0, 64, len(strings), 0, 0, 1, 0)
    table += struct.pack("<IIQQQQIIQQ", 10, 3, 0, 0, 64 + len(strings), len(names), 0, 0, 1, 0)
    module = header + strings + names + table
    if signer:
        name = signer.encode()
        signature = b"\x30\x20\x06\x03\x55\x04\x03\x0c" + bytes([len(name)]) + name + bytes(8)
        module += signature + struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, len(signature)) + _SIGNATURE_END
    return module


class GpuHost:
    """Writes below ``root``; ``host`` observes it."""

    def __init__(self, root: Path, *, family: str = "Debian", kernel: str = "6.8.0-45-generic") -> None:
        self.root = root
        self.host = Host(str(root), {"PATH": "/usr/bin"})
        release = "ID=ubuntu\nID_LIKE=debian\n" if family == "Debian" else "ID=rocky\nID_LIKE=rhel\nVERSION_ID=9.4\n"
        self.write("/etc/os-release", release)
        self.write("/proc/sys/kernel/osrelease", f"{kernel}\n")
        self.kernel(kernel)

    def write(self, path: str, content: str | bytes = "") -> Path:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def link(self, path: str, target: str) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(target)

    def kernel(self, release: str, *, headers: bool = True, image: bool = True) -> None:
        self.write(f"/lib/modules/{release}/modules.order")
        if image:
            self.write(f"/boot/vmlinuz-{release}")
        if headers:
            self.write(f"/usr/src/linux-headers-{release}/Makefile")
            self.link(f"/lib/modules/{release}/build", f"/usr/src/linux-headers-{release}")

    def pci(self, lspci: str) -> None:
        """The devices of a listing by ``lspci -nn``, as sysfs shows them."""
        for line in lspci.splitlines():
            match = _LSPCI.match(line)
            if match:
                address = match["address"] if match["address"].count(":") == 2 else f"0000:{match['address']}"
                folder = f"/sys/bus/pci/devices/{address}"
                self.write(f"{folder}/vendor", f"0x{match['vendor']}\n")
                self.write(f"{folder}/device", f"0x{match['device']}\n")
                self.write(f"{folder}/class", f"0x{match['class']}00\n")

    def gpu(self, address: str = "0000:41:00.0", device: str = "20b2") -> None:
        self.pci(f"{address} 3D controller [0302]: NVIDIA Corporation [10de:{device}] (rev a1)")

    def load(self, version: str, *, flavour: str = "open") -> None:
        kind = "Open Kernel Module for x86_64" if flavour == "open" else "x86_64 Kernel Module"
        self.write("/proc/driver/nvidia/version", f"NVRM version: NVIDIA UNIX {kind}  {version}  Release Build\n")
        self.write("/sys/module/nvidia/version", f"{version}\n")

    def module(
        self, release: str, version: str, *, licence: str = "Dual MIT/GPL", signer: str = "", dkms: bool = True
    ) -> None:
        fields = {"version": version, "license": licence, "vermagic": f"{release} SMP mod_unload"}
        place = "updates/dkms" if dkms else "kernel/nvidia-550"
        self.write(f"/lib/modules/{release}/{place}/nvidia.ko", kernel_module(fields, signer))
        if dkms:
            self.write(f"/var/lib/dkms/nvidia/{version}/{release}/x86_64/module/nvidia.ko")
            self.register(version)
            self.link(f"/var/lib/dkms/nvidia/kernel-{release}-x86_64", f"{version}/{release}/x86_64")

    def register(self, version: str) -> None:
        if not os.path.lexists(self.root / f"var/lib/dkms/nvidia/{version}/source"):
            self.link(f"/var/lib/dkms/nvidia/{version}/source", f"/usr/src/nvidia-{version}")

    def libraries(self, version: str, folder: str = "/usr/lib/x86_64-linux-gnu") -> None:
        self.write(f"{folder}/libnvidia-ml.so.{version}")
        self.link(f"{folder}/libnvidia-ml.so.1", f"libnvidia-ml.so.{version}")

    def packages(self, *entries: str) -> None:
        """dpkg's database: ``name version`` or ``name version hold``."""
        records = []
        for entry in entries:
            name, version, *hold = entry.split()
            status = "hold" if hold else "install"
            records.append(f"Package: {name}\nStatus: {status} ok installed\nArchitecture: amd64\nVersion: {version}\n")
        self.write("/var/lib/dpkg/status", "\n".join(records))

    def offers(self, *entries: str) -> None:
        """Package lists of NVIDIA's repository: ``name version``."""
        stem = "/var/lib/apt/lists/developer.download.nvidia.com_compute_cuda_repos_ubuntu2404_x86%5f64_"
        self.write(f"{stem}InRelease", "Origin: NVIDIA\nLabel: NVIDIA CUDA\n")
        text = "\n".join("Package: {}\nVersion: {}\n".format(*entry.split()) for entry in entries)
        self.write(f"{stem}Packages", text)

    def process(
        self, pid: int, command: str, devices: tuple[str, ...], *, uid: int = 1000, cgroup: str = "", maps: str = ""
    ) -> None:
        base = f"/proc/{pid}"
        self.write(f"{base}/comm", command.split()[0].rsplit("/", 1)[-1][:15] + "\n")
        self.write(f"{base}/cmdline", command.replace(" ", "\0") + "\0")
        self.write(f"{base}/status", f"Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
        self.write(f"{base}/cgroup", cgroup)
        self.write(f"{base}/maps", maps)
        (self.root / f"proc/{pid}/fd").mkdir(parents=True)
        for number, device in enumerate(devices, 3):
            self.link(f"{base}/fd/{number}", device)

    def secure_boot(self, on: bool) -> None:
        guid = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
        self.write(f"/sys/firmware/efi/efivars/SecureBoot-{guid}", bytes((6, 0, 0, 0, int(on))))
