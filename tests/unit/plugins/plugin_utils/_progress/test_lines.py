# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in plain lines."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.lines import Lines
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Run, Task
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Sentence, Told

BUILD = Task("1", "Build", "python_envs", "python_envs", "x")
SAY = Task("2", "Say", "Site", "", "debug", quiet=True)


class Screen:
    def __init__(self, hosts: int, tasks: bool = True) -> None:
        self.run = Run(0.0)
        self.run.play_started("Site", [f"h{number}" for number in range(hosts)])
        self.lines = Lines(self.run, tasks)
        self.texts: list[str] = []

    def start(self, host: str, at: float, task: Task = BUILD) -> None:
        self.run.host_started(host, task, at)
        self.texts += [text for _kind, text in self.lines.started(task, at)]

    def end(self, host: str, told: Told, at: float, task: Task = BUILD) -> None:
        problem = self.run.host_ended(host, task, told, at)
        self.texts += [text for _kind, text in self.lines.ended(host, task, told, problem, at)]

    def tick(self, at: float) -> None:
        self.texts += [text for _kind, text in self.lines.tick(at)]


def test_a_task_that_runs_is_named_within_seconds():
    screen = Screen(1)
    screen.start("h0", 1.0)
    screen.tick(1.5)
    assert screen.texts == []
    screen.tick(2.5)
    assert screen.texts == ["    2s  [python_envs] Build"]
    screen.tick(3.0)
    assert len(screen.texts) == 1


def test_a_task_that_is_skipped_everywhere_is_no_news():
    screen = Screen(1)
    screen.start("h0", 1.0)
    screen.end("h0", Told("skipped"), 1.2)
    screen.tick(9.0)
    assert screen.texts == []


def test_hosts_that_changed_are_gathered():
    screen = Screen(3)
    for number in range(3):
        screen.start(f"h{number}", 1.0)
    for number in range(3):
        screen.end(f"h{number}", Told("changed"), 2.0)
    screen.tick(5.0)
    assert screen.texts == ["    2s  [python_envs] Build", "        changed: h[0:2]"]


def test_a_failure_is_told_at_once():
    screen = Screen(1)
    screen.start("h0", 1.0)
    screen.end("h0", Told("failed", "no_room", (Sentence("the disk is full"),)), 2.0)
    assert screen.texts[-1] == "        failed: h0 (no_room): the disk is full"


def test_a_long_task_is_heard_of():
    screen = Screen(2)
    screen.start("h0", 1.0)
    screen.start("h1", 1.0)
    screen.tick(3.0)
    screen.tick(20.0)
    assert len(screen.texts) == 1
    screen.tick(40.0)
    assert screen.texts[-1] == "   40s  [python_envs] Build: still running for 39s on h[0:1]"


def test_what_all_hosts_say_is_said_once():
    screen = Screen(2)
    for number in range(2):
        screen.end(f"h{number}", Told("ok", says=("a", "b")), 1.0, SAY)
    assert [text for _kind, text in screen.lines.flush(2.0)] == ["a", "b"]


def test_what_some_hosts_say_is_said_with_their_names():
    screen = Screen(2)
    screen.end("h1", Told("ok", says=("a",)), 1.0, SAY)
    assert [text for _kind, text in screen.lines.flush(2.0)] == ["h1:", "a"]
