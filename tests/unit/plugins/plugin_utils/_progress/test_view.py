# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the view adds to its parts: the command for the hosts that need it, and where it is quiet."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Run, Task
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Sentence, Told
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.view import View

BUILD = Task("1", "Build", "python_envs", "python_envs", "x")


@pytest.fixture
def run_of(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def run(count: int, mode: str = "quiet", finish: bool = True) -> list[str]:
        texts: list[str] = []
        view = View(mode, Run(0.0), lambda line: texts.append(line[1]), "site", 5)
        hosts = [f"gpu-{number:03}" for number in range(count)]
        view.play_started("Site", hosts)
        for host in hosts:
            view.host_started(host, BUILD)
            view.host_ended(host, BUILD, Told("failed", "x", (Sentence("f"),)))
        if finish:
            view.end(dict.fromkeys(hosts, 1), {}, "./converge -i hosts")
        view.abandon()
        view.abandon()
        return texts

    return run


def test_a_few_hosts_are_named_in_the_next_command(run_of):
    assert run_of(2)[-1] == "Next: ./converge -i hosts --limit gpu-000,gpu-001"


def test_one_host_needs_no_limit(run_of):
    assert not any("Next:" in text for text in run_of(1))


def test_many_hosts_stand_in_a_file(run_of, tmp_path):
    name = tmp_path / "gpufleet-mlstack" / "failed-hosts"
    assert run_of(100)[-1] == f"Next: ./converge -i hosts --limit @{name}"
    assert name.read_text().split() == [f"gpu-{number:03}" for number in range(100)]
    assert name.stat().st_mode & 0o777 == 0o600


def test_there_is_one_summary_also_where_a_run_is_abandoned(run_of):
    for finish in (True, False):
        assert sum(text.startswith("SUMMARY") for text in run_of(2, finish=finish)) == 1


def test_json_says_that_a_run_was_abandoned(run_of):
    events = [json.loads(text) for text in run_of(1, mode="json", finish=False)]
    assert [event["event"] for event in events] == ["play_started", "task_started", "task_ended", "interrupted"]
