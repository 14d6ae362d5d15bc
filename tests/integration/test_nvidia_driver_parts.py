# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to a driver, on package managers that know the relations of the real packages.

One host of each kind goes from nothing to a driver, over a release and a branch to another flavour. After each step ten
more runs find nothing to do, and what is not the driver's is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.driver_host import DriverHost, driver_host, summaries

RUNS = 10
# In no transaction of the driver's: NVLink's subnet manager, and the repository that an offline host installs from.
LOCAL_REPOSITORY = "nvidia-driver-local-repo-bed-550.54.15"
EGL = "dpkg-query -W -f '${Version} ${Status}\\n' libnvidia-egl-wayland1"


@pytest.fixture(scope="module", params=["ubuntu2404", "debian12", "rocky9"])
def host(request: pytest.FixtureRequest) -> Iterator[DriverHost]:
    manager = "dnf" if request.param == "rocky9" else "apt"
    with driver_host(manager, image=request.param, gpus="a100x8") as made:
        if manager == "apt":
            made.sh("find /etc/apt/sources.list.d -name '*debian*' -delete; rm -f /etc/apt/sources.list")
        yield made


def converged(host: DriverHost, **options: Any) -> None:
    """Nothing is left to do, and looking is as cheap as ever."""
    before = host.packages()
    for _run in range(RUNS):
        again = host.succeed(**options)
        assert not again["changed"] and summaries(again) == [] and again["commands_run"] <= host.questions
    assert host.packages() == before and host.held() == set(before)


def test_a_driver_comes_with_what_it_needs_and_stays(host: DriverHost) -> None:
    host.change(version="550.54.15", flavour="open", foreseen=False)
    assert host.drivers() == {"550.54.15"}
    converged(host, version="550.54.15", flavour="open")
    for same in ({"branch": "550"}, {}):  # only the pin says how far the desired state goes
        assert {step["action"] for step in host.succeed(**same, flavour="open")["plan"]} <= {"write"}
        converged(host, **same, flavour="open")


def test_what_is_not_the_drivers_is_let_be(host: DriverHost) -> None:
    host.install_other(LOCAL_REPOSITORY)
    if host.container.image_key == "ubuntu2404":
        assert host.sh(EGL) == "1:1.1.20-1ubuntu1 install ok installed\n"
        host.sh("apt-get install -qy nvlsm")
    host.succeed(version="550.54.15", flavour="open")
    converged(host, version="550.54.15", flavour="open")


def test_a_release_takes_all_of_the_driver_along_and_nothing_else(host: DriverHost) -> None:
    done = host.change(version="550.90.07", flavour="open")
    assert host.drivers() == {"550.90.07"}
    told = summaries(done)
    firmware = [line for line in told if "nvidia-firmware-550" in line and line.startswith("remove")]
    assert len(firmware) == (host.container.image_key == "ubuntu2404")
    converged(host, version="550.90.07", flavour="open")
    assert host.installed(LOCAL_REPOSITORY)


def test_a_branch_and_a_flavour_are_changed_like_any_other(host: DriverHost) -> None:
    host.change(branch="590", flavour="open")
    assert host.drivers() == {"590.48.01"}
    converged(host, branch="590", flavour="open")
    host.change(branch="580", flavour="proprietary")
    assert host.drivers() == {"580.95.05"}
    converged(host, branch="580", flavour="proprietary")
    assert host.installed(LOCAL_REPOSITORY)
    if host.container.image_key == "ubuntu2404":
        assert host.installed("nvlsm") and host.sh(EGL) == "1:1.1.20-1ubuntu1 install ok installed\n"
        assert host.container.run("apt-mark showhold | grep -E 'egl|nvlsm|local'").out == ""


def test_ubuntus_own_driver_takes_the_place_of_nvidias_and_stays(host: DriverHost) -> None:
    if host.container.image_key != "ubuntu2404":
        pytest.skip("only Ubuntu's archive has branches")
    archive = "http://ubuntu-archive.bed.test/ubuntu-restricted/24.04"
    host.container.write(
        "/etc/apt/sources.list.d/restricted.list", f"deb [signed-by=/opt/bed/gpu/key.asc] {archive} /\n"
    )
    host.sh("apt-get -qq update")
    desktop = {
        "source": "distribution",
        "branch": "580",
        "flavour": "open",
        "server": False,
        "fabric_manager": "absent",
    }
    done = host.change(**desktop, foreseen=False)
    assert any(line.startswith("remove libnvidia-egl-gbm1 ") for line in summaries(done)), "Ubuntu's conflicts with it"
    converged(host, **desktop)
    server = {"source": "distribution", "branch": "580", "flavour": "proprietary"}
    host.change(**server)
    assert "nvidia-firmware-580-server-580.95.05" in host.packages()
    converged(host, **server)
    # Fabric Manager fits the server variant alone.
    host.refuse("not_offered", **{**desktop, "fabric_manager": "auto"})
    assert host.installed("nvlsm") and host.installed(LOCAL_REPOSITORY)


def test_all_of_it_goes_and_nothing_else(host: DriverHost) -> None:
    host.change(state="absent")
    assert host.packages() == {} and host.installed(LOCAL_REPOSITORY)
