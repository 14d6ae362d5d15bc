# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Enterprise Linux 10 does in another way: NVIDIA's repository has no module streams there, all branches are
offered side by side, and version locks alone keep one. It begins with R580 and CUDA 13, and packages have other names.

What is the same as on Enterprise Linux 9 is not repeated.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import images, rpm
from ansible_collections.gpufleet.mlstack.tests.bed.package_specs import Package
from ansible_collections.gpufleet.mlstack.tests.bed.signing import BED
from ansible_collections.gpufleet.mlstack.tests.integration.cuda_host import cuda_host
from ansible_collections.gpufleet.mlstack.tests.integration.driver_host import DriverHost, driver_host, steps
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import package_host

IMAGE = "rocky10"


@pytest.fixture(scope="module")
def host() -> Iterator[DriverHost]:
    with driver_host("dnf", image=IMAGE, gpus="a100x8") as made:
        yield made


def test_an_older_branch_is_installed_beside_newer_ones_in_the_same_lists(host: DriverHost) -> None:
    done = host.change(version="580.65.06", flavour="proprietary", foreseen=False)
    assert not {"enable_stream", "reset_stream"} & set(steps(done))
    assert host.drivers() == {"580.65.06"} and host.held() == set(host.packages())
    of_driver = [version for version in host.packages().values() if version.startswith("3:")]
    assert {version.rpartition(".")[2] for version in of_driver} == {"el10"}
    assert {"cuda-drivers", "kmod-nvidia-latest-dkms", "nvidia-fabricmanager"} <= set(host.packages())
    assert "/rhel10/x86_64" in host.sources() and "stream" not in host.sources()


def test_version_locks_alone_keep_it_from_the_newest_branch(host: DriverHost) -> None:
    before = host.packages()
    unlocked = host.container.run("dnf --disableplugin=versionlock --assumeno upgrade")
    assert "3:590.48.01-1.el10" in unlocked.out
    host.upgrade_everything()
    assert host.packages() == before and not host.succeed(version="580.65.06", flavour="proprietary")["changed"]


def test_the_next_branch_comes_when_it_is_wanted(host: DriverHost) -> None:
    host.reboot()
    done = host.change(branch="590", flavour="proprietary")
    assert host.drivers() == {"590.48.01"} and host.held() == set(host.packages())
    assert done["reboot_reasons"] == ["the loaded driver is 580.65.06, and 590.48.01 is on disk"]
    host.upgrade_everything()
    assert host.drivers() == {"590.48.01"}


def test_the_flavours_take_each_others_place(host: DriverHost) -> None:
    done = host.change(branch="590", flavour="open")
    assert done["target"]["flavour"] == "open" and host.held() == set(host.packages())
    assert {"nvidia-open", "kmod-nvidia-open-dkms"} <= set(host.packages())
    assert not {"cuda-drivers", "kmod-nvidia-latest-dkms"} & set(host.packages())
    back = host.change(branch="590", flavour="proprietary")
    assert back["target"]["flavour"] == "proprietary" and host.drivers() == {"590.48.01"}


def test_what_worked_before_comes_back_from_the_same_lists(host: DriverHost) -> None:
    done = host.change(state="previous")
    assert host.drivers() == {"580.65.06"} and host.held() == set(host.packages())
    assert not done["reboot_required"], "it is still the one that is loaded"


def test_what_is_not_offered_is_refused_by_its_name(host: DriverHost) -> None:
    before = host.packages()
    absent = host.refuse("unknown_package", branch="570", flavour="proprietary")
    assert "cuda-drivers" in absent["msg"] and "570" in absent["msg"], absent["msg"]
    prebuilt = host.refuse("not_offered", branch="580", flavour="proprietary", modules="prebuilt")
    assert "Rocky Linux" in prebuilt["msg"] and "use dkms" in prebuilt["msg"]
    assert host.packages() == before and host.held() == set(before)


def test_removal_leaves_nothing(host: DriverHost) -> None:
    host.change(state="absent")
    assert host.leftovers() == ""


def test_a_toolkit_of_its_repository_comes_and_goes() -> None:
    with cuda_host("dnf", image=IMAGE) as host:
        # nvcc needs a compiler, and this stand-in has none. What it is called is enough.
        with tempfile.TemporaryDirectory() as folder:
            rpm.build_repository([Package("gcc-c++", "14")], Path(folder), images.keys(), BED)
            (file,) = Path(folder).glob("*.rpm")
            host.container.copy_in(file, "/tmp/compiler.rpm")
        host.sh("rpm -i --nosignature /tmp/compiler.rpm && rm /tmp/compiler.rpm")
        desired = [{"version": "13.0", "hold": True}]
        assert host.succeed(desired, check=True)["changed"] and host.leftovers() == ""
        done = host.succeed(desired, cudnn="9")
        assert done["toolkits"][0]["held"] and host.release() == "13.0"
        again = host.succeed(desired, cudnn="9")
        assert not again["changed"] and again["commands_run"] == 1
        host.sh("dnf -qy upgrade")
        assert not host.succeed(desired, cudnn="9")["changed"]
        refused = host.refuse(["12.4"], "unknown_package")
        assert "cuda-toolkit-12-4" in refused["msg"] and host.release() == "13.0"
        gone = [{"version": "13.0", "state": "absent"}]
        host.succeed(gone)
        assert host.leftovers() == "" and not host.succeed(gone)["changed"]


def test_packages_have_the_names_of_this_release_and_stay_as_desired() -> None:
    with package_host("dnf", image=IMAGE) as host:
        desired = ["make", "zlib-headers", {"name": "bed-leaf", "version": "1.0", "hold": True}, "bed-tool"]
        done = host.succeed(desired)
        assert {"make", "zlib-ng-compat-devel", "bed-leaf"} <= {change["name"] for change in done["changes"]}
        assert host.sh("make --version").startswith("GNU Make") and host.version("zlib-ng-compat-devel")
        again = host.succeed(desired)
        assert not again["changed"] and again["commands_run"] <= 2
        # One package answers to both names, and is not there twice.
        assert not host.succeed(["curl", "curl-minimal"])["changed"]
        host.upgrade_everything()
        assert (host.version("bed-leaf"), host.held()) == ("1.0-1", {"bed-leaf"})
        host.succeed(["zlib-headers", {"name": "bed-leaf", "state": "absent", "hold": False}])
        assert host.version("bed-leaf") == "" and host.held() == set()
