# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong in a rollout of drivers, on hosts of the bed that are reached by SSH and have a stand-in boot. The
tests are one story; each begins with what the one before left."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, require_bed
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in.hosts import reboot
from ansible_collections.gpufleet.mlstack.tests.integration.driver_rollout import (
    NOTE,
    drained,
    resumed,
    rollout,
    verified,
)
from ansible_collections.gpufleet.mlstack.tests.integration.gpu_fleet import gpu_fleet

OLD, NEW, NEWEST = "550.54.15", "550.90.07", "580.95.05"
IMAGES = {"gpu1": "ubuntu2404", "gpu2": "rocky9", "gpu3": "ubuntu2404", "gpu4": "ubuntu2404"}
KERNEL = "99.0.0-bed"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    require_bed()
    with gpu_fleet(tmp_path_factory.mktemp("fleet"), IMAGES, over_ssh=True) as made:
        yield made


def stands(printed: str, **lists: list[str]) -> None:
    """The last word on where the rollout stands names exactly these hosts."""
    told = printed.rpartition("TASK [Say where the rollout stands]")[2].partition("\n}\n")[0]
    found = json.loads("{" + told.partition("=> {")[2] + "}")["msg"]
    keys = {
        "failed": "failed",
        "lost": "stopped answering and are not back at work",
        "waiting": "wait for their reboot",
        "changed": "changed in this batch",
        "not_reached": "not reached yet",
    }
    assert {name: found[key] for name, key in keys.items()} == {name: lists.get(name, []) for name in keys}


def is_empty(host: Container) -> bool:
    return host.run(["test", "-e", NOTE]).rc == 0


def on_disk(host: Container) -> str:
    """The version of the libraries on an Ubuntu host."""
    names = host.check("ls /usr/lib/x86_64-linux-gnu").splitlines()
    (version,) = {name.partition(".so.")[2] for name in names if name.startswith("libnvidia-ml.so.5")}
    return version


def bring_kernel(host: Container, version: str) -> None:
    """A new kernel without headers arrives as soon as this driver is installed, as by an unattended upgrade."""
    record = "/var/lib/gpufleet-mlstack/nvidia-driver.json"
    kernel = f"mkdir -p /lib/modules/{KERNEL} && touch /lib/modules/{KERNEL}/modules.order /boot/vmlinuz-{KERNEL}"
    wait = f"until grep -qsF {version} {record}; do sleep 0.05; done"
    host.check(["systemd-run", "--quiet", "sh", "-c", f"{wait}; {kernel}"])


def test_without_reboots_it_pauses_before_a_second_batch_is_out_of_work(fleet):
    wanted = {"nvidia_driver_version": OLD, "rollout_serial": "100%", "rollout_reboot": "never"}
    rest = ["gpu2", "gpu3", "gpu4"]
    printed = rollout(fleet, **wanted)
    assert fleet.asked() == drained("gpu1")
    assert fleet.loaded() == dict.fromkeys(IMAGES, "")
    assert is_empty(fleet.hosts["gpu1"])
    assert printed.count("not begun: gpu1 must be rebooted first") == 3
    stands(printed, waiting=["gpu1"], not_reached=rest)
    # Somebody reboots it: it is the canary of the next batch, which waits in its turn.
    reboot(fleet.hosts["gpu1"])
    printed = rollout(fleet, **wanted)
    asked = fleet.asked()
    assert asked[:2] == [*verified(OLD, "gpu1"), *resumed("gpu1")]
    assert sorted(asked[2:]) == drained(*rest)
    stands(printed, waiting=rest)
    # With reboots, it finishes what waits.
    rollout(fleet, **{**wanted, "rollout_reboot": "when_required", "rollout_canary": 0})
    asked = fleet.asked()
    assert sorted(asked[:3]) == verified(OLD, *rest)
    assert sorted(asked[3:]) == resumed(*rest)
    assert fleet.loaded() == dict.fromkeys(IMAGES, OLD)
    assert not any(is_empty(host) for host in fleet.hosts.values())


def test_it_stops_where_more_than_the_share_fail_or_are_lost(fleet):
    printed = rollout(
        fleet,
        rc=2,
        nvidia_driver_version=NEW,
        nvidia_driver_drain_tasks=str(fleet.folder / "drain.yml"),
        rollout_canary=0,
        rollout_serial=3,
        rollout_max_fail_percentage=50,
        unwell=["gpu2"],
        unwell_with=NEW,
        lost_drained={"gpu3": fleet.pull_the_plug("gpu3")},
    )
    asked = fleet.asked()
    assert sorted(asked[:3]) == drained("gpu1", "gpu2", "gpu3")
    assert sorted(asked[3:5]) == verified(NEW, "gpu1", "gpu2")
    assert asked[5:] == resumed("gpu1")
    assert f"Be well: {NEW} does not do its work. It was not put back to work." in printed
    assert "The host does not answer any more: " in printed
    stands(printed, failed=["gpu2", "gpu3"], changed=["gpu1"], not_reached=["gpu4"])
    assert fleet.loaded() == {"gpu1": NEW, "gpu2": NEW, "gpu3": "", "gpu4": OLD}


def test_a_host_is_not_changed_where_nobody_could_empty_it(fleet):
    wanted = {"nvidia_driver_version": NEW, "rollout_hosts": "gpu4"}
    drain = str(fleet.folder / "drain.yml")
    printed = rollout(fleet, rc=4, nvidia_driver_drain_tasks=drain, head="gpu3", **wanted)
    assert "UNREACHABLE" in printed
    assert fleet.asked() == []
    assert on_disk(fleet.hosts["gpu4"]) == OLD


def test_the_next_run_takes_up_the_lost_one_and_goes_on_while_few_fail_which_go_back(fleet):
    fleet.plug_in("gpu3")
    assert is_empty(fleet.hosts["gpu3"]) and on_disk(fleet.hosts["gpu3"]) == OLD
    printed = rollout(
        fleet,
        rc=2,
        nvidia_driver_version=NEW,
        rollout_canary=0,
        rollout_serial=2,
        rollout_max_fail_percentage=50,
        rollout_rollback="always",
        unwell=["gpu2", "gpu4"],
        unwell_with=NEW,
    )
    assert f"has {NEW} already and is well: passed over" in printed
    asked = fleet.asked()
    # gpu2 and gpu3 are empty already. gpu2 has the driver, and goes back from what an earlier run did.
    assert sorted(asked[:2]) == verified(NEW, "gpu2", "gpu3")
    assert asked[2:5] == [*resumed("gpu3"), *verified(OLD, "gpu2"), *resumed("gpu2")]
    assert asked[5:] == [*drained("gpu4"), *verified(NEW, "gpu4"), *verified(OLD, "gpu4"), *resumed("gpu4")]
    for name in ("gpu2", "gpu4"):
        told = f"Be well: {NEW} does not do its work. It has {OLD} again, verified, and is back at work."
        assert f'fatal: [{name}]: FAILED! => {{"changed": false, "msg": "{told}"}}' in printed
    stands(printed, failed=["gpu2", "gpu4"])
    assert fleet.loaded() == {"gpu1": NEW, "gpu2": OLD, "gpu3": NEW, "gpu4": OLD}
    assert not any(is_empty(host) for host in fleet.hosts.values())


def test_no_host_reboots_into_a_kernel_without_a_driver(fleet):
    wanted = {"nvidia_driver_version": NEWEST, "rollout_hosts": "gpu1,gpu2", "rollout_canary": 0, "rollout_serial": 2}
    hosts = [fleet.hosts["gpu1"], fleet.hosts["gpu2"]]
    before = [host.read("/proc/sys/kernel/random/boot_id") for host in hosts]
    for host in hosts:
        bring_kernel(host, NEWEST)
    printed = rollout(fleet, rc=2, **wanted)
    for name in ("gpu1", "gpu2"):
        assert f"{name} is not rebooted: {KERNEL} would come up without a driver." in printed
    assert f"the headers of {KERNEL} are not installed" in printed
    assert [host.read("/proc/sys/kernel/random/boot_id") for host in hosts] == before
    stands(printed, failed=["gpu1", "gpu2"])
    assert sorted(fleet.asked()) == drained("gpu1", "gpu2")
    # The next run would build for that kernel, and says why it cannot.
    printed = rollout(fleet, rc=2, **wanted)
    assert printed.count('"code": "headers_absent"') == 2
    assert [host.read("/proc/sys/kernel/random/boot_id") for host in hosts] == before
    assert fleet.asked() == []


def test_a_host_that_is_lost_in_the_checks_does_not_count_as_verified(fleet):
    for name in ("gpu1", "gpu2"):
        fleet.hosts[name].check(f"rm -r /lib/modules/{KERNEL} /boot/vmlinuz-{KERNEL}")
    wanted = {"nvidia_driver_version": NEWEST, "rollout_canary": 0, "rollout_serial": 2}
    lost = {"gpu1": fleet.pull_the_plug("gpu1")}
    printed = rollout(fleet, rc=2, lost_verifying=lost, rollout_hosts="gpu1,gpu2,gpu3", **wanted)
    assert fleet.asked() == [*verified(NEWEST, "gpu2"), *resumed("gpu2")]
    stands(printed, lost=["gpu1"], changed=["gpu2"], not_reached=["gpu3"])
    assert "gpu1 stopped answering. That is not for gpu2 to mend" in printed
    fleet.plug_in("gpu1")
    assert is_empty(fleet.hosts["gpu1"])
    rollout(fleet, rollout_hosts="gpu1", **wanted)
    assert fleet.asked() == [*verified(NEWEST, "gpu1"), *resumed("gpu1")]
    assert not is_empty(fleet.hosts["gpu1"])
