# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers of a fleet, as an operator rolls them out: hosts of the bed with a stand-in boot, stand-ins for scontrol and
kubectl. The tests are one story; each begins with what the one before left."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.containers import require_bed
from ansible_collections.gpufleet.mlstack.tests.integration.driver_rollout import (
    NOTE,
    drained,
    resumed,
    rollout,
    verified,
)
from ansible_collections.gpufleet.mlstack.tests.integration.gpu_fleet import gpu_fleet

OLD, NEW = "550.54.15", "550.90.07"
NAMES = ["gpu1", "gpu2", "gpu3"]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    require_bed()
    folder = tmp_path_factory.mktemp("fleet")
    with gpu_fleet(folder, dict(zip(NAMES, ("ubuntu2404", "ubuntu2404", "rocky9"), strict=True))) as made:
        yield made


def test_check_mode_shows_the_change_of_each_host_and_empties_none(fleet):
    printed = rollout(fleet, "--check", "--diff", nvidia_driver_version=OLD, rollout_serial="100%")
    assert printed.count(f"+reboot required: the new driver {OLD} (proprietary) is loaded by a boot") == 3
    assert fleet.asked() == []
    assert set(fleet.loaded().values()) == {""}


def test_one_canary_first_then_the_rest_each_drained_before_and_back_after_it_was_verified(fleet):
    Path(fleet.folder / "scheduler" / "gpu1.jobs").write_text("3")
    printed = rollout(fleet, nvidia_driver_version=OLD, rollout_serial="100%")
    asked = fleet.asked()
    assert asked[:3] == [*drained("gpu1"), *verified(OLD, "gpu1"), *resumed("gpu1")]
    rest = ["gpu2", "gpu3"]
    assert sorted(asked[3:5]) == drained(*rest)
    assert sorted(asked[5:7]) == verified(OLD, *rest)
    assert sorted(asked[7:]) == resumed(*rest)
    assert fleet.loaded() == dict.fromkeys(NAMES, OLD)
    # The canary had jobs: Slurm was asked until they had ended, before anything was installed.
    waits = printed.partition("Wait until its jobs have ended")[2].partition("Install, change, hold")[0]
    assert waits.count("FAILED - RETRYING") == 2
    assert not any(host.run(["test", "-e", NOTE]).rc == 0 for host in fleet.hosts.values())


def test_a_host_that_fails_stays_empty_and_no_further_host_is_reached(fleet):
    printed = rollout(fleet, rc=2, nvidia_driver_version=NEW, rollout_serial=1, unwell="gpu2", unwell_with=NEW)
    first = [*drained("gpu1"), *verified(NEW, "gpu1"), *resumed("gpu1")]
    assert fleet.asked() == [*first, *drained("gpu2"), *verified(NEW, "gpu2")]
    assert fleet.loaded() == {"gpu1": NEW, "gpu2": NEW, "gpu3": OLD}
    assert fleet.hosts["gpu2"].run(["test", "-e", NOTE]).rc == 0
    assert f"Be well: {NEW} does not do its work" in printed
    assert "It was not put back to work." in printed
    assert '"not reached yet": [\n            "gpu3"\n        ]' in printed


def test_the_same_command_goes_on_where_it_stopped(fleet):
    others = fleet.folder / "scheduler" / "gpu3.json"
    others.write_text('{"flag": "+DRAIN", "reason": "fan broken", "annotation": ""}')
    printed = rollout(fleet, nvidia_driver_version=NEW, rollout_serial=1)
    assert f"has {NEW} already and is well: passed over" in printed
    # gpu3 is the canary now; others drained it, so that it stays as it is. gpu2 has the driver: it is verified and put
    # back, without a second reboot.
    assert fleet.asked() == [*verified(NEW, "gpu3"), *verified(NEW, "gpu2"), *resumed("gpu2")]
    assert "fan broken" in others.read_text()
    others.unlink()
    assert fleet.loaded() == dict.fromkeys(NAMES, NEW)
    assert rollout(fleet, nvidia_driver_version=NEW).count("passed over") == 3
    assert fleet.asked() == []


def test_the_last_good_driver_comes_back_on_request_and_only_once(fleet):
    wanted = {"nvidia_driver_scheduler": "kubernetes", "nvidia_driver_version": NEW, "rollout_back_from": "550.90.07"}
    printed = rollout(fleet, rollout_canary=["gpu2"], rollout_serial="100%", **wanted)
    asked = fleet.asked()
    assert asked[:5] == [
        "kubectl annotate node gpu2 gpufleet.mlstack/drained-for=nvidia-driver --overwrite",
        "kubectl drain gpu2 --timeout=86400s --ignore-daemonsets --delete-emptydir-data",
        f"verified gpu2 {OLD}",
        "kubectl uncordon gpu2",
        "kubectl annotate node gpu2 gpufleet.mlstack/drained-for-",
    ]
    assert len(asked) == 15
    assert fleet.loaded() == dict.fromkeys(NAMES, OLD), printed
    assert rollout(fleet, **wanted).count("passed over") == 3
    assert fleet.asked() == []


def test_a_canary_that_fails_goes_back_to_its_driver_and_to_work(fleet):
    printed = rollout(fleet, rc=2, nvidia_driver_version=NEW, rollout_rollback="canary", unwell="gpu1", unwell_with=NEW)
    assert fleet.asked() == [
        *drained("gpu1"),
        *verified(NEW, "gpu1"),
        *verified(OLD, "gpu1"),
        *resumed("gpu1"),
    ]
    assert fleet.loaded() == dict.fromkeys(NAMES, OLD)
    assert f"It has {OLD} again, verified, and is back at work." in printed


def test_settings_that_cannot_be_meant_are_refused_before_any_look(fleet):
    printed = rollout(fleet, rc=2, nvidia_driver_state="previous")
    assert "To fix: correct it; to go back, name the driver to leave by rollout_back_from." in printed
    printed = rollout(fleet, rc=2, nvidia_driver_version=NEW, rollout_canary="gpu9")
    assert "rollout_canary a number or names of hosts of this rollout" in printed
    assert "Look at GPUs and driver" not in printed.partition("PLAY RECAP")[0].partition("fatal:")[2]
    assert fleet.asked() == []
