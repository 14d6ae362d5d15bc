# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that work, by the packages that they have: names, versions and sources as the packages' makers give them.

Which names belong together was told in public reports and in Canonical's, Debian's and NVIDIA's packaging; the versions
are examples. A line is a name, and what differs from the host's common version and source.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import gpu_packages
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.driver.model_host import (
    DEBIAN,
    ROCKY9,
    ROCKY10,
    UBUNTU,
)

_GLVND = """
libnvidia-egl-wayland1 1:1.1.13-1build1 egl-wayland
"""
_EGL_OF_NVIDIA = """
libnvidia-egl-wayland1 1:1.1.20-1ubuntu1 egl-wayland
libnvidia-egl-gbm1 1.1.2.1-1ubuntu1 egl-gbm
libnvidia-egl-xcb1 1.0.3-1ubuntu1 egl-x11
libnvidia-egl-xlib1 1.0.3-1ubuntu1 egl-x11
"""
_ARCHIVE = """
libnvidia-cfg1-{b}
libnvidia-common-{b}
libnvidia-compute-{b}
libnvidia-decode-{b}
libnvidia-encode-{b}
libnvidia-extra-{b}
libnvidia-fbc1-{b}
libnvidia-gl-{b}
nvidia-compute-utils-{b}
nvidia-kernel-common-{b}
nvidia-utils-{b}
xserver-xorg-video-nvidia-{b}
"""
_ARCHIVE_CLOSED = """
nvidia-dkms-{b}
nvidia-driver-{b}
nvidia-kernel-source-{b}
"""
_ARCHIVE_OPEN = """
nvidia-dkms-{b}-open
nvidia-driver-{b}-open
nvidia-kernel-source-{b}-open
"""
_DEBIAN_OF_NVIDIA = """
firmware-nvidia-gsp
libcuda1
libcudadebugger1
libegl-nvidia0
libgles-nvidia1
libglx-nvidia0
libnvcuvid1
libnvidia-allocator1
libnvidia-api1
libnvidia-cfg1
libnvidia-eglcore
libnvidia-encode1
libnvidia-fbc1
libnvidia-glcore
libnvidia-glvkspirv
libnvidia-gpucomp
libnvidia-ml1
libnvidia-ngx1
libnvidia-nvvm4
libnvidia-opticalflow1
libnvidia-pkcs11-openssl3
libnvidia-present
libnvidia-ptxjitcompiler1
libnvidia-rtcore
libnvidia-sandboxutils
libnvidia-vksc-core
libnvoptix1
nvidia-driver
nvidia-driver-cuda
nvidia-driver-libs
nvidia-egl-icd
nvidia-kernel-support
nvidia-modprobe
nvidia-opencl-icd
nvidia-persistenced
nvidia-settings
nvidia-vdpau-driver
nvidia-vulkan-icd
xserver-xorg-video-nvidia
"""
_RHEL = """
libnvidia-cfg
libnvidia-fbc
libnvidia-ml
nvidia-driver
nvidia-driver-cuda
nvidia-driver-cuda-libs
nvidia-driver-libs
nvidia-kmod-common
nvidia-libXNVCtrl - nvidia-settings
nvidia-modprobe - nvidia-modprobe
nvidia-persistenced - nvidia-persistenced
nvidia-settings - nvidia-settings
nvidia-xconfig - nvidia-xconfig
xorg-x11-nvidia
egl-wayland 1.1.13.1-3.el9 egl-wayland
egl-gbm 2:1.1.2-3.el9 egl-gbm
"""


@dataclass(frozen=True)
class RealHost:
    """A host, and the desired state of what it has: ``desired`` are fields of a target."""

    distribution: Distribution
    version: str
    made_from: str
    listing: str
    desired: t.Mapping[str, t.Any] = field(default_factory=dict)
    driver: str = ""
    vendor: str = ""
    nvswitches: bool = False

    def packages(self, *, held: bool = True) -> tuple[gpu_packages.Package, ...]:
        """The packages, as they are read from a host."""
        found = []
        for line in self.listing.format(b=self.suffix).split("\n"):
            if not line.strip():
                continue
            name, version, made_from, stands_for, *_rest = [*line.split(), "-", "-", "-", "-"][:4]
            version = self.version if version == "-" else version
            made_from = self.made_from if made_from == "-" else made_from
            stands_for = "" if stands_for == "-" else stands_for
            found.append(
                gpu_packages.Package(name, version, held, self.vendor, made_from=made_from, stands_for=stands_for)
            )
        return tuple(found)

    @property
    def suffix(self) -> str:
        server = self.desired.get("server", False) and self.desired.get("source") == "distribution"
        return f"{self.branch}{'-server' if server else ''}"

    @property
    def branch(self) -> str:
        return self.present.partition(".")[0]

    @property
    def present(self) -> str:
        """The driver's version."""
        return self.driver or self.version.rpartition(":")[2].partition("-")[0]


ARCHIVE: dict[str, t.Any] = {"source": "distribution"}
HOSTS = {
    "HGX A100, Ubuntu's server branch, closed": RealHost(
        UBUNTU,
        "580.173.02-0ubuntu0.24.04.1",
        "nvidia-graphics-drivers-580-server",
        _ARCHIVE
        + _ARCHIVE_CLOSED
        + _GLVND
        + "nvidia-firmware-580-server-580.173.02\nnvidia-fabricmanager-580 - fabric-manager-580\n",
        {**ARCHIVE, "flavour": "proprietary", "server": True},
        nvswitches=True,
    ),
    "desktop, Ubuntu's branch, open, with firmware of two earlier releases": RealHost(
        UBUNTU,
        "580.142-0ubuntu0.24.04.1",
        "nvidia-graphics-drivers-580",
        _ARCHIVE
        + _ARCHIVE_OPEN
        + _GLVND
        + "nvidia-firmware-580-580.142\nnvidia-firmware-580-580.119.02 580.119.02-0ubuntu0.24.04.1\n"
        "nvidia-firmware-580-580.95.05 580.95.05-0ubuntu0.24.04.1\n"
        "nvidia-settings 510.47.03-0ubuntu4 nvidia-settings\nnvidia-prime 0.8.17.2 nvidia-prime\n",
        {**ARCHIVE, "server": False},
    ),
    "a dummy of 570 on a 580 host": RealHost(
        UBUNTU,
        "580.142-0ubuntu0.24.04.1",
        "nvidia-graphics-drivers-580",
        _ARCHIVE + _ARCHIVE_OPEN + _GLVND + "nvidia-firmware-580-580.142\n"
        "nvidia-driver-570-open 570.211.01-0ubuntu1.24.04.1 nvidia-graphics-drivers-570 580\n",
        {**ARCHIVE, "server": False},
    ),
    "cloud host, headless, modules built already": RealHost(
        UBUNTU,
        "580.159.03-0ubuntu0.24.04.1",
        "nvidia-graphics-drivers-580-server",
        "libnvidia-cfg1-{b}\nlibnvidia-compute-{b}\n"
        "nvidia-compute-utils-{b}\nnvidia-kernel-common-{b}\nnvidia-utils-{b}\n"
        "nvidia-kernel-source-{b}-open\nnvidia-headless-no-dkms-{b}-open\nnvidia-firmware-{b}-580.159.03\n"
        "linux-modules-nvidia-{b}-open-6.8.0-45-generic 6.8.0-45.45+1 linux-restricted-modules\n"
        "linux-modules-nvidia-{b}-open-gcp 6.8.0-45.45+1 linux-restricted-modules\n"
        "linux-objects-nvidia-{b}-6.8.0-45-generic 6.8.0-45.45+1 linux-restricted-modules\n"
        "linux-signatures-nvidia-6.8.0-45-generic 6.8.0-45.45+1 linux-restricted-modules\n"
        "libnvidia-nscq-580 - libnvidia-nscq-580\nnvidia-fabricmanager-580 - fabric-manager-580\n",
        {**ARCHIVE, "modules": "prebuilt", "libraries": "compute", "server": True},
        nvswitches=True,
    ),
    "NVIDIA's repository for Ubuntu, 580, open, all of it": RealHost(
        UBUNTU,
        "580.95.05-0ubuntu1",
        "nvidia-graphics-drivers-580",
        _ARCHIVE
        + _ARCHIVE_OPEN
        + _EGL_OF_NVIDIA
        + "nvidia-firmware-580\nlibnvidia-gpucomp-580\nnvidia-open-580 580.95.05-1 nvidia-open\n"
        "nvidia-persistenced - nvidia-persistenced\n"
        "nvidia-modprobe - nvidia-modprobe\nnvidia-settings - nvidia-settings\n"
        "screen-resolution-extra 0.18.3ubuntu0.24.04.1 screen-resolution-extra\n"
        "nvidia-driver-assistant 0.46.126.20-1 nvidia-driver-assistant\n"
        "nvidia-driver-local-repo-ubuntu2404-580.95.05 1.0-1 nvidia-driver-local-repo-ubuntu2404-580.95.05\n",
    ),
    "NVIDIA's repository for Ubuntu, firmware with the version in its name": RealHost(
        UBUNTU,
        "550.54.15-0ubuntu1",
        "nvidia-graphics-drivers-550",
        _ARCHIVE + _ARCHIVE_OPEN + _EGL_OF_NVIDIA + "nvidia-firmware-550-550.54.15\n"
        "nvidia-open-550 550.54.15-1 nvidia-open\n",
    ),
    "NVIDIA's repository for Ubuntu, without a branch in the names": RealHost(
        UBUNTU,
        "595.58.03-1ubuntu1",
        "nvidia-graphics-drivers",
        "nvidia-driver-open\nnvidia-open - nvidia-open\n"
        "nvidia-dkms-open\nnvidia-kernel-source-open\nnvidia-kernel-common\n"
        "nvidia-firmware\nnvidia-modprobe\nnvidia-persistenced\nnvidia-settings\nlibnvidia-cfg1\nlibnvidia-common\n"
        "libnvidia-decode\nlibnvidia-encode\nlibnvidia-fbc1\n"
        "libnvidia-gpucomp\nlibnvidia-compute\nlibnvidia-gl\nlibxnvctrl0\n"
        "xserver-xorg-video-nvidia\nlibnvidia-of-tomorrow\nnvidia-driver-pinning-595 595-1 nvidia-driver-pinning\n"
        + _EGL_OF_NVIDIA,
    ),
    "HGX B200, NVIDIA's repository": RealHost(
        UBUNTU,
        "580.95.05-0ubuntu1",
        "nvidia-graphics-drivers-580",
        _ARCHIVE + _ARCHIVE_OPEN + _EGL_OF_NVIDIA + "nvidia-firmware-580\nnvidia-open-580 580.95.05-1 nvidia-open\n"
        "nvidia-fabricmanager 580.95.05-1 fabricmanager\n"
        "libnvidia-nscq 580.95.05-1 nscq\nlibnvsdm 580.95.05-1 nvsdm\n"
        "nvidia-imex 580.95.05-1 imex\nnvlsm 2025.10.11-1 nvlsm\n",
        nvswitches=True,
    ),
    "NVIDIA's repository for Debian 12, open": RealHost(
        DEBIAN,
        "580.105.08-1",
        "nvidia-driver",
        _DEBIAN_OF_NVIDIA + "nvidia-kernel-open-dkms - nvidia-kernel-open-dkms\nnvidia-open-580.105.08 - nvidia-open\n",
    ),
    "NVIDIA's repository for Debian 12, closed, with a toolkit": RealHost(
        DEBIAN,
        "595.58.03-1",
        "nvidia-driver",
        _DEBIAN_OF_NVIDIA + "nvidia-kernel-dkms\nlibnvidia-egl-gbm1 1.1.3-1 egl-gbm\ncuda-drivers - cuda-drivers\n"
        "libnvidia-egl-wayland21 1.0.1-1 egl-wayland2\ncuda-toolkit-13-2 13.2.0-1 cuda-toolkit-13-2\n"
        "libnvidia-container1 1.19.0-1 libnvidia-container\n"
        "nvidia-container-toolkit 1.19.0-1 nvidia-container-toolkit\n",
        {"flavour": "proprietary"},
    ),
    "NVIDIA's repository for Debian 12, compute only": RealHost(
        DEBIAN,
        "570.158.01-1",
        "nvidia-driver",
        "nvidia-driver-cuda\nnvidia-kernel-open-dkms\nnvidia-kernel-support\n"
        "libcuda1\nlibnvidia-ml1\nfirmware-nvidia-gsp\n"
        "libnvidia-ptxjitcompiler1\nlibnvidia-cfg1\nnvidia-persistenced\nnvidia-modprobe\nnvidia-opencl-icd\n",
        {"libraries": "compute"},
    ),
    "Debian's own driver": RealHost(
        DEBIAN,
        "535.309.01-1~deb12u1",
        "nvidia-graphics-drivers",
        "firmware-nvidia-gsp\nlibcuda1\nlibegl-nvidia0\n"
        "libgl1-nvidia-glvnd-glx\nlibglx-nvidia0\nlibnvidia-cfg1\nlibnvidia-ml1\n"
        "libnvidia-glcore\nlibnvidia-eglcore\nnvidia-alternative\n"
        "nvidia-driver\nnvidia-driver-bin\nnvidia-driver-libs\n"
        "nvidia-egl-common\nnvidia-egl-icd\nnvidia-kernel-dkms\n"
        "nvidia-kernel-support\nnvidia-legacy-check\nnvidia-smi\n"
        "nvidia-vdpau-driver\nxserver-xorg-video-nvidia\nnvidia-kernel-common 20220217+3~deb12u1 nvidia-support\n"
        "nvidia-modprobe 535.161.07-1~deb12u1 nvidia-modprobe\n"
        "nvidia-persistenced 535.171.04-1~deb12u1 nvidia-persistenced\n"
        "nvidia-settings 535.216.01-1~deb12u1 nvidia-settings\nlibnvidia-egl-wayland1 1:1.1.10-1 egl-wayland\n"
        "glx-alternative-nvidia 1.2.2 glx-alternatives\n"
        "libnvidia-ml-dev 11.8.89~11.8.0-5~deb12u1 nvidia-cuda-toolkit\n",
        {**ARCHIVE, "branch": "", "flavour": "proprietary"},
    ),
    "Enterprise Linux 9, open": RealHost(
        ROCKY9,
        "3:570.124.06-1.el9",
        "nvidia-driver",
        _RHEL + "kmod-nvidia-open-dkms - kmod-nvidia-open-dkms\n"
        "nvidia-open - nvidia-open\ndnf-plugin-nvidia 2.1-2.el9 dnf-plugin-nvidia\n"
        "nvidia-driver-local-repo-rhel9-570.124.06 1.0-1 nvidia-driver-local-repo-rhel9-570.124.06\n",
        vendor="NVIDIA",
    ),
    "Enterprise Linux 9, compute only": RealHost(
        ROCKY9,
        "3:570.133.20-1.el9",
        "nvidia-driver",
        "nvidia-driver-cuda-libs\nnvidia-driver-cuda\nlibnvidia-ml\n"
        "libnvidia-cfg\nnvidia-kmod-common\nnvidia-persistenced\n"
        "kmod-nvidia-open-dkms\nnvidia-modprobe\n",
        {"libraries": "compute"},
        vendor="NVIDIA",
    ),
    "Enterprise Linux 10, closed, by single packages": RealHost(
        ROCKY10,
        "3:580.82.07-1.el10",
        "nvidia-driver",
        _RHEL + "libnvidia-gpucomp\n"
        "kmod-nvidia-latest-dkms - kmod-nvidia-latest-dkms\ncuda-drivers 580.82.07-1 cuda-drivers\n"
        "nvidia-fabricmanager 580.82.07-1 nvidia-fabricmanager\nnvlsm 2025.10.11-1 nvlsm\n",
        {"flavour": "proprietary"},
        vendor="NVIDIA",
        nvswitches=True,
    ),
}
