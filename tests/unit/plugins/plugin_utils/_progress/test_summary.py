# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the events of a run to its summary."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Run, Task
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.summary import as_data, bad_hosts, summary
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Sentence, Thing, Told

BUILD = Task("1", "Build", "python_envs", "python_envs", "gpufleet.mlstack.pip_pinned")
SAY = Task("2", "Say", "Site", "", "debug", quiet=True, looks=False)


def failed(found: str, code: str = "x", status: str = "failed") -> Told:
    return Told(status, code, (Sentence(found, "w", "f"),))


def fleet(count: int) -> Run:
    run = Run(0.0)
    run.play_started("Site", [f"gpu-{number:02}" for number in range(1, count + 1)])
    return run


def end(run: Run, host: str, told: Told, task: Task = BUILD, ignored: bool = False) -> None:
    run.host_started(host, task, 1.0)
    run.host_ended(host, task, told, 3.0, ignored)


def close(run: Run) -> None:
    bad = {host.name: 1 for host in run.hosts.values() if host.problems}
    run.ended(bad, {})


def texts(run: Run, again: str = "") -> list[str]:
    return [text for _kind, text in summary(run, 62.0, again)]


def test_twenty_hosts_with_five_broken_ones_take_at_most_25_lines():
    run = fleet(20)
    for number in range(1, 16):
        end(run, f"gpu-{number:02}", Told("changed" if number < 10 else "ok", warnings=(f"w{number % 5}",)))
    end(run, "gpu-16", failed("no route to gpu-16", "unreachable", "unreachable"))
    for number in range(17, 21):
        end(run, f"gpu-{number:02}", failed(f"cause {number}", f"code{number}"))
    run.hosts["gpu-01"].reboot = True
    close(run)
    told = texts(run, "./converge --limit x")
    assert len(told) <= 25
    assert told[0] == "SUMMARY of 20 hosts in 1m02s: 1 unreachable, 4 failed, 9 changed, 6 unchanged"
    assert told[1] == "UNREACHABLE gpu-16 | python_envs | unreachable"
    for number in range(17, 21):
        assert f"FAILED gpu-{number} | python_envs | code{number}" in told
        assert f"  Wanted: w. Found: cause {number}." in told
    assert "REBOOT PENDING gpu-01" in told
    assert told[-1] == "Next: ./converge --limit x"
    assert bad_hosts(run) == [f"gpu-{number}" for number in range(16, 21)]


def test_equal_failures_are_one_entry_though_each_names_its_host():
    run = fleet(3)
    for host in run.hosts:
        end(run, host, failed(f"cannot reach {host} port 22"))
    close(run)
    told = texts(run)
    assert told[1] == "FAILED gpu-[01:03] (3 hosts) | python_envs | x"
    assert told[2] == "  Wanted: w. Found: cannot reach HOST port 22."
    assert sum(text.startswith("FAILED") for text in told) == 1


def test_a_host_on_which_nothing_ran_is_not_well():
    run = fleet(2)
    end(run, "gpu-01", Told("ok"), SAY)
    end(run, "gpu-01", Told("skipped"))
    close(run)
    told = texts(run)
    assert "1 without a result, 1 untouched, 0 changed, 0 unchanged" in told[0]
    assert "UNTOUCHED gpu-01: no task ran there, so nothing is known of them" in told
    assert any(text.startswith("NO RESULT gpu-02") for text in told)


def test_a_host_at_work_when_the_run_ends_is_not_well():
    run = fleet(3)
    end(run, "gpu-01", Told("ok"))
    run.host_started("gpu-01", BUILD, 5.0)
    end(run, "gpu-02", Told("ok"))
    close(run)
    told = texts(run)
    assert "1 interrupted, 1 without a result, 0 changed, 1 unchanged" in told[0]
    assert "INTERRUPTED gpu-01: at work when the run ended, so nothing is known of it" in told


def test_rescued_and_ignored_are_neither_failed_nor_silent():
    run = fleet(2)
    end(run, "gpu-01", failed("a"))
    end(run, "gpu-02", failed("b"), ignored=True)
    run.ended({}, {})
    told = texts(run)
    assert "0 failed, 1 rescued" in told[0]
    assert "RESCUED gpu-01: a task failed and the playbook dealt with it" in told
    assert "IGNORED gpu-02: python_envs: Build failed" in told


def test_of_one_machine_it_says_what_there_is_now():
    run = Run(0.0)
    run.play_started("Site", ["here"])
    end(run, "here", Told("changed", things=(Thing("environment ml", "source /e/bin/activate"),)))
    close(run)
    assert texts(run)[-1] == "READY environment ml: source /e/bin/activate"


def test_a_reboot_that_came_is_not_pending():
    run = fleet(1)
    end(run, "gpu-01", Told("changed", reboot=True))
    end(run, "gpu-01", Told("ok", reboot=False))
    assert not any("REBOOT" in text for text in texts(run))


def test_check_mode_says_would():
    run = fleet(1)
    run.preview = True
    end(run, "gpu-01", Told("changed"))
    assert texts(run)[0].startswith("CHECK of 1 host")
    assert "WOULD CHANGE gpu-01" in texts(run)


@pytest.mark.parametrize("name", ["evil\nSUMMARY of 1 host", "evil\x1b[2Jx", "\u202elive", "x" * 500])
def test_a_hostile_host_forges_no_line(name):
    run = Run(0.0)
    run.play_started("Site", [name, "b"])
    end(run, name, failed("a\nREADY b"))
    close(run)
    told = texts(run)
    assert all(text == "".join(text.splitlines()) and "\x1b" not in text and "\u202e" not in text for text in told)
    assert sum(text.startswith(("SUMMARY", "READY")) for text in told) == 1
    assert bad_hosts(run) == ([name] if name.startswith("x") else [])


def test_programs_get_all_of_it():
    run = fleet(1)
    end(run, "gpu-01", failed("a"))
    close(run)
    data = json.loads(json.dumps(as_data(run, 5.0)))
    assert data["hosts"]["gpu-01"]["status"] == "failed"
    assert data["hosts"]["gpu-01"]["problems"][0]["sentences"] == [{"found": "a", "wanted": "w", "to_fix": "f"}]
