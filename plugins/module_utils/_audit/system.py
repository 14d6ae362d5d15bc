# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packages of the operating system that an audit is about, and what is there of NVIDIA's."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.owners import Owners
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import gpu_packages, loaded, on_disk, toolkits

# What Python, the driver, containers and the network of a GPU host are made of, by source package.
_STACK = re.compile(
    r"python3?(?:\.?[0-9]+)?|glibc|openssl|zlib|libffi|sqlite3?|expat|bzip2|xz(?:-utils)?|gcc(?:-[0-9]+)?|linux(?:-.+)?"
    r"|kernel(?:-.+)?|dkms|containerd(?:\.io)?|docker(?:\.io|-ce)?|runc|podman|crun|slurm(?:-.+)?|openmpi|ucx|rdma-core"
)
NVIDIA = "NVIDIA"
_CONTAINER_TOOLKIT = "nvidia-container-toolkit"
_DCGM = re.compile(r"datacenter-gpu-manager(?:-4-core)?")


def told(host: Host, commands: Commands, which: str) -> dict[str, t.Any]:
    """The packages C(all), or those of the C(stack), each with its owner, and the products of NVIDIA."""
    found = Owners(host, commands)
    of_nvidia = gpu_packages.installed(host, commands, host.distribution().family)
    theirs = {item.name for item in of_nvidia if not gpu_packages.from_archive(item.version)}
    packages = []
    for owner in found.everything():
        if owner.kind == "deb" and owner.package in theirs:
            owner = owner._replace(vendor=NVIDIA)
        if which == "all" or owner.package in theirs or _STACK.fullmatch(owner.source):
            packages.append(owner)
    return {
        "system": found.system,
        "owned": [owner._asdict() for owner in packages],
        "products": _products(host, commands, {item.name: item.version for item in of_nvidia}),
        "packages": [],
        "problems": [] if packages else [_unseen()],
    }


def _products(host: Host, commands: Commands, packages: t.Mapping[str, str]) -> list[dict[str, str]]:
    found: set[tuple[str, str]] = set()
    running = loaded.read(host)
    if running is not None:
        found.add(("driver", running.version))
    for kernel in on_disk.kernels(host, commands, detail=False):
        if kernel.module is not None and (kernel.running or kernel.boots_next) and kernel.module.version:
            found.add(("driver", kernel.module.version))
    found.update(("cuda-toolkit", _three(item.version)) for item in toolkits.find(host, packages))
    for name, version in packages.items():
        product = "container-toolkit" if name == _CONTAINER_TOOLKIT else "dcgm" if _DCGM.fullmatch(name) else ""
        if product:
            found.add((product, version.rpartition(":")[2].partition("-")[0]))
    return [{"product": product, "version": version} for product, version in sorted(found)]


def _three(version: str) -> str:
    """A toolkit's folder may name two numbers alone."""
    return version if version.count(".") >= 2 else f"{version}.0"


def _unseen() -> dict[str, str]:
    return {"kind": "not_audited", "package": "", "text": "neither dpkg nor rpm tells of a package"}
