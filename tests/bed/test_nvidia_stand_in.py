# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPU hosts of the bed keep what their page promises: a driver is loaded by a boot, and mismatches before that."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, require_bed
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in import kernel_headers, repositories
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in.hosts import gpu_host, reboot

INSTALL = {"apt": "apt-get install -qy --no-install-recommends", "dnf": "dnf install -qy"}


@pytest.fixture(params=["ubuntu2404", "rocky9"])
def host(request: pytest.FixtureRequest) -> Iterator[Container]:
    require_bed()
    with gpu_host(request.param, gpus="a100x8", headers=True) as made:
        configure(made)
        yield made


def configure(host: Container) -> None:
    """NVIDIA's repository under its real name, as its own documentation configures it."""
    site = "https://developer.download.nvidia.com/compute/cuda/repos"
    if host.image_key == "rocky9":
        host.check("rpm --import /opt/bed/gpu/key.asc")
        text = f"[cuda]\nname=cuda\nbaseurl={site}/rhel9/x86_64\ngpgcheck=1\n"
        host.write("/etc/yum.repos.d/cuda.repo", text + f"gpgkey={site}/rhel9/x86_64/D42D0685.pub\n")
    else:
        text = f"deb [signed-by=/opt/bed/gpu/key.asc] {site}/ubuntu2404/x86_64 /\n"
        host.write("/etc/apt/sources.list.d/cuda.list", text)
        host.check("apt-get -qq update")


def test_a_driver_is_loaded_by_a_boot_and_mismatches_before(host: Container) -> None:
    apt = host.image_key != "rocky9"
    install = INSTALL["apt" if apt else "dnf"]
    parts = ("nvidia-driver-{0}", "nvidia-dkms-{0}", "nvidia-kernel-source-{0}", "libnvidia-compute-{0}")
    parts += ("libnvidia-gl-{0}", "nvidia-utils-{0}", "nvidia-compute-utils-{0}", "nvidia-kernel-common-{0}")
    # The driver's package wants these at its own version, and apt would take the newest.
    parts += ("libnvidia-extra-{0}", "libnvidia-decode-{0}", "libnvidia-encode-{0}", "libnvidia-cfg1-{0}")
    parts += ("libnvidia-fbc1-{0}", "xserver-xorg-video-nvidia-{0}")
    if apt:
        host.check(f"{install} " + " ".join(f"{part.format(550)}=550.54.15-0ubuntu1" for part in parts))
    else:
        host.check("dnf -qy module enable nvidia-driver:550-dkms && dnf install -qy cuda-drivers-550.54.15")
    assert host.run("nvidia-smi").rc == 9
    module = f"/lib/modules/{kernel_headers.release()}/updates/dkms/nvidia.ko"
    assert {"version=550.54.15", "license=NVIDIA"} <= set(host.check(f"tr '\\0' '\\n' <{module} | grep -a =").split())
    reboot(host)
    assert host.check("nvidia-smi --query-gpu=driver_version --format=csv,noheader").split() == ["550.54.15"] * 8
    assert "550.54.15" in host.read("/proc/driver/nvidia/version")
    host.check(f"{install} nvidia-driver-550" if apt else "dnf upgrade -qy")
    mismatch = host.run("nvidia-smi")
    assert mismatch.rc == 18 and "Driver/library version mismatch" in mismatch.out
    reboot(host)
    assert host.check("nvidia-smi -L").count("A100") == 8
    assert "550.90.07" in host.read("/proc/driver/nvidia/version")
    host.check("apt-get purge -qy '*nvidia*'" if apt else "dnf remove -qy '*nvidia*'")
    assert host.run(f"ls {module} /var/lib/dkms/nvidia").out == ""


def test_cuda_in_two_releases_is_chosen_by_alternatives(host: Container) -> None:
    manager = "dnf" if host.image_key == "rocky9" else "apt"
    host.check(f"{INSTALL[manager]} cuda-toolkit-11-8 cuda-toolkit-12-4")
    assert "release 12.4, V12.4.131" in host.check("/usr/local/cuda/bin/nvcc --version")
    host.check("update-alternatives --set cuda /usr/local/cuda-11.8")
    assert "release 11.8, V11.8.89" in host.check("/usr/local/cuda/bin/nvcc --version")
    assert host.run("command -v nvidia-smi").rc != 0
    host.check({"apt": "apt-get purge -qy 'cuda-*'", "dnf": "dnf remove -qy 'cuda-*'"}[manager])
    # Folders may stay: the packages own files.
    assert host.run("find /usr/local/cuda* ! -type d").out == ""


def test_another_checkouts_repositories_stay_for_a_day(tmp_path: Path) -> None:
    ages = {"mine": 0.0, "of-today": 0.9, "of-the-day-before": 1.1, "half-built": None}
    for name, days in ages.items():
        (tmp_path / name / "www").mkdir(parents=True)
        if days is not None:
            mark = tmp_path / name / "complete"
            mark.touch()
            os.utime(mark, (time.time() - days * 86400,) * 2)
    repositories._sweep(tmp_path / "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["of-today"]
