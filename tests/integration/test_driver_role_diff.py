# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What --check --diff shows of each change of a driver: the role as it is run, on hosts of the bed with stand-in
repositories."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, require_bed
from ansible_collections.gpufleet.mlstack.tests.integration.gpu_fleet import GpuFleet, gpu_fleet

PLAY = [
    {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.import_role": {"name": "gpufleet.mlstack.nvidia_driver"}}],
    }
]
ARCHIVE = """\
Types: deb
URIs: http://ubuntu-archive.bed.test/ubuntu-restricted/24.04
Suites: ./
Signed-By: /opt/bed/gpu/key.asc
"""


class Host:
    """One host, and what the role shows of a desired state of it."""

    def __init__(self, fleet: GpuFleet) -> None:
        self.fleet = fleet
        (self.container,) = fleet.hosts.values()
        self.book = fleet.folder / "play.yml"
        self.book.write_text(json.dumps(PLAY))

    def packages(self) -> str:
        listing = "dpkg-query -W 2>/dev/null || rpm -qa | sort"
        return self.container.check(f"({listing}) | grep -E 'nvidia|cuda-drivers' || true")

    def shown(self, **desired: Any) -> str:
        """What check mode shows, which must leave the host alone; then the desired state is fulfilled, and must fit
        it.
        """
        before = self.packages()
        checked = self._run(desired, "--check", "--diff")
        assert self.packages() == before
        done = self._run(desired, "--diff")
        assert "changed=1" in done
        again = self._run(desired, "--check", "--diff")
        # One round trip: beside the module, arguments are validated and a file is included, both on the controller.
        assert "ok=3    changed=0" in again, again
        return checked

    def _run(self, desired: dict[str, Any], *words: str) -> str:
        given = {f"nvidia_driver_{name}": value for name, value in desired.items()}
        ran = self.fleet.play(str(self.book), given, *words)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


def hold_a_gpu(container: Container) -> None:
    """A process with a GPU open. The device is that of /dev/null, as after the bed's stand-in boot; the process is
    root's, since a container's root may not look at those of others."""
    container.check("mknod -m 666 /dev/nvidia0 c 1 3")
    container.check("setsid sh -c 'exec 3</dev/nvidia0; exec sleep 3600' >/dev/null 2>&1 &")
    container.check("until pgrep -x sleep; do sleep 0.1; done")


@pytest.fixture
def host(request, tmp_path):
    require_bed()
    with gpu_fleet(tmp_path, {"gpu1": request.param}) as fleet:
        yield Host(fleet)


def contains(text: str, *lines: str) -> None:
    """Every one of these is a line of the text, or the beginning of one."""
    found = text.splitlines()
    missing = [line for line in lines if not any(each.startswith(line) for each in found)]
    assert not missing, f"{missing} is not in\n{text}"


@pytest.mark.parametrize("host", ["ubuntu2404"], indirect=True)
def test_every_path_with_apt(host):
    fresh = host.shown(version="550.54.15", flavour="proprietary")
    contains(
        fresh,
        "+/etc/apt/keyrings/nvidia-cuda.asc: key ",
        "+/etc/apt/sources.list.d/nvidia-cuda.sources: URIs: https://developer.download.nvidia.com/",
        "+/etc/apt/preferences.d/gpufleet-mlstack-nvidia-9-version: Pin: version 550.54.15-*",
        "+/etc/apt/apt.conf.d/52gpufleet-mlstack-nvidia: Unattended-Upgrade::Package-Blacklist {",
        "+cuda-drivers-550 550.54.15",
        "+cuda-drivers-550 held",
        "+reboot required: the new driver 550.54.15 (proprietary) is loaded by a boot",
    )

    hold_a_gpu(host.container)
    upgrade = host.shown(version="550.90.07", flavour="proprietary", busy="ignore")
    contains(
        upgrade,
        "-/etc/apt/preferences.d/gpufleet-mlstack-nvidia-9-version: Pin: version 550.54.15-*",
        "+/etc/apt/preferences.d/gpufleet-mlstack-nvidia-9-version: Pin: version 550.90.07-*",
        "-nvidia-dkms-550 550.54.15-0ubuntu1",
        "+nvidia-dkms-550 550.90.07-0ubuntu1",
        "+libnvidia-compute-550 550.90.07-0ubuntu1",
        "+reboot required: the new driver 550.90.07 (proprietary) is loaded by a boot",
        "-in use by pid ",
    )
    assert "(sleep 3600) of root" in upgrade

    flavour = host.shown(version="550.90.07", flavour="open", busy="ignore")
    contains(
        flavour,
        "-nvidia-dkms-550 550.90.07-0ubuntu1",
        "+nvidia-dkms-550-open 550.90.07-0ubuntu1",
        "+nvidia-dkms-550-open held",
        "+reboot required: the new driver 550.90.07 (open) is loaded by a boot",
    )

    host.container.write("/etc/apt/sources.list.d/restricted.sources", ARCHIVE)
    host.container.check("apt-get -qq update")
    source = host.shown(source="distribution", branch="580", flavour="open", busy="ignore")
    contains(
        source,
        "-nvidia-dkms-550-open 550.90.07-0ubuntu1",
        "+nvidia-dkms-580-server-open ",
        "+/etc/apt/preferences.d/gpufleet-mlstack-nvidia-1-not-from-nvidia: Pin: release l=NVIDIA CUDA",
        "-/etc/apt/preferences.d/gpufleet-mlstack-nvidia-1-not-from-ubuntu: Pin: release o=Ubuntu",
        "+reboot required: the new driver ",
    )

    removal = host.shown(state="absent", busy="ignore")
    contains(
        removal,
        "-nvidia-dkms-580-server-open ",
        "-/etc/apt/preferences.d/gpufleet-mlstack-nvidia-9-version: Pin: version 580.*",
    )
    assert host.packages() == ""


@pytest.mark.parametrize("host", ["rocky9"], indirect=True)
def test_every_path_with_dnf(host):
    fresh = host.shown(version="550.54.15", flavour="proprietary")
    contains(
        fresh,
        "+/etc/yum.repos.d/nvidia-cuda.repo: ",
        "+reboot required: the new driver 550.54.15 (proprietary) is loaded by a boot",
    )
    assert "550-dkms" in fresh

    upgrade = host.shown(version="550.90.07", flavour="proprietary")
    contains(upgrade, "-kmod-nvidia-latest-dkms 3:550.54.15-1.el9", "+kmod-nvidia-latest-dkms 3:550.90.07-1.el9")

    flavour = host.shown(version="580.65.06", flavour="open")
    contains(flavour, "-kmod-nvidia-latest-dkms 3:550.90.07-1.el9", "+kmod-nvidia-open-dkms 3:580.65.06-1.el9")
    assert "reset the module stream nvidia-driver:550-dkms" in flavour
    assert "enable the module stream nvidia-driver:580-open" in flavour

    removal = host.shown(state="absent")
    contains(removal, "-kmod-nvidia-open-dkms 3:580.65.06-1.el9")
    assert host.packages() == ""
