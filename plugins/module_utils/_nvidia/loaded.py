# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver runs now: C(/proc/driver/nvidia/version) and C(/sys/module)."""

from __future__ import annotations

import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import OPEN, PROPRIETARY, LoadedDriver

# 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  555.42.06  Release Build ...' and
# 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  418.67  Sat Apr  6 ...'
_LINE = re.compile(r"^NVRM version:\s*NVIDIA UNIX (?P<kind>.*?Kernel Module)(?: for \S+)?\s+(?P<version>\d+(?:\.\d+)+)")
_MODULES = ("nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_drm", "nvidia_peermem", "nvidia_fs", "gdrdrv")


def read(host: Host) -> LoadedDriver | None:
    """The loaded driver, or None. Its flavour is empty where only sysfs is there to tell."""
    loaded = tuple(name for name in _MODULES if host.exists(f"/sys/module/{name}"))
    text = host.read_text("/proc/driver/nvidia/version")
    if text is not None:
        version, flavour = parse(text)
        if version:
            return LoadedDriver(version, flavour, loaded)
    version = (host.read_text("/sys/module/nvidia/version") or "").strip()
    return LoadedDriver(version, "", loaded) if version else None


def parse(text: str) -> tuple[str, str]:
    """Version and flavour; empty where the text is none of the driver's."""
    match = _LINE.match(text)
    if match is None:
        return "", ""
    return match.group("version"), OPEN if "Open Kernel Module" in match.group("kind") else PROPRIETARY
