# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nouveau, the free driver: it takes the GPU first unless modprobe is told not to load it."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Nouveau

# In modprobe's order (modprobe.d(5)).
_FOLDERS = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
_BLOCK = re.compile(r"(?m)^\s*(?:blacklist\s+nouveau\b|install\s+nouveau\s+/(?:usr/)?bin/(?:false|true)\b)")
_COMMAND_LINE = re.compile(r"\b(?:modprobe\.blacklist=\S*\bnouveau\b|nouveau\.modeset=0\b)")
_IMAGES = ("/boot/initrd.img-{}", "/boot/initramfs-{}.img")


def read(host: Host, releases: t.Iterable[str]) -> Nouveau:
    """``releases`` are the installed kernels, whose initial file systems are looked at."""
    files = []
    for folder in _FOLDERS:
        for name in host.names(folder):
            path = f"{folder}/{name}"
            if name.endswith(".conf") and _BLOCK.search(host.read_text(path) or ""):
                files.append(path)
    on_command_line = bool(_COMMAND_LINE.search(host.read_text("/proc/cmdline") or ""))
    return Nouveau(
        loaded=host.exists("/sys/module/nouveau"),
        blocked=bool(files) or on_command_line,
        blocked_by=tuple(files) + (("/proc/cmdline",) if on_command_line else ()),
        initramfs=() if on_command_line else tuple(name for name in releases if _outdated(host, name, files)),
    )


def _outdated(host: Host, release: str, files: t.Sequence[str]) -> bool:
    """Whether the initial file system of a kernel that has nouveau was made before nouveau was blocked."""
    if not any(host.names(f"/lib/modules/{release}/kernel/drivers/gpu/drm/nouveau")):
        return False
    image = next(filter(host.exists, (form.format(release) for form in _IMAGES)), None)
    if image is None or not files:
        return image is not None
    made = os.stat(host.path(image)).st_mtime
    # Packages keep the date of their build on their files; when a file came here is its change time.
    return all(os.stat(host.path(path)).st_ctime > made for path in files)
