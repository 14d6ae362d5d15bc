# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages that a driver consists of, and those that must fit it, by repository: whole names, never beginnings.

A line that begins at the margin has the columns, the indented ones below it the names. C(piece) is what a package is
for. C(from) and C(until) are the first and the last branch of which the names hold. C(version) says which version a
package has: C(driver) the driver's own; C(like) the driver's where it comes from the driver's repository, and else one
of its own; C(named) the driver's, which stands in the name too; C(kernel) that of the kernel; C(own) any. C(only) names
the flavour, or the kind of modules, that needs the package.

In names, ``{branch}`` is the branch, ``{server}`` and ``{open}`` are C(-server) and C(-open) or nothing, ``{version}``
is a driver's version and ``{kernel}`` a kernel's release.
"""

from __future__ import annotations

TABLE = """
repository | piece | from | until | version | only | status | source
ubuntu | libraries | | | driver | | verified | ubuntu-control
    libnvidia-cfg1-{branch}{server} libnvidia-common-{branch}{server} libnvidia-compute-{branch}{server}
    libnvidia-decode-{branch}{server} libnvidia-encode-{branch}{server} libnvidia-extra-{branch}{server}
    libnvidia-fbc1-{branch}{server} libnvidia-gl-{branch}{server} libnvidia-ifr1-{branch}{server}
ubuntu | firmware | | | driver | | verified | ubuntu-control
    nvidia-kernel-common-{branch}{server}
ubuntu | firmware | | | named | | verified | ubuntu-control
    nvidia-firmware-{branch}{server}-{version}
ubuntu | kernel_module | | | driver | | verified | ubuntu-control
    nvidia-kernel-source-{branch}{server}{open}
ubuntu | kernel_module | | | driver | dkms | verified | ubuntu-control
    nvidia-dkms-{branch}{server}{open}
ubuntu | kernel_module | | | kernel | prebuilt | verified | ubuntu-packages
    linux-modules-nvidia-{branch}{server}{open}-{kernel} linux-objects-nvidia-{branch}{server}-{kernel}
    linux-signatures-nvidia-{kernel}
ubuntu | tools | | | driver | | verified | ubuntu-control
    nvidia-utils-{branch}{server}
ubuntu | persistence_daemon | | | driver | | verified | ubuntu-control
    nvidia-compute-utils-{branch}{server}
ubuntu | metapackage | | | driver | | verified | ubuntu-control
    nvidia-headless-no-dkms-{branch}{server}{open} xserver-xorg-video-nvidia-{branch}{server}
ubuntu | metapackage | | | driver | dkms | verified | ubuntu-control
    nvidia-driver-{branch}{server}{open} nvidia-headless-{branch}{server}{open}
ubuntu | fabric_manager | | | driver | | verified | ubuntu-packages
    nvidia-fabricmanager-{branch}
ubuntu | imex | | | driver | | secondary | ubuntu-packages
    nvidia-imex-{branch}
ubuntu | nscq | | | driver | | verified | ubuntu-packages
    libnvidia-nscq-{branch}
ubuntu | nvsdm | | | driver | | memory | memory
    libnvsdm-{branch}
ubuntu | beside | | | own | | verified | ubuntu-control
    nvidia-settings nvidia-modprobe nvidia-xconfig libxnvctrl0 nvidia-prime
nvidia-apt | libraries | | 589 | driver | | verified | driver-guide
    libnvidia-cfg1-{branch} libnvidia-common-{branch} libnvidia-compute-{branch} libnvidia-decode-{branch}
    libnvidia-encode-{branch} libnvidia-extra-{branch} libnvidia-fbc1-{branch} libnvidia-gl-{branch}
    libnvidia-gpucomp-{branch}
nvidia-apt | libraries | 590 | | driver | | verified | driver-guide
    libnvidia-cfg1 libnvidia-common libnvidia-compute libnvidia-decode libnvidia-encode libnvidia-extra
    libnvidia-fbc1 libnvidia-gl libnvidia-gpucomp
nvidia-apt | firmware | | 589 | driver | | secondary | apt-reports
    nvidia-kernel-common-{branch} nvidia-firmware-{branch}
nvidia-apt | firmware | | 579 | named | | secondary | apt-reports
    nvidia-firmware-{branch}-{version}
nvidia-apt | firmware | 590 | | driver | | secondary | apt-reports
    nvidia-kernel-common nvidia-firmware
nvidia-apt | kernel_module | | 589 | driver | | verified | driver-guide
    nvidia-kernel-source-{branch}{open}
nvidia-apt | kernel_module | | 589 | driver | dkms | verified | driver-guide
    nvidia-dkms-{branch}{open}
nvidia-apt | kernel_module | 590 | | driver | | verified | driver-guide
    nvidia-kernel-source{open}
nvidia-apt | kernel_module | 590 | | driver | dkms | verified | driver-guide
    nvidia-dkms{open}
nvidia-apt | tools | | 589 | driver | | secondary | apt-reports
    nvidia-utils-{branch}
nvidia-apt | tools | 590 | | driver | | memory | memory
    nvidia-utils
nvidia-apt | persistence_daemon | | 589 | driver | | secondary | apt-reports
    nvidia-compute-utils-{branch}
nvidia-apt | persistence_daemon | 590 | | driver | | secondary | apt-reports
    nvidia-compute-utils
nvidia-apt | persistence_daemon | 580 | | like | | secondary | apt-reports
    nvidia-persistenced
nvidia-apt | metapackage | | 589 | driver | | secondary | apt-reports
    nvidia-headless-no-dkms-{branch}{open} xserver-xorg-video-nvidia-{branch}
nvidia-apt | metapackage | | 589 | driver | dkms | secondary | apt-reports
    nvidia-driver-{branch}{open} nvidia-headless-{branch}{open}
nvidia-apt | metapackage | 590 | | driver | | secondary | apt-reports
    nvidia-headless-no-dkms{open} xserver-xorg-video-nvidia
nvidia-apt | metapackage | 590 | | driver | dkms | secondary | apt-reports
    nvidia-driver{open} nvidia-headless{open}
nvidia-apt | metapackage | | 589 | driver | proprietary | verified | driver-role
    cuda-drivers-{branch}
nvidia-apt | metapackage | | | driver | proprietary | verified | driver-guide
    cuda-drivers
nvidia-apt | metapackage | | 589 | driver | open | verified | driver-guide
    nvidia-open-{branch}
nvidia-apt | metapackage | | | driver | open | verified | driver-guide
    nvidia-open
nvidia-apt | metapackage | | | driver | | secondary | apt-reports
    nvidia-drivers
nvidia-apt | fabric_manager | | 579 | driver | | verified | azhpc-images
    nvidia-fabricmanager-{branch}
nvidia-apt | fabric_manager | 580 | | driver | | verified | azhpc-images
    nvidia-fabricmanager
nvidia-apt | imex | | 579 | driver | | verified | driver-container
    nvidia-imex-{branch}
nvidia-apt | imex | 580 | | driver | | verified | driver-container
    nvidia-imex
nvidia-apt | nscq | | 579 | driver | | verified | driver-container
    libnvidia-nscq-{branch}
nvidia-apt | nscq | 580 | | driver | | verified | driver-container
    libnvidia-nscq
nvidia-apt | nvsdm | | 579 | driver | | verified | driver-container
    libnvsdm-{branch}
nvidia-apt | nvsdm | 580 | | driver | | verified | driver-container
    libnvsdm
nvidia-apt | beside | | | like | | secondary | apt-reports
    nvidia-settings nvidia-modprobe nvidia-xconfig libxnvctrl0
nvidia-debian | libraries | | | driver | | secondary | apt-reports
    libcuda1 libcudadebugger1 libegl-nvidia0 libgles-nvidia1 libgles-nvidia2 libglx-nvidia0 libnvcuvid1
    libnvidia-allocator1 libnvidia-api1 libnvidia-cfg1 libnvidia-eglcore libnvidia-encode1 libnvidia-fbc1
    libnvidia-glcore libnvidia-glvkspirv libnvidia-gpucomp libnvidia-ml1 libnvidia-ngx1 libnvidia-nvvm4
    libnvidia-nvvm704 libnvidia-opticalflow1 libnvidia-pkcs11-openssl3 libnvidia-present libnvidia-ptxjitcompiler1
    libnvidia-rtcore libnvidia-sandboxutils libnvidia-tileiras libnvidia-vksc-core libnvoptix1 nvidia-driver-libs
    nvidia-egl-icd nvidia-opencl-icd nvidia-vdpau-driver nvidia-vulkan-icd
nvidia-debian | firmware | | | driver | | secondary | apt-reports
    firmware-nvidia-gsp nvidia-kernel-support
nvidia-debian | kernel_module | | | driver | open | secondary | apt-reports
    nvidia-kernel-open-dkms
nvidia-debian | kernel_module | | 614 | driver | proprietary | secondary | apt-reports
    nvidia-kernel-dkms
nvidia-debian | tools | | | driver | | secondary | apt-reports
    nvidia-driver-cuda
nvidia-debian | tools | | 569 | driver | | memory | memory
    nvidia-smi
nvidia-debian | persistence_daemon | | | like | | secondary | apt-reports
    nvidia-persistenced
nvidia-debian | metapackage | | | driver | | secondary | apt-reports
    nvidia-driver xserver-xorg-video-nvidia
nvidia-debian | metapackage | | | driver | open | secondary | apt-reports
    nvidia-open
nvidia-debian | metapackage | | | named | open | secondary | apt-reports
    nvidia-open-{version}
nvidia-debian | metapackage | | | driver | proprietary | secondary | apt-reports
    cuda-drivers
nvidia-debian | metapackage | | | named | proprietary | memory | memory
    cuda-drivers-{version}
nvidia-debian | fabric_manager | | 579 | driver | | memory | memory
    nvidia-fabricmanager-{branch}
nvidia-debian | fabric_manager | 580 | | driver | | memory | memory
    nvidia-fabricmanager
nvidia-debian | imex | | 579 | driver | | memory | memory
    nvidia-imex-{branch}
nvidia-debian | imex | 580 | | driver | | memory | memory
    nvidia-imex
nvidia-debian | nscq | | 579 | driver | | secondary | apt-reports
    libnvidia-nscq-{branch}
nvidia-debian | nscq | 580 | | driver | | memory | memory
    libnvidia-nscq
nvidia-debian | nvsdm | | 579 | driver | | memory | memory
    libnvsdm-{branch}
nvidia-debian | nvsdm | 580 | | driver | | memory | memory
    libnvsdm
nvidia-debian | beside | | | like | | secondary | apt-reports
    nvidia-settings nvidia-modprobe nvidia-xconfig libxnvctrl0
debian | libraries | | | driver | | verified | debian-12
    libcuda1 libcudadebugger1 libegl-nvidia0 libgl1-nvidia-glvnd-glx libgles-nvidia1 libgles-nvidia2
    libglx-nvidia0 libnvcuvid1 libnvidia-allocator1 libnvidia-api1 libnvidia-cfg1 libnvidia-eglcore
    libnvidia-encode1 libnvidia-fbc1 libnvidia-glcore libnvidia-glvkspirv libnvidia-ml1 libnvidia-ngx1
    libnvidia-nvvm4 libnvidia-opticalflow1 libnvidia-pkcs11-openssl3 libnvidia-ptxjitcompiler1 libnvidia-rtcore
    libnvoptix1 nvidia-driver-libs nvidia-egl-common nvidia-egl-icd nvidia-libopencl1 nvidia-opencl-common
    nvidia-opencl-icd nvidia-vdpau-driver nvidia-vulkan-common nvidia-vulkan-icd libnvidia-gpucomp
    libnvidia-sandboxutils libnvidia-present libnvidia-vksc-core
debian | firmware | | | driver | | verified | debian-12
    firmware-nvidia-gsp nvidia-kernel-support
debian | firmware | | | own | open | verified | debian-12
    nvidia-open-kernel-support
debian | kernel_module | | | driver | proprietary | verified | debian-12
    nvidia-kernel-dkms nvidia-kernel-source
debian | kernel_module | | | driver | open | verified | debian-12
    nvidia-open-kernel-dkms nvidia-open-kernel-source
debian | tools | | | driver | | verified | debian-12
    nvidia-smi nvidia-driver-bin
debian | persistence_daemon | | | own | | verified | debian-12
    nvidia-persistenced
debian | metapackage | | | driver | | verified | debian-12
    nvidia-driver nvidia-driver-full nvidia-alternative nvidia-legacy-check xserver-xorg-video-nvidia
    nvidia-suspend-common nvidia-powerd nvidia-detect nvidia-cuda-mps
debian | beside | | | own | | verified | debian-12
    nvidia-settings nvidia-modprobe nvidia-xconfig libxnvctrl0 nvidia-kernel-common nvidia-support
    nvidia-installer-cleanup
nvidia-dnf | libraries | | | driver | | verified | yum-packaging
    nvidia-driver-libs nvidia-driver-cuda-libs
nvidia-dnf | libraries | | 569 | driver | | verified | yum-packaging
    nvidia-driver-NVML nvidia-driver-NvFBCOpenGL nvidia-driver-devel
nvidia-dnf | libraries | 555 | | driver | | verified | yum-packaging
    libnvidia-ml libnvidia-cfg libnvidia-fbc libnvidia-gpucomp nvidia-driver-common
nvidia-dnf | firmware | | | driver | | verified | yum-packaging
    nvidia-kmod-common
nvidia-dnf | kernel_module | | | driver | proprietary | verified | yum-packaging
    kmod-nvidia-latest-dkms kmod-nvidia-{version}-{kernel} nvidia-kmod-headers
nvidia-dnf | kernel_module | | | driver | open | verified | yum-packaging
    kmod-nvidia-open-dkms nvidia-kmod-source
nvidia-dnf | tools | | | driver | | verified | yum-packaging
    nvidia-driver-cuda
nvidia-dnf | persistence_daemon | | | like | | verified | yum-packaging
    nvidia-persistenced
nvidia-dnf | metapackage | | | driver | | verified | yum-packaging
    nvidia-driver xorg-x11-nvidia
nvidia-dnf | metapackage | | | driver | proprietary | verified | driver-guide
    cuda-drivers
nvidia-dnf | metapackage | | | driver | open | verified | slurm-appliance
    nvidia-open
nvidia-dnf | fabric_manager | | 579 | driver | | verified | azhpc-images
    nvidia-fabric-manager
nvidia-dnf | fabric_manager | 580 | | driver | | verified | azhpc-images
    nvidia-fabricmanager
nvidia-dnf | imex | | | driver | | verified | container-el10
    nvidia-imex
nvidia-dnf | nscq | 580 | | driver | | verified | container-el10
    libnvidia-nscq
nvidia-dnf | nscq | | 579 | driver | | verified | yum-packaging
    libnvidia-nscq-{branch}
nvidia-dnf | nvsdm | | | driver | | verified | container-el10
    libnvsdm
nvidia-dnf | beside | | | like | | verified | yum-packaging
    nvidia-settings nvidia-modprobe nvidia-xconfig nvidia-libXNVCtrl nvidia-libXNVCtrl-devel
rpmfusion | kernel_module | | | driver | | verified | rpmfusion-specs
    akmod-nvidia kmod-nvidia kmod-nvidia-{kernel} dkms-nvidia xorg-x11-drv-nvidia-kmodsrc
rpmfusion | libraries | | | driver | | verified | rpmfusion-specs
    xorg-x11-drv-nvidia-libs xorg-x11-drv-nvidia-cuda-libs nvidia-x11-drv-libs
rpmfusion | tools | | | driver | | verified | rpmfusion-specs
    xorg-x11-drv-nvidia-cuda
rpmfusion | metapackage | | | driver | | verified | rpmfusion-specs
    xorg-x11-drv-nvidia xorg-x11-drv-nvidia-devel xorg-x11-drv-nvidia-power xorg-x11-drv-nvidia-xorg-libs
    nvidia-x11-drv
any | pinning | | | own | | verified | driver-guide
    nvidia-driver-pinning-{branch} nvidia-driver-pinning-{version}
any | container_toolkit | | | own | | verified | driver-guide
    nvidia-container-toolkit nvidia-container-toolkit-base libnvidia-container1 libnvidia-container-tools
    nvidia-container-runtime nvidia-docker2
any | dcgm | | | own | | secondary | apt-reports
    datacenter-gpu-manager datacenter-gpu-manager-4-core datacenter-gpu-manager-4-cuda-all
    datacenter-gpu-manager-4-cuda11 datacenter-gpu-manager-4-cuda12 datacenter-gpu-manager-4-cuda13
    datacenter-gpu-manager-4-proprietary datacenter-gpu-manager-4-multinode datacenter-gpu-manager-exporter
any | subnet_manager | | | own | | secondary | apt-reports
    nvlsm
any | egl_platform | | | own | | verified | ubuntu-control
    libnvidia-egl-gbm1 libnvidia-egl-wayland1 libnvidia-egl-wayland21 libnvidia-egl-xcb1 libnvidia-egl-xlib1
    egl-wayland egl-wayland2 egl-gbm egl-x11
"""
# Source packages of which every binary package is a part of a driver, as dpkg names them in C(Source) and rpm in
# C(SOURCERPM). What the same source built in the same version as a part that is known by name is one as well.
SOURCES = """
repository | name                                      | status   | source
ubuntu     | nvidia-graphics-drivers-{branch}{server}  | verified | ubuntu-control
debian     | nvidia-graphics-drivers                   | verified | debian-12
debian     | nvidia-open-gpu-kernel-modules            | verified | debian-12
nvidia-dnf | nvidia-driver                             | verified | yum-packaging
"""
