# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for RPM Fusion's packages of NVIDIA's driver, which hosts get mixed up with NVIDIA's own.

Names and relations are those of RPM Fusion's specifications: `xorg-x11-drv-nvidia-cuda` provides the names of NVIDIA's
metapackages, and `nvidia-persistenced` is called the same in both.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from ..package_specs import Package
from . import kernel_headers
from .driver_packages import LIBRARIES, daemon, nvidia_smi
from .kernel_module import module_file

# The first is one that NVIDIA's repository has too, and the last is newer than all of those.
VERSIONS = ("580.95.05", "595.45.04")
BUILT_HERE = f"kmod-nvidia-{kernel_headers.release()}"


def packages(system: str) -> Iterator[Package]:
    """RPM Fusion's repository, of el9 or el10; with the package that akmods would build on the host."""
    for version in VERSIONS:
        yield from _driver(system, version)


def _driver(system: str, version: str) -> Iterator[Package]:
    full = f"3:{version}"
    same, no_older = f"= {full}", f">= {full}"
    name = "xorg-x11-drv-nvidia"

    def part(name: str, *requires: str, vendor: str = "RPM Fusion", **fields: object) -> Package:
        return Package(name, full, f"1.{system}", tuple(requires), stand_in_for=name, vendor=vendor, **fields)  # type: ignore[arg-type]

    kmod = (f"nvidia-kmod {same}",)
    yield part("akmod-nvidia", f"{name}-kmodsrc {same}", f"nvidia-kmod-common {no_older}", provides=kmod)
    yield part(f"{name}-kmodsrc")
    module = f"/lib/modules/{kernel_headers.release()}/extra/nvidia"
    content = base64.b64encode(module_file(version, "proprietary")).decode()
    yield part(
        BUILT_HERE,
        f"nvidia-kmod-common {no_older}",
        vendor="",
        provides=kmod,
        after_install=f"mkdir -p {module} && echo {content} | base64 -d >{module}/nvidia.ko",
        before_removal=f"rm -r {module}",
    )
    common = (f"nvidia-kmod-common {same}",)
    yield part(name, f"nvidia-kmod {no_older}", f"{name}-libs {same}", provides=common)
    yield part(f"{name}-libs")
    library = f"{LIBRARIES['dnf']}/libnvidia-ml.so"
    yield part(
        f"{name}-cuda-libs",
        files={f"{library}.{version}": "stand-in\n"},
        links={f"{library}.1": f"libnvidia-ml.so.{version}"},
    )
    others = ("nvidia-driver", "nvidia-open")
    yield part(
        f"{name}-cuda",
        *(f"nvidia-kmod {no_older}", f"{name}-cuda-libs {same}", f"nvidia-persistenced {same}"),
        provides=(f"cuda-drivers = {version}.100", *(f"{other} = {full}-100" for other in others)),
        obsoletes=(f"cuda-drivers < {version}.100",),
        files={"/usr/bin/nvidia-smi": nvidia_smi(version)},
    )
    yield part("nvidia-persistenced", files=daemon("nvidia-persistenced", "nvidia-persistenced"))
