# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""NVIDIA's own package repository for a distribution.

Addresses and keys: NVIDIA's driver installation guide. The directory of 64-bit Arm servers is C(sbsa). Debian 13 has a
key of its own, since its verifier refuses the older one's binding signature.
"""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Repository

NAME = "nvidia-cuda"
SITE = "https://developer.download.nvidia.com/compute/cuda/repos"
APT_KEY, APT_FINGERPRINT = "3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC"
DNF_KEY, DNF_FINGERPRINT = "D42D0685.pub", "610C7B14E068A878070DA4E99CD0A493D42D0685"
# What its Release file calls itself; apt's pins go by it.
APT_LABEL = "NVIDIA CUDA"
_FOLDERS = {"x86_64": "x86_64", "aarch64": "sbsa"}
_KNOWN = ("ubuntu2204", "ubuntu2404", "ubuntu2604", "debian12", "rhel9", "rhel10")


def repository(
    distribution: Distribution,
    machine: str,
    *,
    url: str = "",
    key: str = "",
    key_url: str = "",
    fingerprints: tuple[str, ...] = (),
    name: str = NAME,
) -> Repository:
    """The repository of this distribution, or a mirror of it at ``url``. A mirror has NVIDIA's key unless another is
    given with its fingerprints. Raises MlstackError where NVIDIA publishes none and no ``url`` is given."""
    apt = distribution.family == "Debian"
    system = _system(distribution)
    folder = _FOLDERS.get(machine, "")
    if not url:
        if system not in _KNOWN or not folder:
            raise MlstackError(
                "no_repository",
                wished="packages from NVIDIA's repository",
                found=f"none is known for {distribution.name or distribution.id or 'this system'} on {machine}",
                todo="name the address of one, with its key and fingerprint, or take the driver from the distribution",
            )
        url = f"{SITE}/{system}/{folder}"
    if not key and not key_url:
        key_url = f"{url.rstrip('/')}/{APT_KEY if apt else DNF_KEY}"
    return Repository(
        name=name,
        url=url,
        key=key,
        key_url="" if key else key_url,
        fingerprints=fingerprints or ((APT_FINGERPRINT,) if apt else (DNF_FINGERPRINT,)),
        title="NVIDIA CUDA",
        suite="/",
    )


def _system(distribution: Distribution) -> str:
    """NVIDIA's word for a distribution: C(ubuntu2404), C(debian12), C(rhel9)."""
    if distribution.family == "RedHat":
        return f"rhel{distribution.major}"
    if distribution.id == "ubuntu":
        return f"ubuntu{distribution.version.replace('.', '')}"
    return f"{distribution.id}{distribution.major}"
