# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a driver is made of, what has to change for it, and what must not be begun."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import (
    desired_packages,
    package_sets,
    plan,
    runfile,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import DesiredDriver
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    NVIDIA_REPOSITORY,
    Holder,
    Kernel,
    Nouveau,
    Piece,
)
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.driver.model_host import (
    DEBIAN,
    KERNEL,
    ROCKY9,
    ROCKY10,
    SWITCH,
    UBUNTU,
    desired_for,
    empty_host,
    installed,
    loaded,
    planned,
    state_of,
    summaries,
    target,
)

ARCHIVE = {"source": "distribution"}
RUN = {"source": "runfile"}
# target -> the packages that are asked for
SETS = [
    (target(branch="550", flavour="proprietary"), ["cuda-drivers-550"]),
    (target(branch="570"), ["nvidia-open-570"]),
    (target(branch="590"), ["nvidia-open"]),
    (target(branch="590", flavour="proprietary"), ["cuda-drivers"]),
    (
        target(branch="550", libraries="compute"),
        ["nvidia-dkms-550-open", "libnvidia-compute-550", "nvidia-utils-550", "nvidia-compute-utils-550"],
    ),
    (
        target(branch="590", libraries="compute"),
        ["nvidia-dkms-open", "libnvidia-compute", "nvidia-utils", "nvidia-compute-utils"],
    ),
    (target(branch="535", **ARCHIVE), ["nvidia-driver-535-server-open", "nvidia-utils-535-server"]),
    (
        target(branch="535", server=False, flavour="proprietary", **ARCHIVE),
        ["nvidia-driver-535", "nvidia-utils-535"],
    ),
    (
        target(branch="580", libraries="compute", **ARCHIVE),
        ["nvidia-headless-580-server-open", "nvidia-utils-580-server"],
    ),
    (
        target(branch="580", modules="prebuilt", **ARCHIVE),
        [
            f"linux-modules-nvidia-580-server-open-{KERNEL}",
            "nvidia-headless-no-dkms-580-server-open",
            "nvidia-utils-580-server",
            "libnvidia-gl-580-server",
        ],
    ),
    (
        target(DEBIAN, branch="", flavour="proprietary", libraries="compute", **ARCHIVE),
        ["nvidia-kernel-dkms", "nvidia-smi", "libcuda1"],
    ),
    (target(DEBIAN, branch="", **ARCHIVE), ["nvidia-open-kernel-dkms", "nvidia-smi", "libcuda1", "nvidia-driver"]),
    (target(ROCKY9, branch="550", flavour="proprietary"), ["cuda-drivers"]),
    # From 570 on it is needed in any version, and dnf would take the newest.
    (target(ROCKY9, branch="580"), ["nvidia-open", "nvidia-modprobe"]),
    (
        target(ROCKY9, branch="580", libraries="compute"),
        ["nvidia-driver-cuda", "kmod-nvidia-open-dkms", "nvidia-modprobe"],
    ),
    (
        target(ROCKY9, branch="550", flavour="proprietary", modules="prebuilt"),
        ["nvidia-driver", "nvidia-driver-cuda"],
    ),
]


@pytest.mark.parametrize(("wanted", "names"), SETS)
def test_names_of_a_driver(wanted, names):
    assert list(package_sets.names(wanted, [KERNEL])) == names


@pytest.mark.parametrize(
    "wanted",
    [
        target(modules="prebuilt"),
        target(DEBIAN, modules="prebuilt", **ARCHIVE),
        target(ROCKY9, **ARCHIVE),
        target(ROCKY10, modules="prebuilt", flavour="proprietary"),
        target(ROCKY9, modules="prebuilt"),
    ],
)
def test_what_a_source_does_not_have(wanted):
    with pytest.raises(InvalidArguments):
        package_sets.names(wanted, [KERNEL])


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (target(branch="550"), ["nvidia-fabricmanager-550", "nvidia-imex-550", "libnvidia-nscq-550"]),
        (target(branch="580"), ["nvidia-fabricmanager", "nvidia-imex", "libnvidia-nscq"]),
        (target(branch="580", **ARCHIVE), ["nvidia-fabricmanager-580", "nvidia-imex-580", "libnvidia-nscq-580"]),
        (target(ROCKY9, branch="550"), ["nvidia-fabric-manager", "nvidia-imex", "libnvidia-nscq-550"]),
        (target(ROCKY9, branch="580"), ["nvidia-fabricmanager", "nvidia-imex", "libnvidia-nscq"]),
    ],
)
def test_names_of_companions(wanted, names):
    assert list(package_sets.companions(wanted, ("fabric_manager", "imex", "nscq"))) == names


def test_debian_has_no_fabric_manager():
    with pytest.raises(InvalidArguments, match="fabric manager from distribution"):
        package_sets.companions(target(DEBIAN, branch="", **ARCHIVE), ("fabric_manager",))


def test_the_driver_of_debian_is_told_without_a_branch():
    made = planned(empty_host(), target(DEBIAN, branch="", flavour="proprietary", **ARCHIVE))
    assert made.details["reboot_reasons"] == ["the new driver of the distribution (proprietary) is loaded by a boot"]


@pytest.mark.parametrize(
    ("wanted", "stream"),
    [
        (target(ROCKY9, branch="580"), "580-open"),
        (target(ROCKY9, branch="550", flavour="proprietary"), "550-dkms"),
        (target(ROCKY9, branch="550", flavour="proprietary", modules="prebuilt"), "550"),
        (target(ROCKY10), ""),
        (target(UBUNTU), ""),
    ],
)
def test_streams_are_el9s_alone(wanted, stream):
    assert package_sets.stream(wanted) == stream


def test_dnf_takes_away_the_other_flavour_and_nothing_that_stays():
    """What it takes away loses its lock before: `nvidia-driver` belongs to both flavours and keeps its own."""
    found = replace(
        empty_host(),
        pieces=tuple(
            Piece(sources.piece_of(name), name, "3:590.48.01-1.el10", "590.48.01", NVIDIA_REPOSITORY, held=True)
            for name in ("cuda-drivers", "kmod-nvidia-latest-dkms", "nvidia-driver", "nvidia-driver-libs")
        ),
    )
    gone = desired_packages.erased(target(ROCKY10, branch="590", flavour="open"), found)
    assert gone == {"cuda-drivers", "kmod-nvidia-latest-dkms"}
    assert desired_packages.erased(target(ROCKY10, branch="590", flavour="proprietary"), found) == frozenset()


@pytest.mark.parametrize(
    ("package", "source", "goes"),
    [
        ("akmod-nvidia", "distribution", True),
        ("xorg-x11-drv-nvidia-cuda-libs", "distribution", True),
        ("kmod-nvidia-5.14.0-427.13.1.el9_4.x86_64", "distribution", True),
        ("kmod-nvidia", "distribution", True),
        ("dkms-nvidia", "distribution", True),
        ("nvidia-x11-drv", "distribution", True),
        # Both have these by one name: they get NVIDIA's version, and would take the others along.
        ("nvidia-persistenced", "distribution", False),
        ("nvidia-driver-libs", "distribution", False),
        ("nvidia-driver", "nvidia", False),
        ("kmod-nvidia-open-dkms", "nvidia", False),
    ],
)
def test_what_another_vendor_has_in_nvidias_place_goes_by_its_name(package, source, goes):
    piece = Piece(sources.piece_of(package), package, "3:580.95.05-1.el9", "580.95.05", source)
    wanted = target(ROCKY9, branch="580", flavour="open")
    assert piece.name and package_sets.stays(piece, wanted, ()) != goes
    desired = desired_packages.desired_packages(
        desired_for(wanted), wanted, replace(empty_host(), pieces=(piece,)), wanted.distribution
    )
    assert ("absent" in {entry.state for entry in desired.packages if entry.requested == package}) == goes


def test_a_fresh_installation_says_everything():
    made = planned(empty_host(), target(version="550.54.15"))
    told = summaries(made)
    assert "install nvidia-open-550 550.54.15-0ubuntu1" in told
    assert "hold nvidia-open-550 at its version" in told
    assert not any("nouveau" in line for line in told), "its packages bring a file that blocks nouveau"
    assert made.details["reboot_required"] and "loaded by a boot" in made.details["reboot_reasons"][0]
    assert made.after[-1].startswith("reboot required: the new driver 550.54.15 (open)")


def test_a_host_without_a_gpu_needs_no_boot_for_a_driver():
    """An image is prepared on such a host, and a boot would load nothing there."""
    made = planned(replace(empty_host(), gpus=()), target(version="550.54.15"))
    assert made.changed and made.details["reboot_reasons"] == [] and not made.details["reboot_required"]


@pytest.mark.parametrize(("modules", "stays"), [("prebuilt", True), ("dkms", False)])
def test_modules_that_ubuntu_built_stay_only_where_they_are_wanted(modules, stays):
    name = f"linux-modules-nvidia-580-server-open-{KERNEL}"
    piece = Piece(sources.piece_of(name), name, "6.8.0-45.45+1", "580.95.05", "distribution")
    assert package_sets.stays(piece, target(branch="580", modules=modules, **ARCHIVE), ()) is stays


def test_a_change_names_what_runs_and_who_holds_it():
    holder = Holder(4711, "ada", "python train.py", ("/dev/nvidia0",), unit="session-3.scope")
    daemon = Holder(1, "root", "nvidia-persistenced", ("/dev/nvidia0",), daemon=True)
    found = loaded(installed(empty_host(), target(version="550.54.15")), "550.54.15")
    made = planned(replace(found, holders=(holder, daemon)), target(branch="580"))
    assert [entry["pid"] for entry in made.details["holders"]] == [4711]
    assert "in use by pid 4711 (python train.py) of ada, unit session-3.scope" in made.before
    assert made.details["reboot_reasons"] == ["550.54.15 open is loaded and 580.95.05 (open) comes in its place"]
    told = summaries(made)
    assert "remove nvidia-open-550 550.54.15-0ubuntu1" in told and "install nvidia-open-580 580.95.05-0ubuntu1" in told


def test_a_companion_that_comes_later_gets_the_drivers_version():
    """The branch has a newer release; Fabric Manager of that one would not work with the driver that is here."""
    found = installed(empty_host(), target(version="550.54.15"))
    wanted = target(branch="550")
    asked = desired_packages.desired_packages(desired_for(wanted), wanted, replace(found, nvswitches=(SWITCH,)), UBUNTU)
    (manager,) = [package for package in asked.packages if package.requested == "nvidia-fabricmanager-550"]
    assert manager.version == "550.54.15"


def test_a_branch_becomes_the_newest_version_that_all_parts_have():
    wanted = target(branch="550", libraries="compute")
    asked = desired_packages.desired_packages(desired_for(wanted), wanted, empty_host(), UBUNTU)
    offered = dict.fromkeys(asked.names, ("550.90.07-0ubuntu1", "550.54.15-0ubuntu1", "550.120-0ubuntu0.24.04.1"))
    offered["libnvidia-compute-550"] = ("550.54.15-0ubuntu1",)
    exact = desired_packages.exact(asked, offered, wanted)
    assert {package.version for package in exact.packages} == {"550.54.15"}
    archive = target(branch="550", **ARCHIVE)
    assert desired_packages.filter_source({"x": offered["nvidia-utils-550"]}, archive) == {
        "x": ("550.120-0ubuntu0.24.04.1",)
    }


def test_kept_companions_follow_the_driver():
    found = installed(empty_host(), target(version="550.54.15"))
    nscq = Piece("nscq", "libnvidia-nscq-550", "550.54.15-1", "550.54.15", "nvidia", held=True)
    toolkit = Piece("container_toolkit", "nvidia-container-toolkit", "1.17.8-1", "", "nvidia")
    asked = desired_packages.desired_packages(
        desired_for(target(branch="580")),
        target(branch="580"),
        replace(found, pieces=(*found.pieces, nscq, toolkit)),
        UBUNTU,
    )
    states = {package.requested: package.state for package in asked.packages}
    assert states["libnvidia-nscq"] == "present" and states["libnvidia-nscq-550"] == "absent"
    assert "nvidia-container-toolkit" not in states


def test_pins_keep_other_sources_out():
    asked = desired_packages.desired_packages(
        desired_for(target(branch="550")), target(branch="550"), empty_host(), UBUNTU
    )
    pins = {pin.name: (pin.state, pin.pin, pin.priority) for pin in asked.sources.pins}
    assert pins["gpufleet-mlstack-nvidia-1-not-from-ubuntu"] == ("present", "release o=Ubuntu", -1)
    assert pins["gpufleet-mlstack-nvidia-1-not-from-nvidia"][0] == "absent"
    assert pins["gpufleet-mlstack-nvidia-9-version"] == ("present", "version 550.*", 1001)
    gone = desired_packages.desired_packages(desired_for(None), None, empty_host(), UBUNTU)
    assert {pin.state for pin in gone.sources.pins} == {"absent"} and gone.purge
    streams = desired_packages.desired_packages(desired_for(None), None, empty_host(), ROCKY9).sources.streams
    assert [(stream.module, stream.stream) for stream in streams] == [("nvidia-driver", "")]


def test_missing_headers_come_along():
    kernel = Kernel(KERNEL, running=True, boots_next=True, headers=False)
    host = replace(empty_host(), kernels=(kernel,))
    asked = desired_packages.desired_packages(desired_for(target()), target(), host, UBUNTU)
    assert f"linux-headers-{KERNEL}" in asked.names
    rocky = target(ROCKY9)
    release = "5.14.0-427.13.1.el9_4.x86_64"
    host = replace(host, kernels=(replace(kernel, release=release),))
    (headers,) = [
        p
        for p in desired_packages.desired_packages(desired_for(rocky), rocky, host, ROCKY9).packages
        if "devel" in p.requested
    ]
    assert (headers.requested, headers.version) == ("kernel-devel", "5.14.0-427.13.1.el9_4")


def test_a_module_that_is_missing_is_built():
    found = installed(empty_host(), target())
    newer = Kernel("6.8.0-50-generic", boots_next=True, headers=True)
    kernels = (replace(found.kernels[0], boots_next=False), newer)
    made = planned(replace(found, kernels=kernels), target())
    assert [(action.verb, action.subject) for action in made.actions] == [("build", "6.8.0-50-generic")]


def test_nouveau_is_blocked_once_and_the_initial_file_system_follows():
    found = replace(installed(empty_host(), target()), nouveau=Nouveau(blocked=False, initramfs=(KERNEL,)))
    assert [action.verb for action in planned(found, target()).actions] == ["block_nouveau", "rebuild"]
    blocked = replace(found, nouveau=Nouveau(blocked=True, blocked_by=("/usr/lib/modprobe.d/x.conf",)))
    assert not planned(blocked, target()).changed
    removed = planned(empty_host(), None, block_file="blacklist nouveau\n")
    assert [action.verb for action in removed.actions] == ["unblock_nouveau"]


def test_services_start_at_boot():
    found = installed(empty_host(nvswitches=(SWITCH,)), target())
    offered = ("nvidia-persistenced.service", "nvidia-fabricmanager.service")
    made = planned(found, target(), offered_services=offered, enabled=offered[:1])
    assert [(action.verb, action.subject) for action in made.actions] == [("enable", "nvidia-fabricmanager.service")]


def test_services_of_packages_that_come_are_foretold_and_go_with_the_driver():
    wanted = target(branch="550", libraries="compute")
    made = planned(empty_host(nvswitches=(SWITCH,)), wanted)
    enabled = [action.subject for action in made.actions if action.verb == "enable"]
    assert enabled == ["nvidia-persistenced.service", "nvidia-fabricmanager.service"]
    removed = planned(installed(empty_host(), wanted), None, enabled=("nvidia-persistenced.service",))
    assert removed.actions[-1].verb == "disable"


def test_no_reboot_for_what_is_loaded_already():
    old = target(version="550.54.15")
    newer = loaded(installed(empty_host(), target(version="580.95.05")), "550.54.15")
    made = planned(newer, old)
    assert made.changed and not made.details["reboot_required"]
    other = planned(newer, target(version="550.54.15", flavour="proprietary"))
    assert other.details["reboot_reasons"] == [
        "550.54.15 open is loaded and 550.54.15 (proprietary) comes in its place"
    ]


def test_a_module_that_is_built_for_the_next_boot_is_loaded_by_it():
    found = loaded(installed(empty_host(), target(version="580.95.05")), "550.54.15")
    newer = Kernel("6.8.0-50-generic", boots_next=True, headers=True)
    made = planned(replace(found, kernels=(replace(found.kernels[0], boots_next=False), newer)), target(branch="580"))
    assert [action.verb for action in made.actions] == ["build"]
    assert made.details["reboot_reasons"] == ["550.54.15 open is loaded and 580.95.05 (open) comes in its place"]


def test_metapackages_that_need_dkms_go_when_modules_are_built_already():
    """Ubuntu's depend on it in one version."""
    found = installed(empty_host(), target(branch="580", **ARCHIVE))
    told = summaries(planned(found, target(branch="580", modules="prebuilt", **ARCHIVE)))
    assert "remove nvidia-driver-580-server-open 580.95.05-0ubuntu0.24.04.1" in told


def test_an_installer_needs_a_file_of_ours_against_nouveau_once_packages_are_gone():
    wanted = target(version="550.54.15", **RUN)
    nouveau = Nouveau(blocked=True, blocked_by=("/usr/lib/modprobe.d/nvidia-550.conf",))
    packages = replace(installed(empty_host(), target(branch="550")), nouveau=nouveau)
    assert [action.verb for action in planned(packages, wanted).actions][-2:] == ["block_nouveau", "keep_runfile"]
    ours = replace(packages, nouveau=replace(nouveau, blocked_by=("/etc/modprobe.d/site.conf",)))
    assert [action.verb for action in planned(ours, wanted).actions][-2:] == ["install_runfile", "keep_runfile"]


def test_a_host_without_a_gpu_is_left_alone():
    made = plan.plan(DesiredDriver(), replace(state_of(empty_host(), target()), target=None, packages=None))
    assert not made.changed and "no NVIDIA GPU" in made.details["skipped"]


def test_from_the_installer_to_packages_and_back():
    run = target(version="550.54.15", source="runfile")
    by_installer = installed(empty_host(), run)
    assert not planned(by_installer, run).changed
    unkept = desired_for(target(branch="550"), require_rollback=False)
    told = [action.verb for action in planned(by_installer, target(branch="550"), unkept).actions]
    assert told[0] == "uninstall_runfile" and "install" in told
    packages = installed(empty_host(), target(branch="550"))
    made = planned(packages, run)
    assert [action.verb for action in made.actions][-3:] == ["install_runfile", "block_nouveau", "keep_runfile"]
    assert "remove nvidia-open-550 550.90.07-0ubuntu1" in summaries(made)


@pytest.mark.parametrize(
    ("version", "flavour", "words"),
    [
        ("470.256.02", "proprietary", []),
        ("535.183.01", "open", ["-m=kernel-open"]),
        ("550.54.15", "proprietary", ["-m=kernel", "--skip-module-load"]),
        ("580.65.06", "open", ["--kernel-module-type=open", "--skip-module-load"]),
    ],
)
def test_options_of_the_installer(version, flavour, words):
    given = runfile.options(version, flavour, KERNEL)
    assert given[:3] == ["--silent", "--dkms", f"--kernel-name={KERNEL}"] and given[5:] == words


def test_an_old_installer_has_no_open_module():
    with pytest.raises(MlstackError, match="before 515"):
        runfile.options("470.256.02", "open", KERNEL)
