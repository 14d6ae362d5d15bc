# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier runs took, and what that says of this one."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress import timings
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Run, Task
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Told

BUILD = Task("1", "Build", "b", "b", "x")


def run_of(spans: list[float]) -> Run:
    run = Run(0.0)
    for number, span in enumerate(spans):
        run.host_started(f"h{number}", BUILD, 0.0)
        run.host_ended(f"h{number}", BUILD, Told("changed"), span)
    return run


def test_the_median_host_of_a_phase_is_learnt_and_kept(tmp_path):
    name = str(tmp_path / "c" / "progress.json")
    timings.save(name, timings.learnt({}, "site", run_of([1.0, 3.0, 50.0])))
    assert timings.load(name) == {"site": {"b": [3.0]}}
    assert os.stat(name).st_mode & 0o777 == 0o600
    for _run in range(40):
        timings.save(name, timings.learnt(timings.load(name), "site", run_of([2.0])))
    assert timings.load(name)["site"]["b"] == [2.0] * timings.KEPT


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"a": 1}', '{"a": {"b": "c"}}', '{"a": {"b": [null, "x", -1, 1e99]}}']
)
def test_a_file_that_makes_no_sense_says_nothing(tmp_path, content):
    path = tmp_path / "p.json"
    path.write_text(content)
    assert [spans for phases in timings.load(str(path)).values() for spans in phases.values() if spans] == []


def test_links_are_not_followed(tmp_path):
    (tmp_path / "real").write_text(json.dumps({"a": {"b": [1]}}))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert timings.load(str(tmp_path / "link")) == {}


def test_where_nothing_can_be_written_the_run_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    timings.save(str(tmp_path / "file" / "progress.json"), {})
    assert (tmp_path / "file").read_text() == ""


def test_the_rest_is_that_of_the_slowest_host_or_of_all_by_the_forks():
    run = Run(0.0)
    run.play_started("p", ["h0", "h1"])
    assert timings.rest({"b": [10.0]}, run, 0.0, forks=5) == 10.0
    assert timings.rest({"b": [10.0]}, run, 0.0, forks=1) == 20.0
    run.host_started("h0", BUILD, 0.0)
    assert timings.rest({"b": [10.0]}, run, 4.0, forks=1) == 16.0


def test_nothing_is_guessed_without_earlier_runs_or_beyond_them():
    run = Run(0.0)
    assert timings.rest({}, run, 0.0, 5) is None
    run.host_started("h0", BUILD, 0.0)
    assert timings.rest({"b": [10.0]}, run, 30.0, 5) is None
