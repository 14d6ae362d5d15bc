# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers on a real apt and a real dnf, with stand-ins for GPUs, for NVIDIA's packages and for its installer.

Everything here happens to one host of eight GPUs and six NVSwitches in a row, as it does to hosts of a fleet; what
molecule's scenario `driver` shows on all platforms is not repeated.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in import kernel_headers
from ansible_collections.gpufleet.mlstack.tests.integration.driver_host import (
    DriverHost,
    desired_runfile,
    driver_host,
    steps,
)

KERNEL = kernel_headers.release()
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


@pytest.fixture(scope="module", params=["apt", "dnf"])
def host(request: pytest.FixtureRequest) -> Iterator[DriverHost]:
    with driver_host(request.param, gpus="a100x8", tmpfs={"/boot": "size=48m"}) as made:
        if made.manager == "apt":  # nothing else is fetched, and Ubuntu's own archive has drivers too
            made.sh("find /etc/apt/sources.list.d -name '*debian*' -delete; rm -f /etc/apt/sources.list")
            archive = "http://ubuntu-archive.bed.test/ubuntu-restricted/24.04"
            made.container.write(
                "/etc/apt/sources.list.d/restricted.list", f"deb [signed-by=/opt/bed/gpu/key.asc] {archive} /\n"
            )
            made.sh("apt-get -qq update")
        yield made


def test_a_branch_is_installed_as_one_held_set(host: DriverHost) -> None:
    done = host.change(version="550.54.15", foreseen=False)
    assert host.drivers() == {"550.54.15"} and host.held() == set(host.packages())
    assert any("fabric" in name for name in host.packages())
    assert done["target"]["flavour"] == "proprietary" and done["driver"]["on_disk"] == "550.54.15"
    assert done["reboot_reasons"] == ["the driver 550.54.15 is on disk, and none is loaded"]
    enabled = "ls /etc/systemd/system/multi-user.target.wants"
    assert {"nvidia-persistenced.service", "nvidia-fabricmanager.service"} <= set(host.sh(enabled).split())


def test_a_held_driver_survives_an_upgrade_of_everything(host: DriverHost) -> None:
    before = host.packages()
    host.upgrade_everything()
    assert host.packages() == before
    if host.manager == "apt":
        assert "cuda-drivers" in host.sh("apt-config dump Unattended-Upgrade::Package-Blacklist")
        # A hold that somebody lifts is not all there is: the pin keeps the version.
        host.sh("apt-mark unhold $(apt-mark showhold | grep -v base-files) && apt-get -yqq dist-upgrade")
        assert host.packages() == before
        assert set(steps(host.change(version="550.54.15"))) == {"hold"}


def test_sources_that_somebody_changed_are_mended_without_touching_the_driver(host: DriverHost) -> None:
    before, sources = host.packages(), host.sources()
    ours = {
        "apt": "/etc/apt/preferences.d/gpufleet-mlstack-nvidia-9-version",
        "dnf": "/etc/yum.repos.d/nvidia-cuda.repo",
    }
    host.sh(f"rm {ours[host.manager]}*")
    assert host.sources() != sources
    done = host.change(version="550.54.15", foreseen=False)
    assert done["changed"] and (host.packages(), host.sources()) == (before, sources)


def test_a_branch_upgrade_takes_everything_along(host: DriverHost) -> None:
    host.reboot()
    done = host.change(branch="580")
    assert host.drivers() == {"580.95.05"} and host.held() == set(host.packages())
    assert done["driver"]["loaded"] == "550.54.15" and done["driver"]["libraries"] == "580.95.05"
    assert done["reboot_reasons"] == ["the loaded driver is 550.54.15, and 580.95.05 is on disk"]
    assert "nvidia-fabricmanager" in host.packages(), "renamed by R580"


def test_a_busy_gpu_is_refused_with_its_process_named(host: DriverHost) -> None:
    before = host.packages()
    work = host.start_work()
    refused = host.refuse("gpu_busy", branch="580", flavour="open")
    (holder,) = refused["holders"]
    assert (holder["pid"], holder["command"], holder["user"]) == (work, "sleep 300", "root")
    assert f"pid {work} (sleep 300) of root" in refused["msg"] and not refused["changed"]
    foretold = host.succeed(branch="580", flavour="open", check=True)
    assert [entry["pid"] for entry in foretold["holders"]] == [work]
    assert f"in use by pid {work}" in foretold["diff"][1]["before"]
    assert host.packages() == before and host.held() == set(before)
    waited = host.refuse("gpu_busy", branch="580", flavour="open", busy="wait", busy_timeout=1)
    assert "after 1 s" in waited["msg"]
    host.sh(f"(sleep 3; kill {work}) >/dev/null 2>&1 &")
    done = host.succeed(branch="580", flavour="open", busy="wait", busy_timeout=60)
    assert done["driver"]["on_disk"] == "580.95.05" and done["target"]["flavour"] == "open"
    assert not host.change(branch="580", flavour="open")["changed"]


def test_a_failed_transaction_is_taken_back(host: DriverHost) -> None:
    before, held, sources = host.packages(), host.held(), host.sources()
    host.let_fail("590.48.01")
    failed = host.run(branch="590", flavour="open")
    assert failed["failed"] and failed["restored"] is True and "are back" in failed["msg"], failed["msg"]
    assert {"apt": "post-installation script", "dnf": "dkms.conf"}[host.manager] in failed["stdout"] + failed["stderr"]
    assert (host.packages(), host.held(), host.sources()) == (before, held, sources)
    host.let_fail("")


def test_what_worked_before_comes_back(host: DriverHost) -> None:
    done = host.change(state="previous")
    assert host.drivers() == {"550.54.15"} and done["target"]["flavour"] == "proprietary"
    assert not done["reboot_required"], "it is still the one that is loaded"


def test_guards_come_before_the_first_change(host: DriverHost) -> None:
    before = host.packages()
    desired = {"branch": "580"}
    host.sh(f"head -c 1000000 /dev/zero >/boot/initrd.img-{KERNEL}")
    full = host.refuse("disk_full", **desired)
    assert "/boot has" in full["msg"] and full["spaces"][0]["needed"] == 65_000_000
    host.sh(f"rm /boot/initrd.img-{KERNEL}; mount -t tmpfs tmpfs /sys/firmware && mkdir -p $(dirname {SECURE_BOOT})")
    host.sh(f"printf '\\006\\000\\000\\000\\001' >{SECURE_BOOT}")
    host.refuse("secure_boot_unsigned", **desired)
    host.sh("umount /sys/firmware")
    absent = host.refuse({"apt": "unknown_package", "dnf": "module_stream"}[host.manager], branch="570")
    assert "570" in absent["msg"] and not absent["changed"]
    name = {"apt": f"linux-headers-{KERNEL}", "dnf": "kernel-devel"}[host.manager]
    host.sh({"apt": f"dpkg --purge {name}", "dnf": f"rpm -e {name}"}[host.manager])
    refused = host.refuse("headers_absent", install_headers=False, **desired)
    assert refused["kernels"] == [KERNEL]
    assert host.packages() == before and host.held() == set(before)
    if (
        host.manager == "dnf"
    ):  # this machine's kernel is not EL's, and so no repository has its headers by their version
        host.refuse("headers_absent", **desired)
        host.sh(f"dnf -yq install {name}")
    done = host.change(**desired)
    assert host.installed(name) and (host.manager == "dnf" or any(step["subject"] == name for step in done["plan"]))


def test_what_nobody_named_is_not_touched(host: DriverHost) -> None:
    host.install_dependent("bed-of-another", "nvidia-fabricmanager = {}")
    refused = host.refuse("unnamed_change", branch="590", flavour="open")
    assert "bed-of-another" in refused["msg"] and refused["changes"][0]["name"] == "bed-of-another"
    assert host.drivers() == {"580.95.05"}
    host.change(branch="590", flavour="open", allow_changes=["bed-of-another"])
    assert host.drivers() == {"590.48.01"} and not host.installed("bed-of-another")


def test_a_mixture_is_refused_and_replaced_where_asked(host: DriverHost) -> None:
    # Half of an installer's driver lies about: its own program takes it away.
    host.container.write("/usr/bin/nvidia-uninstall", "#!/bin/sh\nrm /usr/bin/nvidia-uninstall\n", "0755")
    refused = host.refuse("mixed_sources", branch="580")
    assert "/usr/bin/nvidia-uninstall (runfile)" in refused["msg"] and refused["sources"] == ["nvidia", "runfile"]
    done = host.change(branch="580", flavour="proprietary", replace_mixed_sources=True)
    assert steps(done)[0] == "uninstall_runfile" and host.drivers() == {"580.95.05"}


def test_a_kernel_that_boots_next_gets_its_module(host: DriverHost) -> None:
    newer = "/lib/modules/99.0.0-bed"
    host.sh(f"mkdir -p {newer}/build && touch {newer}/modules.order {newer}/build/Makefile")
    broken = host.refuse("module_not_built", branch="580", flavour="proprietary")
    assert "99.0.0-bed" in broken["msg"] and "dkms" in broken["msg"]
    # The stand-in's packages bring no dkms. This one does what it would be asked for.
    host.container.write(
        "/usr/sbin/dkms",
        "#!/bin/sh\n[ \"$1 $2 $3\" = 'autoinstall -k 99.0.0-bed' ] || exit 3\n"
        f"mkdir -p {newer}/updates/dkms && cp /lib/modules/{KERNEL}/updates/dkms/nvidia.ko {newer}/updates/dkms/\n",
        "0755",
    )
    done = host.change(branch="580", flavour="proprietary")
    assert [(step["action"], step["subject"]) for step in done["plan"]] == [("build", "99.0.0-bed")]
    host.sh(f"rm -r {newer} /usr/sbin/dkms")


def test_an_initial_file_system_that_loads_nouveau_is_made_anew_once(host: DriverHost) -> None:
    program = {"apt": "update-initramfs", "dnf": "dracut"}[host.manager]
    image = {"apt": f"/boot/initrd.img-{KERNEL}", "dnf": f"/boot/initramfs-{KERNEL}.img"}[host.manager]
    host.container.write(f"/usr/sbin/{program}", f'#!/bin/sh\necho "$*" >>/var/tmp/rebuilt\ntouch {image}\n', "0755")
    host.sh(f"mkdir -p /lib/modules/{KERNEL}/kernel/drivers/gpu/drm/nouveau && touch -d 2020-01-01 {image}")
    host.sh(f"touch /lib/modules/{KERNEL}/kernel/drivers/gpu/drm/nouveau/nouveau.ko")
    done = host.change(branch="580", flavour="proprietary")
    assert steps(done) == ["rebuild"] and KERNEL in host.sh("cat /var/tmp/rebuilt")
    assert len(host.sh("cat /var/tmp/rebuilt").splitlines()) == 1
    host.sh(f"rm -r /lib/modules/{KERNEL}/kernel {image} /usr/sbin/{program} /var/tmp/rebuilt")


def test_every_source_takes_the_place_of_every_other(host: DriverHost) -> None:
    before = host.packages()
    assert not host.refuse("digest_mismatch", **{**desired_runfile("550.54.15"), "runfile_sha256": "0" * 64})["changed"]
    assert host.packages() == before and host.held() == set(before)
    sources, files = host.sources(), host.files()
    failed = host.refuse(
        "command_failed", **desired_runfile("550.54.15"), env={"BED_INSTALLER_FAILS": "550.54.15-half"}
    )
    assert failed["restored"] is True and "are back" in failed["msg"], failed["msg"]
    assert (host.packages(), host.sources()) == (before, sources) and host.held() == set(before)
    assert host.files() == files, "half of an installer's driver would be a mixture"
    done = host.change(**desired_runfile("550.54.15"))
    assert host.packages() == {} and done["driver"]["sources"] == ["runfile"]


@pytest.mark.parametrize(
    ("fails", "code", "words"),
    [
        ("580.65.06", "command_failed", "Building kernel modules"),
        ("580.65.06-half", "command_failed", "create the kernel module"),
        ("580.65.06-mute", "installer_incomplete", "the installer ended well, and this host had 580.65.06"),
    ],
)
def test_an_installer_that_fails_brings_the_driver_from_before_back(
    host: DriverHost, fails: str, code: str, words: str
) -> None:
    files = host.files()
    foretold = host.succeed(**desired_runfile("580.65.06"), check=True)
    assert "550.54.15 is put back by its installer, which is kept here" in foretold["diff"][1]["after"]
    failed = host.refuse(code, **desired_runfile("580.65.06"), env={"BED_INSTALLER_FAILS": fails})
    assert words in failed["msg"] and failed["changed"] and failed["restored"] is True
    assert "the driver 550.54.15 was put back by its installer" in failed["msg"]
    assert host.files() == files and not host.succeed(**desired_runfile("550.54.15"))["changed"]


def test_packages_that_fail_bring_the_installers_driver_back(host: DriverHost) -> None:
    files, sources = host.files(), host.sources()
    host.let_fail("590.48.01")
    failed = host.run(branch="590", flavour="open")
    assert failed["failed"] and failed["restored"] is True and "put back by its installer" in failed["msg"], failed
    assert (host.packages(), host.sources(), host.files()) == ({}, sources, files)
    host.let_fail("")


def test_without_the_old_installer_there_is_no_way_back_and_no_change(host: DriverHost) -> None:
    files = host.files()
    (kept,) = (path for path in files if path.endswith(".run"))
    host.sh(f"echo >>{kept}")
    desired = desired_runfile("580.65.06")
    damaged = host.refuse("no_way_back", **desired)
    assert not damaged["changed"] and f"delete {kept}, which is damaged" in damaged["msg"]
    # It is fetched again from where it came.
    host.sh(f"rm {kept}")
    assert "which is fetched before" in host.succeed(**desired, check=True)["diff"][1]["after"]
    failed = host.refuse("command_failed", **desired, env={"BED_INSTALLER_FAILS": "580.65.06"})
    assert failed["restored"] is True, failed["msg"]
    # One that somebody has installed by hand: nothing tells where its installer was.
    host.sh("rm -r /var/lib/gpufleet-mlstack")
    unknown = host.refuse("no_way_back", **desired, check=True)
    assert unknown["present"] == "550.54.15" and "no digest of it is known" in unknown["msg"]
    assert host.files() == [path for path in files if path != kept]
    accepted = {**desired, "require_rollback": False}
    assert "no way back: the installer of 550.54.15" in host.succeed(**accepted, check=True)["diff"][1]["after"]
    failed = host.refuse("command_failed", **accepted, env={"BED_INSTALLER_FAILS": "580.65.06"})
    assert failed["restored"] is False and "this host now has no NVIDIA driver on its disk" in failed["msg"]


def test_the_installer_that_is_kept_is_the_last_one(host: DriverHost) -> None:
    for version in ("550.54.15", "580.65.06"):
        done = host.change(**desired_runfile(version))
        assert done["driver"]["on_disk"] == done["driver"]["libraries"] == version
        (kept,) = (path for path in host.files() if path.endswith(".run"))
        assert kept.rpartition("/")[2].startswith(version)
    assert host.sh(f"stat -c '%U %a' {kept}") == "root 600\n"
    assert steps(host.succeed(**desired_runfile("580.65.06"), keep_runfile=False)) == ["delete_runfile"]


def test_packages_take_the_place_of_an_installers_driver(host: DriverHost) -> None:
    host.change(**desired_runfile("550.54.15"))
    if host.manager == "apt":
        host.change(source="distribution", branch="580")
        assert {version.rpartition("-")[2] for version in host.packages().values()} >= {"0ubuntu0.24.04.1"}
        done = host.change(source="distribution", branch="580", modules="prebuilt")
        assert (
            not any(name.startswith("nvidia-dkms") for name in host.packages())
            and done["driver"]["on_disk"] == "580.95.05"
        )
        assert done["driver"]["sources"] == ["distribution"]
    host.change(branch="550", foreseen=False)
    assert host.drivers() == {"550.90.07"} and host.held() == set(host.packages())


def test_removal_leaves_nothing(host: DriverHost) -> None:
    host.change(state="absent")
    assert host.leftovers() == ""
    failed = host.refuse(
        "command_failed", **desired_runfile("550.54.15"), env={"BED_INSTALLER_FAILS": "550.54.15-half"}
    )
    assert failed["restored"] is True and "this host has none, as before" in failed["msg"], failed["msg"]
    assert host.leftovers() == ""
    host.succeed(**desired_runfile("550.54.15"))
    host.change(state="absent")
    assert host.leftovers() == ""


def test_hosts_for_which_no_driver_fits() -> None:
    with driver_host("apt", gpus="v100", headers=False, booted=False) as old:
        refused = old.refuse("stack_impossible", branch="590")
        assert "V100" in refused["msg"] and "580" in refused["msg"]
        assert old.refuse("no_previous_driver", state="previous")["changed"] is False
    with driver_host("dnf", gpus="none", headers=False, booted=False) as none:
        left = none.succeed(branch="580")
        assert left["skipped"] == "this host has no NVIDIA GPU" and not left["changed"] and left["commands_run"] == 1
