# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes first in a rollout, who is left alone and why, and where it stops."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.filter import rollout_groups, rollout_standing, rollout_state
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._fleet import rollout
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._fleet.rollout import Settings

OLD, NEW = "570.1", "580.2"
PLAN = [{"action": "install", "subject": "d", "summary": "install driver 580.2"}]


def found(driver=OLD, problems=(), gpus=({"index": 0, "owner": "host"},)):
    return {
        "driver": {"libraries": driver, "on_disk": driver},
        "problems": [{"code": code, "text": f"{code}!"} for code in problems],
        "gpus": list(gpus),
    }


def host(plan=(), reboot=False, drained=False, skipped=False, **observed):
    answer = {"skipped": True} if skipped else {"plan": list(plan), "reboot_required": reboot}
    return {"found": found(**observed), "answer": answer, "drained": drained}


CHANGES = host(PLAN, reboot=True)
HAS_IT = host(driver=NEW)


def decided(hosts, **settings):
    return rollout.decide(hosts, dict.fromkeys(hosts, Settings(**settings)))


def groups(hosts, **settings):
    return {name: decision.group for name, decision in decided(hosts, **settings).items()}


@pytest.mark.parametrize(
    ("one", "settings", "group", "reason"),
    [
        (CHANGES, {}, "canary", "install driver 580.2"),
        (CHANGES, {"canary": 0}, "rest", "install driver 580.2"),
        (host(reboot=True), {}, "canary", "a reboot is due"),
        (host(drained=True), {}, "rest", "a rollout before left it empty"),
        (HAS_IT, {}, "same", f"has {NEW} already and is well"),
        (host(driver=""), {"state": "absent"}, "same", "has no driver, as desired"),
        (host(skipped=True), {}, "without", "no NVIDIA GPU is here"),
        (host(problems=["nouveau"]), {}, "unwell", "nouveau!"),
        (host(problems=["nouveau"]), {"accept": ["nouveau"]}, "same", f"has {OLD} already and is well"),
        (host(gpus=[{"index": None, "owner": "nobody"}]), {}, "unwell", "not every GPU answers"),
        (host(gpus=[{"index": None, "owner": "nobody"}]), {"state": "absent"}, "same", "has no driver, as desired"),
        (host(gpus=[{"index": None, "owner": "vfio"}]), {}, "same", f"has {OLD} already and is well"),
        # A host that changes is judged afterwards, whatever is wrong with it now; one that was left empty is not
        # well yet.
        (host(PLAN, problems=["nouveau"]), {}, "canary", "install driver 580.2"),
        (host(drained=True, problems=["nouveau"]), {}, "unwell", "nouveau!"),
    ],
)
def test_a_host_by_what_was_observed(one, settings, group, reason):
    decision = decided({"gpu1": one}, **settings)["gpu1"]
    assert (decision.group, decision.reason) == (group, reason)


@pytest.mark.parametrize(
    ("canary", "first"),
    [
        (1, ["a"]),
        ("2", ["a", "c"]),
        (0, []),
        (9, ["a", "c", "d"]),
        (["d"], ["d"]),
        ("d, a", ["a", "d"]),
        (["b"], []),  # it has the driver
    ],
)
def test_canaries_by_number_and_by_name(canary, first):
    hosts = {"a": CHANGES, "b": HAS_IT, "c": CHANGES, "d": CHANGES}
    told = groups(hosts, canary=canary)
    assert [name for name, group in told.items() if group == "canary"] == first
    assert {told[name] for name in hosts if name not in first} <= {"rest", "same"}


@pytest.mark.parametrize(
    ("hosts", "told"),
    [
        ({"b": CHANGES, "c": CHANGES}, {"b": "held", "c": "held"}),  # it stopped answering in the first look
        ({"a": host(problems=["nouveau"]), "b": CHANGES}, {"a": "unwell", "b": "held"}),
        ({"a": host(skipped=True), "b": CHANGES}, {"a": "without", "b": "held"}),
        ({"a": HAS_IT, "b": CHANGES}, {"a": "same", "b": "rest"}),  # it has gone first, in a run before
        ({"a": CHANGES, "b": CHANGES, "c": HAS_IT}, {"a": "canary", "b": "rest", "c": "same"}),
    ],
)
def test_nobody_follows_a_named_canary_that_cannot_go_first(hosts, told):
    assert groups(hosts, canary=["a"]) == told
    assert "held" not in groups(hosts, canary=1).values()  # a number is made up from those who are left


def test_where_others_reboot_those_that_are_rebooted_are_the_canaries():
    hosts = {"a": HAS_IT, "b": CHANGES, "c": CHANGES}
    assert groups(hosts, reboot="never") == {"a": "same", "b": "rest", "c": "rest"}
    assert groups(hosts, reboot="never", canary=2) == {"a": "same", "b": "canary", "c": "rest"}
    assert groups(hosts) == {"a": "same", "b": "canary", "c": "rest"}


@pytest.mark.parametrize(
    ("one", "reboot", "waits"),
    [
        (host(reboot=True), "never", True),
        (host(reboot=True), "when_required", False),
        (CHANGES, "never", False),  # not begun yet
        (HAS_IT, "never", False),
    ],
)
def test_who_waits_for_a_reboot_of_others(one, reboot, waits):
    assert decided({"gpu1": one}, reboot=reboot)["gpu1"].waits is waits


@pytest.mark.parametrize(
    ("driver", "back_from", "state", "asked"),
    [
        ("580.95.05", "", "present", True),
        ("580.95.05", "580", "previous", True),
        ("580.95.05", "580.95.05", "previous", True),
        ("580.95.05", "580.9", "present", False),  # no other version's beginning
        ("570.1", "580", "present", False),
        ("", "580", "present", False),
    ],
)
def test_who_goes_back(driver, back_from, state, asked):
    settings = {"state": "present", "back_from": back_from}
    assert rollout_state.rollout_state(found(driver), settings) == {"state": state, "asked": asked}


def test_variables_of_hosts_go_before_those_of_the_rollout():
    variables = {"_rollout_found": found(problems=["nouveau"]), "nvidia_driver_result": {"plan": []}}
    hosts = {"a": variables, "b": {**variables, "nvidia_driver_accept_problems": ["nouveau"]}}
    hosts["c"] = {**variables, "_nvidia_driver_found_note": {"stat": {"exists": True}}}
    told = rollout_groups.rollout_groups(hosts, {"canary": 1, "state": "present", "accept": []})
    assert [told[name]["group"] for name in "abc"] == ["unwell", "same", "unwell"]
    with pytest.raises(rollout_groups.AnsibleFilterError, match="_rollout_found"):
        rollout_groups.rollout_groups({"a": {}}, {})


BEGUN = {"_rollout_begun": {}}
FAILED = {**BEGUN, "_rollout_trouble": {}}


@pytest.mark.parametrize(
    ("lost", "failed", "may_fail", "stop"),
    [
        (0, 4, 0, False),  # Ansible counts these itself
        (1, 0, 0, True),
        (1, 0, 25, False),
        (1, 1, 25, True),
        (2, 0, 49.9, True),
        (2, 0, 50, False),
    ],
)
def test_a_batch_with_hosts_that_stopped_answering(lost, failed, may_fail, stop):
    batch = [f"gpu{number}" for number in range(4)]
    hosts = dict.fromkeys(batch, BEGUN) | {"gpu8": {}}
    hosts.update(dict.fromkeys(batch[lost : lost + failed], FAILED))
    told = rollout_standing.rollout_standing(hosts, {"rollout_ended": batch[lost:]}, batch, may_fail)
    assert told["stop"] is stop
    assert told["missing"] == told["batch_missing"] == batch[:lost]
    assert told["failed"] == batch[lost : lost + failed] and told["left"] == ["gpu8"]
    assert told["changed"] == batch[lost + failed :]


def test_hosts_of_a_batch_before_do_not_stop_this_one():
    hosts = {"gpu0": BEGUN, "gpu1": BEGUN, "gpu2": BEGUN}
    told = rollout_standing.rollout_standing(
        hosts, {"rollout_ended": ["gpu1", "gpu2"], "rollout_waits": ["gpu2"]}, ["gpu1", "gpu2"]
    )
    assert not told["stop"] and told["missing"] == ["gpu0"] and told["batch_missing"] == []
    assert told["unbooted"] == ["gpu2"] and told["changed"] == ["gpu1"]
