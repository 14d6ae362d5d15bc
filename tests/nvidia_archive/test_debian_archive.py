# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's real packages of Debian 12's non-free component, by our roles, with no stand-in but the GPU on the bus.

./test nvidia-archive NVIDIA_ARCHIVE=yes

The host has a kernel of Debian's that does not run (a container runs this machine's): modules are built for it, and it
is what would boot next.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, ansible_environment
from ansible_collections.gpufleet.mlstack.tests.integration import nvidia_host
from ansible_collections.gpufleet.mlstack.tests.integration.cuda_host import CudaHost
from ansible_collections.gpufleet.mlstack.tests.integration.driver_host import DriverHost
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import CHECKOUT

ASKED = os.environ.get("NVIDIA_ARCHIVE") == "yes"
WHY = "it fetches gigabytes and builds for minutes: ./test nvidia-archive NVIDIA_ARCHIVE=yes"
KERNEL = {"system_packages_list": ["linux-image-amd64", "linux-headers-amd64"]}
PRESENT = {
    "nvidia_driver_source": "distribution",
    "nvidia_driver_state": "present",
    "nvidia_driver_libraries": "compute",
    "cuda_toolkit_method": "distribution",
    "cuda_toolkit_list": ["11.8"],
}
ABSENT = {**PRESENT, "nvidia_driver_state": "absent", "cuda_toolkit_list": [{"version": "11.8", "state": "absent"}]}
ADDITION = "__global__ void add(float *a, const float *b) { a[threadIdx.x] += b[threadIdx.x]; }\n"


@pytest.fixture
def debian() -> Iterator[Container]:
    """A Debian 12 with an A100 that installs from its archive alone, the component non-free among it."""
    with nvidia_host.nvidia_host("apt", image="debian12", gpus="a100") as made:
        made.check("rm /etc/apt/sources.list.d/bed.sources")
        made.check("sed -i 's/^Components:.*/& contrib non-free non-free-firmware/' /etc/apt/sources.list.d/*.sources")
        yield made


def site(host: Container, folder: Path, *words: str, **variables: Any) -> str:
    """The collection's site playbook on this host; what Ansible printed."""
    (folder / "hosts.ini").write_text(f"{host.inventory_line}\n")
    (folder / "variables.json").write_text(json.dumps(variables))
    argv = [Path(sys.executable).parent / "ansible-playbook", "--inventory", folder / "hosts.ini", *words]
    argv += ["--extra-vars", f"@{folder / 'variables.json'}", "gpufleet.mlstack.site"]
    environ = {**os.environ, **ansible_environment(CHECKOUT), "ANSIBLE_NOCOLOR": "1"}
    ran = subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-4000:]
    return ran.stdout


def packages(host: Container) -> set[str]:
    return set(host.check("dpkg-query -W -f '${Package} ${db:Status-Status}\\n'").splitlines())


def autoremovable(host: Container) -> list[str]:
    lines = host.check("apt-get --simulate autoremove").splitlines()
    return [line for line in lines if line.startswith("Remv")]


@pytest.mark.skipif(not ASKED, reason=WHY)
def test_driver_and_toolkit_of_the_archive_by_our_roles(debian: Container, tmp_path: Path) -> None:
    site(debian, tmp_path, **KERNEL)
    (release,) = debian.check("ls /lib/modules").split()
    before, unneeded = packages(debian), autoremovable(debian)

    foretold = site(debian, tmp_path, "--check", "--diff", **PRESENT)
    assert packages(debian) == before
    site(debian, tmp_path, **PRESENT)
    # What check mode said of the driver came true.
    version = debian.check("dpkg-query -W -f '${Version}' nvidia-kernel-dkms")
    assert re.search(rf"^\+ *nvidia-kernel-dkms {re.escape(version)}", foretold, re.MULTILINE), foretold
    assert re.search(r"changed=0\s", site(debian, tmp_path, **PRESENT))

    driver = version.partition("-")[0]
    module = f"/lib/modules/{release}/updates/dkms/nvidia-current.ko"
    assert debian.check(f"modinfo -F vermagic {module}").startswith(f"{release} ")
    assert debian.check(f"modinfo -F version {module}").strip() == driver
    assert "couldn't communicate with the NVIDIA driver" in debian.run("nvidia-smi").out

    told = nvidia_host.run_module(debian, "gpu_info", {})
    assert told["driver"]["loaded"] is None
    assert (told["driver"]["on_disk"], told["driver"]["libraries"]) == (driver, driver)
    assert told["driver"]["sources"] == ["distribution"]
    (kernel,) = [kernel for kernel in told["kernels"] if kernel["release"] == release]
    assert kernel["boots_next"] and not kernel["running"] and kernel["headers"]
    assert (kernel["module"]["origin"], kernel["module"]["flavour"]) == ("dkms", "proprietary")
    boot = told["next_boot"]
    assert (boot["kernel"], boot["driver"], boot["would_load"]) == (release, driver, True)
    assert boot["changes"] == [f"the driver {driver} is on disk, and none is loaded"] == told["reboot_reasons"]
    assert told["problems"] == []

    cuda = CudaHost(debian, "apt")
    assert (cuda.release(), cuda.release("sh -c")) == ("11.8", "11.8")
    debian.write("/root/add.cu", ADDITION)
    debian.check("cd /root && nvcc -c -arch=sm_80 add.cu -o add.o && nvcc -ptx -arch=sm_80 add.cu")
    assert ".target sm_80" in debian.read("/root/add.ptx")

    site(debian, tmp_path, **ABSENT)
    # Apt itself keeps what others suggest: it suggests dpkg-dev, which recommends a compiler.
    assert not [name for name in packages(debian) - before if re.search(r"nvidia|cuda|libnv|glx|opencl|dkms", name)]
    assert before <= packages(debian) and autoremovable(debian) == unneeded
    assert cuda.leftovers() == "" and DriverHost(debian, "apt").leftovers() == ""
    assert debian.check(f"find /lib/modules/{release} -name '*nvidia*.ko*' -not -path '*/kernel/*'") == ""
