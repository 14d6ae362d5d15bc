# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's libraries on disk, and what containers are told of them."""

from __future__ import annotations

import os
import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_FOLDERS = (
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib",
    "/usr/local/nvidia/lib64",
)
_BELOW = ("", "/nvidia/current", "/nvidia", "/nvidia/tesla")
_LIBRARY = "libnvidia-ml.so.1"
_VERSION = re.compile(r"libnvidia-ml\.so\.(\d{3}\.\d+(?:\.\d+)?)")
_CDI = ("/etc/cdi", "/run/cdi")


def version(host: Host) -> str:
    """The version of the library by which everything asks the driver, or empty."""
    for folder in _FOLDERS:
        for below in _BELOW:
            try:
                match = _VERSION.search(os.readlink(host.path(f"{folder}{below}/{_LIBRARY}")))
            except OSError:
                continue
            if match:
                return match.group(1)
    return ""


def container_specifications(host: Host) -> tuple[tuple[str, str], ...]:
    """The CDI files for NVIDIA's devices, each with the driver version for which it was written.

    Containers that start by a file of another version find libraries that are gone
    (U(https://github.com/cncf-tags/container-device-interface)).
    """
    found = {}
    for folder in _CDI:
        for name in host.names(folder):
            text = host.read_text(f"{folder}/{name}") or ""
            if "nvidia.com/" in text:
                match = _VERSION.search(text)
                found[f"{folder}/{name}"] = match.group(1) if match else ""
    return tuple(sorted(found.items()))
