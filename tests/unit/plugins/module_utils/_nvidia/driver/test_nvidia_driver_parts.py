# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to a driver on hosts that work: nothing is left to do there, and what is not the driver's is let be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import driver_parts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings, sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import (
    desired_packages,
    guards,
    package_sets,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import DesiredDriver
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.gpu_packages import Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    PARTS,
    LoadedDriver,
    ModuleOnDisk,
    Nouveau,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Change
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.driver.model_host import (
    SWITCH,
    UBUNTU,
    desired_for,
    empty_host,
    planned,
    summaries,
    target,
)
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.driver.real_hosts import HOSTS

HGX = "HGX A100, Ubuntu's server branch, closed"
DESKTOP = "desktop, Ubuntu's branch, open, with firmware of two earlier releases"
FIRMWARE = "NVIDIA's repository for Ubuntu, firmware with the version in its name"
NO_BRANCH = "NVIDIA's repository for Ubuntu, without a branch in the names"
B200 = "HGX B200, NVIDIA's repository"
DEBIAN_OPEN = "NVIDIA's repository for Debian 12, open"


def wanted_of(real, **fields):
    return target(real.distribution, **{"branch": real.branch, **real.desired, **fields})


def found_on(real, **fields):
    """The host as it is observed, with its driver loaded."""
    packages = real.packages(**fields)
    source = real.desired.get("source", "nvidia")
    origins = {package.name: source for package in packages}
    flavour = real.desired.get("flavour", "open")
    host = empty_host(nvswitches=(SWITCH,) if real.nvswitches else ())
    module = ModuleOnDisk("/lib/modules/x/updates/dkms/nvidia.ko", real.present, flavour, "dkms")
    return replace(
        host,
        pieces=sources.pieces(packages, origins),
        kernels=tuple(replace(kernel, module=module) for kernel in host.kernels),
        libraries=real.present,
        nouveau=Nouveau(blocked=True),
        loaded=LoadedDriver(real.present, flavour, ("nvidia",)),
    )


@pytest.mark.parametrize("name", HOSTS)
def test_nothing_is_left_to_do_where_the_driver_is_as_desired(name):
    real = HOSTS[name]
    assert summaries(planned(found_on(real), wanted_of(real))) == []
    if wanted_of(real).branch:
        assert summaries(planned(found_on(real), wanted_of(real, version=real.present))) == []


@pytest.mark.parametrize("name", HOSTS)
def test_nothing_is_wrong_there(name):
    real = HOSTS[name]
    assert [problem.code for problem in findings.problems(found_on(real))] == []
    assert desired_packages.present_version(wanted_of(real), found_on(real)) == real.present


@pytest.mark.parametrize("name", HOSTS)
def test_with_another_release_only_parts_of_the_driver_change(name):
    """Platform libraries, NVLink's subnet manager, local repositories, toolkits and their like are named by nobody."""
    real = HOSTS[name]
    newer = f"{real.branch}.250.01"
    wanted = wanted_of(real, **({"version": newer} if wanted_of(real).branch else {}))
    found = found_on(real)
    named = set(desired_packages.desired_packages(desired_for(wanted), wanted, found, real.distribution).names)
    others = {package.name for package in real.packages() if not package.version.startswith(real.version)}
    not_its = named & others - {piece.package for piece in found.pieces if piece.name in PARTS}
    assert not_its == set()
    assert {piece.package for piece in found.pieces if piece.name not in PARTS} & named == set()
    assert not any(word in name for name in named for word in ("egl-wayland", "egl-gbm", "nvlsm", "local-repo"))


@pytest.mark.parametrize("name", HOSTS)
def test_all_of_the_driver_goes_with_it_and_nothing_else(name):
    real = HOSTS[name]
    found = found_on(real)
    gone = desired_packages.desired_packages(desired_for(None), None, found, real.distribution)
    assert set(gone.names) == {piece.package for piece in found.pieces if piece.name in PARTS}
    left = {package.name for package in real.packages()} - set(gone.names)
    beside = ("egl-wayland", "egl-gbm", "egl-x", "nvlsm", "local-repo", "assistant", "container", "toolkit", "ml-dev")
    own = ("nvidia-settings", "nvidia-modprobe", "nvidia-prime", "nvidia-kernel-common", "glx-alternative", "screen")
    assert [name for name in left if not any(word in name for word in (*beside, *own, "dnf-plugin"))] == []


def test_a_release_changes_firmware_that_has_its_version_in_its_name():
    real = HOSTS[FIRMWARE]
    wanted = wanted_of(real, version="550.90.07")
    asked = desired_packages.desired_packages(desired_for(wanted), wanted, found_on(real), UBUNTU)
    (firmware,) = [entry for entry in asked.packages if "firmware" in entry.requested]
    assert (firmware.requested, firmware.state) == ("nvidia-firmware-550-550.54.15", "absent")
    left = HOSTS[DESKTOP]
    wanted = wanted_of(left)
    asked = desired_packages.desired_packages(desired_for(wanted), wanted, found_on(left), UBUNTU)
    (firmware,) = [entry for entry in asked.packages if "firmware" in entry.requested]
    assert (firmware.requested, firmware.version) == ("nvidia-firmware-580-580.142", "580.142")


def test_with_a_branch_its_firmware_and_its_pin_go():
    gone = summaries(planned(found_on(HOSTS[FIRMWARE]), target(branch="590")))
    assert "remove nvidia-firmware-550-550.54.15 550.54.15-0ubuntu1" in gone
    gone = summaries(planned(found_on(HOSTS[NO_BRANCH]), target(branch="580")))
    assert "remove nvidia-driver-pinning-595 595-1" in gone and not any("egl-wayland" in line for line in gone)
    assert "remove libnvidia-of-tomorrow 595.58.03-1ubuntu1" in gone


def test_what_is_new_in_a_driver_is_known_by_its_source_and_version():
    real = HOSTS[NO_BRANCH]
    pieces = {piece.package: piece for piece in found_on(real).pieces}
    assert pieces["libnvidia-of-tomorrow"].name == "libraries"
    other = Package("libnvidia-of-tomorrow", "595.58.03-1ubuntu1", made_from="something-else")
    assert sources.pieces([other], {}) == ()
    older = Package("libnvidia-of-tomorrow", "1.0-1", made_from="nvidia-graphics-drivers-580")
    assert sources.pieces([older], {}) == ()


def test_a_switch_to_ubuntus_driver_removes_what_that_conflicts_with():
    found = found_on(HOSTS["NVIDIA's repository for Ubuntu, 580, open, all of it"])
    told = summaries(planned(found, target(branch="580", source="distribution", server=False)))
    assert "remove libnvidia-egl-gbm1 1.1.2.1-1ubuntu1" in told
    server = summaries(planned(found, target(branch="580", source="distribution")))
    assert not any("egl" in line for line in server)


def test_modules_that_are_built_already_keep_the_sources_that_their_metapackage_needs():
    found = found_on(HOSTS["cloud host, headless, modules built already"])
    wanted = wanted_of(HOSTS["cloud host, headless, modules built already"])
    assert [p.package for p in found.pieces if not package_sets.stays(p, wanted, ())] == [
        "nvidia-fabricmanager-580",
        "libnvidia-nscq-580",
    ], "those are wanted by name"


@pytest.mark.parametrize(
    "package", ["libnvidia-egl-wayland1", "nvlsm", "nvidia-driver-local-repo-ubuntu2404-580.95.05", "nvidia-settings"]
)
def test_a_change_of_what_is_not_the_drivers_is_refused(package):
    with pytest.raises(Exception, match="the package manager would also remove"):
        guards.require_expected(DesiredDriver(), [Change("remove", package, "1", "")], (), found_on(HOSTS[HGX]))


def test_settings_with_the_drivers_version_change_with_it():
    found = found_on(HOSTS["Enterprise Linux 9, open"])
    guards.require_expected(DesiredDriver(), [Change("upgrade", "nvidia-modprobe", "1", "2")], (), found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nvidia-driver-580-server-open", "metapackage"),
        ("nvidia-firmware-580-server-580.126.20", "firmware"),
        ("nvidia-open-580.105.08", "metapackage"),
        ("nvidia-driver-pinning-590.48.01", "pinning"),
        ("linux-modules-nvidia-580-open-generic-hwe-24.04", "kernel_module"),
        ("kmod-nvidia-580.95.05-5.14.0-570.17.1", "kernel_module"),
        ("nvidia-driver-local-repo-rhel9-580.95.05", ""),
        ("nvidia-driver-assistant", ""),
        ("nvidia-kernel-source-580-extra", ""),
        ("libnvidia-compute-580-open", ""),
        ("libnvidia-ml-dev", ""),
    ],
)
def test_names_are_read_whole(name, expected):
    assert sources.piece_of(name) == expected


def test_every_name_that_is_asked_for_is_one_of_a_part():
    for entry in driver_parts.entries():
        form = {"branch": "580", "server": "-server", "open": "-open", "version": "580.95.05", "kernel": "6.8.0-45"}
        read = driver_parts.read(entry.name.format(**form))
        assert read is not None and entry in read.entries, entry
