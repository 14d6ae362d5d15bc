# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel module that no kernel can load: a real ELF object with a real section of module information."""

from __future__ import annotations

import struct


def module_file(version: str, flavour: str) -> bytes:
    """The stand-in `nvidia.ko` of a driver; `flavour` is `open` or `proprietary`, which its licence tells."""
    licence = "Dual MIT/GPL" if flavour == "open" else "NVIDIA"
    information = "".join(
        f"{name}={value}\0"
        for name, value in (("version", version), ("license", licence), ("supported", "external"), ("name", "nvidia"))
    ).encode()
    names = b"\0.modinfo\0.shstrtab\0"
    header_size, entry_size = 64, 64
    information_at = header_size
    names_at = information_at + len(information)
    table_at = names_at + len(names)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(b"\x7fELF\x02\x01\x01" + bytes(9), 1, 62, 1, 0, 0, table_at, 0, header_size, 0, 0, entry_size, 3, 2),
    )

    def section(name_at: int, kind: int, at: int, size: int) -> bytes:
        return struct.pack("<IIQQQQIIQQ", name_at, kind, 0, 0, at, size, 0, 0, 1, 0)

    table = bytes(entry_size) + section(1, 1, information_at, len(information)) + section(10, 3, names_at, len(names))
    return header + information + names + table
