# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of a driver's packages, by archive and branch.

A row holds from its branch on until the next row of the same piece: C(580) took the branch out of the names of Fabric
Manager and its like, C(590) out of all names of NVIDIA's repository for apt. ``{branch}`` stands for the branch,
``{server}`` for C(-server) or nothing, ``{open}`` for C(-open) or nothing, ``{kernel}`` for a kernel's release.
"""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, number, rows

NVIDIA_APT, NVIDIA_DEBIAN, NVIDIA_DNF, UBUNTU, DEBIAN = "nvidia-apt", "nvidia-debian", "nvidia-dnf", "ubuntu", "debian"
TABLE = """
archive    | piece              | branch_from | name                                     | status   | source
nvidia-apt | proprietary        |             | cuda-drivers-{branch}                    | verified | driver-role
nvidia-apt | proprietary        | 590         | cuda-drivers                             | verified | driver-guide
nvidia-apt | open               |             | nvidia-open-{branch}                     | verified | driver-guide
nvidia-apt | open               | 590         | nvidia-open                              | verified | driver-guide
nvidia-apt | dkms               |             | nvidia-dkms-{branch}{open}               | verified | driver-guide
nvidia-apt | dkms               | 590         | nvidia-dkms{open}                        | verified | driver-guide
nvidia-apt | libraries          |             | libnvidia-compute-{branch}               | verified | driver-guide
nvidia-apt | libraries          | 590         | libnvidia-compute                        | verified | driver-guide
nvidia-apt | tools              |             | nvidia-utils-{branch}                    | memory   | memory
nvidia-apt | tools              | 590         | nvidia-utils                             | memory   | memory
nvidia-apt | persistence_daemon |             | nvidia-compute-utils-{branch}            | memory   | memory
nvidia-apt | persistence_daemon | 590         | nvidia-compute-utils                     | memory   | memory
nvidia-apt | fabric_manager     |             | nvidia-fabricmanager-{branch}            | verified | azhpc-images
nvidia-apt | fabric_manager     | 580         | nvidia-fabricmanager                     | verified | azhpc-images
nvidia-apt | imex               |             | nvidia-imex-{branch}                     | verified | driver-container
nvidia-apt | imex               | 580         | nvidia-imex                              | verified | driver-container
nvidia-apt | nscq               |             | libnvidia-nscq-{branch}                  | verified | driver-container
nvidia-apt | nscq               | 580         | libnvidia-nscq                           | verified | driver-container
nvidia-apt | nvsdm              |             | libnvsdm-{branch}                        | verified | driver-container
nvidia-apt | nvsdm              | 580         | libnvsdm                                 | verified | driver-container
nvidia-debian | dkms_proprietary |            | nvidia-kernel-dkms                       | secondary | apt-reports
nvidia-debian | dkms_open       |             | nvidia-kernel-open-dkms                  | secondary | apt-reports
nvidia-debian | tools           |             | nvidia-driver-cuda                       | secondary | apt-reports
nvidia-debian | driver          |             | nvidia-driver                            | secondary | apt-reports
nvidia-debian | fabric_manager  |             | nvidia-fabricmanager-{branch}            | memory   | memory
nvidia-debian | fabric_manager  | 580         | nvidia-fabricmanager                     | memory   | memory
nvidia-debian | imex            |             | nvidia-imex-{branch}                     | memory   | memory
nvidia-debian | imex            | 580         | nvidia-imex                              | memory   | memory
nvidia-debian | nscq            |             | libnvidia-nscq-{branch}                  | secondary | apt-reports
nvidia-debian | nscq            | 580         | libnvidia-nscq                           | memory   | memory
nvidia-debian | nvsdm           |             | libnvsdm-{branch}                        | memory   | memory
nvidia-debian | nvsdm           | 580         | libnvsdm                                 | memory   | memory
nvidia-dnf | proprietary        |             | cuda-drivers                             | verified | driver-guide
nvidia-dnf | open               |             | nvidia-open                              | verified | slurm-appliance
nvidia-dnf | dkms_proprietary   |             | kmod-nvidia-latest-dkms                  | verified | driver-guide
nvidia-dnf | dkms_open          |             | kmod-nvidia-open-dkms                    | verified | driver-guide
nvidia-dnf | driver             |             | nvidia-driver                            | verified | driver-guide
nvidia-dnf | compute            |             | nvidia-driver-cuda                       | verified | driver-guide
nvidia-dnf | modprobe           | 570         | nvidia-modprobe                          | verified | yum-packaging
nvidia-dnf | fabric_manager     |             | nvidia-fabric-manager                    | verified | azhpc-images
nvidia-dnf | fabric_manager     | 580         | nvidia-fabricmanager                     | verified | azhpc-images
nvidia-dnf | imex               |             | nvidia-imex                              | verified | container-el10
nvidia-dnf | nscq               |             | libnvidia-nscq-{branch}                  | verified | yum-packaging
nvidia-dnf | nscq               | 580         | libnvidia-nscq                           | verified | container-el10
nvidia-dnf | nvsdm              |             | libnvsdm                                 | verified | container-el10
ubuntu     | driver             |             | nvidia-driver-{branch}{server}{open}     | verified | driver-role
ubuntu     | headless           |             | nvidia-headless-{branch}{server}{open}   | verified | driver-role
ubuntu     | headless_prebuilt  |             | nvidia-headless-no-dkms-{branch}{server}{open} | verified | driver-role
ubuntu     | prebuilt           | | linux-modules-nvidia-{branch}{server}{open}-{kernel} | verified | ubuntu-packages
ubuntu     | tools              |             | nvidia-utils-{branch}{server}            | verified | driver-role
ubuntu     | graphics           |             | libnvidia-gl-{branch}{server}            | memory   | memory
ubuntu     | fabric_manager     |             | nvidia-fabricmanager-{branch}            | memory   | memory
ubuntu     | imex               |             | nvidia-imex-{branch}                     | memory   | memory
ubuntu     | nscq               |             | libnvidia-nscq-{branch}                  | memory   | memory
ubuntu     | nvsdm              |             | libnvsdm-{branch}                        | memory   | memory
ubuntu     | conflict           | 580         | libnvidia-egl-gbm1                       | verified | ubuntu-control
debian     | driver             |             | nvidia-driver                            | verified | debian-12
debian     | dkms_proprietary   |             | nvidia-kernel-dkms                       | verified | debian-12
debian     | dkms_open          |             | nvidia-open-kernel-dkms                  | verified | debian-12
debian     | libraries          |             | libcuda1                                 | verified | debian-12
debian     | tools              |             | nvidia-smi                               | verified | debian-12
"""


def name(archive: str, piece: str, branch: str, *, server: bool = False, opened: bool = False, kernel: str = "") -> str:
    """The package of a piece, or empty where an archive has none. Without a branch it is the newest name."""
    row = _row(archive, piece, branch)
    if row is None:
        return ""
    return row["name"].format(
        branch=branch, server="-server" if server else "", open="-open" if opened else "", kernel=kernel
    )


def _row(archive: str, piece: str, branch: str) -> Row | None:
    fitting = [
        row
        for row in rows(TABLE)
        if (row["archive"], row["piece"]) == (archive, piece)
        and (not branch or number(row["branch_from"]) <= number(branch))
    ]
    return max(fitting, key=lambda row: number(row["branch_from"]), default=None)
