# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers for DKMS on Enterprise Linux: kernel-devel of the very kernel that runs, or a refusal.

The bed's machine does not run a kernel of EL's. So the host is told that it does: its name lies over the one that
the kernel gives, and a repository has kernel-devel of several releases as EL's do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import images, rpm
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in import kernel_headers
from ansible_collections.gpufleet.mlstack.tests.bed.signing import BED
from ansible_collections.gpufleet.mlstack.tests.integration.driver_host import DriverHost, driver_host, summaries

RUNNING = "5.14.0-427.13.1.el9_4"
OTHERS = ("5.14.0-362.24.1.el9_3", "5.14.0-427.31.1.el9_4")
NAME = f"{RUNNING}.x86_64"
DKMS = f"""#!/bin/sh
[ "$1 $2 $3" = 'autoinstall -k {NAME}' ] || exit 3
mkdir -p /lib/modules/{NAME}/updates/dkms
base64 -d /usr/src/nvidia-*/nvidia.ko.base64 >/lib/modules/{NAME}/updates/dkms/nvidia.ko
"""
REPOSITORY = "[kernels]\nname=kernels\nbaseurl=file:///srv/kernels\ngpgcheck=1\nenabled=1\n"


def offer(host: DriverHost, kernels: Sequence[str]) -> None:
    """A repository of the distribution with kernel-devel of these."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "kernels"
        packages = [kernel_headers.of_el(kernel) for kernel in kernels]
        rpm.build_repository(packages, folder, images.keys(), BED)
        host.sh("rm -rf /srv/kernels")
        host.container.copy_in(folder, "/srv/kernels")
    host.container.write("/etc/yum.repos.d/kernels.repo", REPOSITORY)
    host.sh("dnf -q clean all && dnf -q makecache")


def headers(host: DriverHost) -> str:
    return host.sh("rpm -q --qf '%{VERSION}-%{RELEASE}' kernel-devel")


@pytest.fixture(scope="module")
def host() -> Iterator[DriverHost]:
    with driver_host("dnf", headers=False, booted=False) as made:
        made.container.write("/run/osrelease", f"{NAME}\n")
        made.sh(f"mount --bind /run/osrelease /proc/sys/kernel/osrelease; mkdir -p /lib/modules/{NAME}")
        made.sh(f"touch /lib/modules/{NAME}/modules.order")
        # The stand-in's packages bring no dkms, and rpm may install the driver before the headers.
        made.container.write("/usr/sbin/dkms", DKMS, "0755")
        yield made


def test_a_kernel_whose_headers_nobody_offers_is_refused_before_the_first_change(host: DriverHost) -> None:
    offer(host, OTHERS)
    sources = host.sources()
    refused = host.refuse("headers_absent", branch="550")
    assert not refused["changed"] and refused["kernels"] == [NAME]
    assert f"the headers of {NAME} are not installed, and no repository offers kernel-devel {RUNNING}" in refused["msg"]
    assert all(other in refused["msg"] for other in OTHERS), "what there is instead"
    assert (host.packages(), host.sources()) == ({}, sources)


def test_the_headers_of_the_running_kernel_come_with_the_driver(host: DriverHost) -> None:
    offer(host, [*OTHERS, RUNNING])
    foretold = host.succeed(branch="550", check=True)
    assert f"install kernel-devel {RUNNING}" in summaries(foretold)
    assert f"kernel-devel {RUNNING}\n" in foretold["diff"][1]["after"] and not host.installed("kernel-devel")
    done = host.change(branch="550", foreseen=False)
    assert headers(host) == RUNNING, "and not the newest"
    assert done["driver"]["on_disk"] == "550.90.07" and host.sh(f"ls /lib/modules/{NAME}/updates/dkms") == "nvidia.ko\n"


def test_an_upgrade_brings_headers_that_are_gone_or_does_not_begin(host: DriverHost) -> None:
    host.sh("rpm -e kernel-devel")
    offer(host, OTHERS)
    before = host.packages()
    refused = host.refuse("headers_absent", branch="580")
    assert not refused["changed"] and RUNNING in refused["msg"] and host.packages() == before
    offer(host, [*OTHERS, RUNNING])
    foretold = host.succeed(branch="580", check=True)
    assert f"install kernel-devel {RUNNING}" in summaries(foretold) and not host.installed("kernel-devel")
    done = host.change(branch="580", foreseen=False)
    # Where rpm takes the driver first, its module is built in a step of ours.
    assert set(summaries(done)) - set(summaries(foretold)) <= {f"build the kernel module for {NAME}"}
    assert headers(host) == RUNNING and host.drivers() == {"580.95.05"}
