# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernels of a host and the NVIDIA driver that each of them would load."""

from __future__ import annotations

import contextlib
import os
import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import dkms, next_boot
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.kernel_module import ModuleFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    OPEN,
    PROPRIETARY,
    Kernel,
    ModuleOnDisk,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.releases import sort_key

MODULES = "/lib/modules"
# Debian calls its module nvidia-current.ko, and gives it the name nvidia by an alias of modprobe.
_MODULE = re.compile(
    r"^nvidia(?!.*(?:uvm|modeset|drm|peermem))(?:-(?:current|tesla|legacy|open|\d+)[\w.-]*?)?\.ko(?:\.(?:gz|xz|zst))?\Z"
)
# In the order in which depmod takes them (depmod.d(5): 'search updates ... built-in').
_PLACES = ("updates", "extra", "weak-updates", "kernel/drivers/video")
_RUNFILE_PLACE = "kernel/drivers/video"


def kernels(host: Host, commands: Commands, *, detail: bool = True) -> tuple[Kernel, ...]:
    """Every installed kernel, the oldest first, and the running one even if it is gone from the disk.

    ``detail`` reads compressed modules too, for flavour and signature; without it, versions come from where they cost
    nothing.
    """
    running = (host.read_text("/proc/sys/kernel/osrelease") or "").strip()
    releases = [name for name in host.names(MODULES) if _is_kernel(host, name)]
    if running and running not in releases:
        releases.append(running)
    boots = next_boot.release(host, releases, running)
    built = dkms.built(host)
    known = dkms.registered(host)
    found = []
    for release in sorted(releases, key=sort_key):
        module = _module(host, commands, release, built.get(release, ""), detail)
        found.append(
            Kernel(
                release=release,
                installed=host.exists(f"{MODULES}/{release}"),
                running=release == running,
                boots_next=release == boots,
                headers=has_headers(host, release),
                module=module,
                registered=known if module is None else "",
            )
        )
    return tuple(found)


def has_headers(host: Host, release: str) -> bool:
    """Whether modules can be built for a kernel here."""
    build = f"{MODULES}/{release}/build"
    with contextlib.suppress(OSError):
        build = os.path.normpath(os.path.join(os.path.dirname(build), os.readlink(host.path(build))))
    places = (build, f"/usr/src/linux-headers-{release}", f"/usr/src/kernels/{release}")
    return any(host.exists(f"{place}/Makefile") for place in places)


def _is_kernel(host: Host, release: str) -> bool:
    # A removed kernel can leave a folder behind in which nothing but DKMS' modules are.
    return any(host.exists(f"{MODULES}/{release}/{name}") for name in ("modules.order", "kernel", "vmlinuz")) or (
        has_headers(host, release)
    )


def _module(host: Host, commands: Commands, release: str, built: str, detail: bool) -> ModuleOnDisk | None:
    path = _path(host, release)
    if path is None:
        return None
    origin = "dkms" if built else "runfile" if f"/{_RUNFILE_PLACE}/" in path else "prebuilt"
    if built and not detail and not path.endswith(".ko"):
        return ModuleOnDisk(path, built, origin=origin)
    file = ModuleFile(host.path(path))
    fields, signed, signer = file.fields, file.signed, file.signer
    if not file.readable and (detail or not built):
        fields = _modinfo(host, commands, path)
        signed, signer = bool(fields.get("sig_id") or fields.get("signer")), fields.get("signer", "")
    licence = fields.get("license", "")
    return ModuleOnDisk(
        path=path,
        version=fields.get("version", "") or built,
        flavour="" if not licence else PROPRIETARY if licence == "NVIDIA" else OPEN,
        origin=origin,
        signed=signed if fields else None,
        signer=signer,
    )


def _path(host: Host, release: str) -> str | None:
    base = f"{MODULES}/{release}"
    # Ubuntu's prebuilt modules: kernel/nvidia-535srv-open/nvidia.ko
    prebuilt = [f"kernel/{name}" for name in host.names(f"{base}/kernel") if name.startswith("nvidia-")]
    for place in (*_PLACES[:3], *prebuilt, _PLACES[3]):
        root = host.path(f"{base}/{place}")
        for folder, _folders, names in os.walk(root):
            name = next(filter(_MODULE.match, sorted(names)), None)
            if name is not None:
                return os.path.normpath(f"{base}/{place}/{os.path.relpath(folder, root)}/{name}")
    return None


def _modinfo(host: Host, commands: Commands, path: str) -> dict[str, str]:
    """By the program modinfo: Python's library cannot unpack zstd, with which Ubuntu 24.04 packs modules."""
    program = host.which("modinfo")
    if program is None:
        return {}
    try:
        result = commands.run([program, host.path(path)], purpose="read the driver's module", timeout=60, check=False)
    except CommandError:
        return {}
    pairs = (line.partition(":") for line in result.out.splitlines())
    found: dict[str, str] = {}
    for name, _colon, value in pairs:
        found.setdefault(name.strip(), value.strip())
    return found
