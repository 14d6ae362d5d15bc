# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the rows of the catalogue come from. A row names a source by its key; the source has the day it was read.

Sources that ``tools/catalogue_update.py`` reads have their days in a table of its own. All others stand by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import table_readings
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import rows

# How far a row can be trusted. C(verified) was read in a source of the maker, C(derived) follows from such rows by a
# rule that the table states; C(secondary) quotes a quotation, C(memory) nobody looked up; C(user) a user added.
TRUSTED = frozenset({"verified", "derived", "user"})
STATUSES = TRUSTED | {"secondary", "memory"}


@dataclass(frozen=True)
class Source:
    """``read`` is the day on which the source was read, ``by_hand`` that a person did so."""

    text: str
    read: str
    by_hand: bool = True


_READ = "2026-11-22"
_READ_EL10 = "2026-11-30"
_READ_PARTS = "2026-11-30"
_READ_INDEX = "2026-11-30"
_CUDA = "NVIDIA (docs.nvidia.com/cuda)"
_DRIVERS = "NVIDIA (docs.nvidia.com/datacenter/tesla)"

_BY_MACHINE = {row["source"]: row["read"] for row in rows(table_readings.TABLE)}
SOURCES = {
    key: Source(text, _BY_MACHINE.get(key, read), key not in _BY_MACHINE)
    for key, text, read in (
        (
            "cloud-native",
            "NVIDIA/cloud-native-docs, platform support of the GPU operator: HGX B200 needs 570.133.20",
            _READ,
        ),
        ("compat-guide", "NVIDIA (docs.nvidia.com/deploy), CUDA compatibility guide; its table not read", _READ),
        ("cuda-index", "releases of cuda-toolkit on the Python index; the driver is that of the branch", _READ_INDEX),
        ("cuda-drivers-support", "NVIDIA, CUDA drivers support (PDF of March 2021)", _READ),
        ("cuda-redist", "NVIDIA, manifests of the redistributable components of CUDA", ""),
        ("cuda-matrix", f"{_DRIVERS}, toolkit, driver and architecture matrix; spack's package cuda", _READ),
        ("cuda-notes-13.2", f"{_CUDA}, release notes of 13.2.2, table 3", _READ),
        ("cuda-notes-13.3", "copies of the release notes of CUDA 13.3", _READ),
        ("cuda-notes-13.4", f"{_CUDA}, release notes of 13.4.1; the driver's minimum was not seen", _READ),
        ("cutlass-notes", "release notes of CUTLASS 4.8, quoted", _READ),
        ("debian-12", "Debian 12, package lists of its component non-free", "2026-11-23"),
        ("dkms-reports", "ComputeCanada/magic_castle, issue 576, and reports of builds by DKMS", _READ_INDEX),
        ("driver-container", "NVIDIA/gpu-driver-container at 06a208c", _READ),
        (
            "container-el10",
            "NVIDIA/gpu-driver-container at 0201a90, rhel10; the repository's index",
            _READ_EL10,
        ),
        ("driver-role", "NVIDIA/ansible-role-nvidia-driver at f68d4a7, and Ubuntu's package pages", _READ),
        ("driver-releases", f"{_DRIVERS}, releases.json", ""),
        ("driver-guide-615", f"{_DRIVERS}, driver installation guide 615, quoted", _READ),
        ("driver-guide-620", f"{_DRIVERS}, driver installation guide 620", _READ),
        ("driver-guide", f"{_DRIVERS}, driver installation guide 610", _READ),
        ("driver-support", f"{_DRIVERS}, supported drivers and toolkits, table 2, older page", _READ),
        ("driver-support-615", f"{_DRIVERS}, supported drivers and toolkits, table 2, page of 615", _READ),
        (
            "driver-support-620",
            f"{_DRIVERS}, supported drivers and toolkits, table 2, page of 620, quoted",
            _READ_INDEX,
        ),
        (
            "apt-reports",
            "public reports of hosts that use NVIDIA's repositories for apt; no index was read",
            _READ_PARTS,
        ),
        ("azhpc-images", "Azure/azhpc-images at 8e9d055, components/", _READ),
        ("gcp-installer", "GoogleCloudPlatform/compute-gpu-installation 1.9.1", _READ),
        ("jax-builds", "build flags of plugins of XLA for CUDA 13, quoted", _READ_INDEX),
        ("jax-index", "the Python index, metadata and names of the wheels of jax and its plugins", ""),
        ("key-lists", "recipes of others that name key and fingerprint of Ubuntu 26.04's repository", _READ_EL10),
        ("open-git", "NVIDIA/open-gpu-kernel-modules, list of GPUs in the README of each release tag", ""),
        ("pci-ids", "pciutils/pciids at c1c1254 (2026-08-22), names of devices and of their chips", ""),
        ("repo-issue-39", "NVIDIA/cuda-repo-management, issue 39", _READ),
        ("runfile-list", "a list of NVIDIA's installers with their drivers; no release notes read", _READ),
        ("slurm-appliance", "stackhpc/ansible-slurm-appliance at f49fc24, role cuda", _READ),
        ("spack-cuda", "spack/spack-packages at 1e8cf05, package cuda", _READ),
        ("tensorflow-source", "tensorflow/docs at 7c36502, tested GPU build configurations for Linux", _READ),
        (
            "tensorflow-index",
            "the Python index, metadata of TensorFlow's wheels",
            "",
        ),
        (
            "tensorflow-wheels",
            "build_info of TensorFlow's wheels; for Blackwell tensorflow/tensorflow, issues 89272, 101746 and 111958",
            "",
        ),
        ("torch-builds", "pytorch/pytorch, build scripts of the release tags 2.6 to 2.11, quoted", _READ_INDEX),
        ("torch-docs-kr", "a translation of PyTorch's RELEASE.md of release 2.11", "2026-11-23"),
        ("torch-builds-index", "PyTorch's own index, names of its builds", ""),
        ("torch-index", "the Python index, wheels of PyTorch", ""),
        ("torch-wheels", "version.py in PyTorch's wheels", ""),
        ("torch-release", "pytorch/pytorch, RELEASE.md of release 2.14", _READ),
        ("ubuntu-packages", "Ubuntu's package pages, linux-modules-nvidia-615-open-nvidia", _READ),
        ("rpmfusion-specs", "RPM Fusion's specifications of the driver", _READ),
        ("ubuntu-control", "canonical/nvidia-graphics-drivers, debian/control of each branch", _READ_PARTS),
        ("yum-packaging", "NVIDIA/yum-packaging-nvidia-driver and its sisters, branches 535, 550 and 570", _READ_PARTS),
        ("memory", "not looked up", _READ),
        ("user", "a row of your own", ""),
    )
}
