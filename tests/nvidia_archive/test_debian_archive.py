# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's real packages of Debian 12's non-free component, with no stand-in but the missing GPU.

./test nvidia-archive NVIDIA_ARCHIVE=yes
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.cuda_host import CudaHost, cuda_host

ASKED = os.environ.get("NVIDIA_ARCHIVE") == "yes"
WHY = "it fetches gigabytes and unpacks for minutes: ./test nvidia-archive NVIDIA_ARCHIVE=yes"
TOOLKIT = {"version": "11.8", "method": "distribution"}
KERNEL = "__global__ void add(float *a, const float *b) { a[threadIdx.x] += b[threadIdx.x]; }\n"


@pytest.fixture
def debian() -> Iterator[CudaHost]:
    """A Debian 12 that installs from its archive alone, the component non-free among it."""
    with cuda_host("apt", image="debian12") as made:
        made.sh("rm /etc/apt/sources.list.d/bed.sources")
        made.sh("sed -i 's/^Components:.*/& contrib non-free non-free-firmware/' /etc/apt/sources.list.d/*.sources")
        yield made


def packages(host: CudaHost) -> set[str]:
    return set(host.sh("dpkg-query -W -f '${Package} ${db:Status-Status}\\n'").splitlines())


@pytest.mark.skipif(not ASKED, reason=WHY)
def test_cuda_of_the_archive_compiles_and_leaves_nothing(debian: CudaHost) -> None:
    before = packages(debian)
    debian.succeed([TOOLKIT])
    assert (debian.release(), debian.release("sh -c")) == ("11.8", "11.8")
    again = debian.succeed([TOOLKIT])
    assert not again["changed"] and again["commands_run"] == 1
    assert not {name for name in packages(debian) if name.startswith(("nvidia-driver ", "nvidia-kernel"))}
    debian.container.write("/root/add.cu", KERNEL)
    debian.sh("cd /root && nvcc -c -arch=sm_80 add.cu -o add.o && nvcc -ptx -arch=sm_80 add.cu")
    assert ".target sm_80" in debian.container.read("/root/add.ptx")
    debian.succeed([{**TOOLKIT, "state": "absent"}])
    assert packages(debian) == before
    assert debian.leftovers() == ""
