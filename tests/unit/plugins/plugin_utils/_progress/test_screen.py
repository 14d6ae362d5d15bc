# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal, and the picture on it."""

from __future__ import annotations

import io
import os
import re

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.ansible_side import again, wants_live
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.picture import picture
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.screen import Stream, Terminal
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Run, Task
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Sentence, Told

BUILD = Task("1", "Build [red]it[/red]", "python_envs", "python_envs", "x")


@pytest.fixture
def terminal():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)

    class Read(Terminal):
        def shown(self) -> str:
            return os.read(reading, 65536).decode()

    yield Read(writing)
    os.close(reading)
    os.close(writing)


def test_lines_go_above_the_picture(terminal):
    terminal.draw(["one", "two"])
    terminal.shown()
    Stream(io.StringIO(), terminal).write("news\n")
    assert terminal.shown() == "\r\x1b[2A\x1b[Jnews\r\n\x1b[?25lone\x1b[K\r\ntwo\x1b[K\r\n"


def test_a_line_is_shown_when_it_is_whole(terminal):
    stream = Stream(io.StringIO(), terminal)
    terminal.draw(["picture"])
    terminal.shown()
    stream.write("half")
    with pytest.raises(BlockingIOError):
        terminal.shown()
    stream.write(" and half\n")
    assert "half and half\r\n" in terminal.shown()


def test_who_asks_something_has_the_terminal(terminal):
    terminal.draw(["picture"])
    terminal.hold()
    assert terminal.shown().endswith("\r\x1b[1A\x1b[J\x1b[?25h")
    terminal.draw(["picture"])
    Stream(io.StringIO(), terminal).write("Password: ")
    assert terminal.shown() == "Password: "
    terminal.release()
    terminal.draw(["picture"])
    assert "picture" in terminal.shown()


def test_the_cursor_comes_back_at_the_end(terminal):
    terminal.draw(["picture"])
    terminal.close()
    assert terminal.shown().endswith("\x1b[?25h")


def test_a_worker_writes_as_before(terminal):
    before = io.StringIO()
    terminal._pid = -1
    Stream(before, terminal).write("x\n")
    assert before.getvalue() == "x\n"


def drawn(run: Run, rest: float | None = None, width: int = 100, height: int = 30) -> list[str]:
    lines = picture(run, 65.0, rest, width, height)
    assert all(len(re.sub(r"\x1b\[[\d;]*m", "", line)) < width for line in lines)
    assert len(lines) <= height
    return [re.sub(r"\x1b\[[\d;]*m", "", line) for line in lines]


def fleet(count: int) -> Run:
    run = Run(0.0)
    run.play_started("Site", [f"gpu-{number:03}" for number in range(count)])
    run.host_started("gpu-001", BUILD, 60.0)
    run.host_started("gpu-000", BUILD, 50.0)
    run.host_ended("gpu-000", BUILD, Told("failed", "no_room", (Sentence("the disk is full"),)), 60.0)
    return run


def test_the_picture_says_who_does_what_and_for_how_long():
    lines = drawn(fleet(3), rest=70.0)
    assert re.match(r"gpu-001 +\u25b6 +Build \[red\]it\[/red\] +5s", lines[1])
    assert re.match(r"gpu-000 +\u2717 +no_room: the disk is full", lines[2])
    assert re.match(r"gpu-002 +\u00b7 +waits", lines[3])
    assert "1m05s gone   about 1m10s left, by earlier runs   1 of 3 hosts at work" in lines[-2]


def test_a_thousand_hosts_fit_on_the_screen():
    lines = drawn(fleet(1000), height=20)
    assert lines[1].startswith("gpu-001")
    assert any("and 985 more" in line for line in lines)


def test_a_narrow_terminal_does_not_break_lines():
    drawn(fleet(5), rest=70.0, width=40)


def test_a_hostile_host_is_one_row():
    run = Run(0.0)
    run.play_started("Site", ["a\nb\x1b[2J", "c"])
    run.host_started("c", BUILD, 0.0)
    assert len([line for line in drawn(run) if line.startswith(("a", "b", "c"))]) == 2


@pytest.mark.parametrize(
    ("tty", "environ", "live"),
    [
        (True, {"TERM": "xterm"}, True),
        (False, {"TERM": "xterm"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (True, {"TERM": "xterm", "CI": "true"}, False),
    ],
)
def test_a_picture_only_where_one_can_be_drawn(tty, environ, live):
    class Out(io.StringIO):
        def isatty(self) -> bool:
            return tty

    assert wants_live(Out(), environ) is live


def test_the_next_command_keeps_what_was_chosen_and_no_secret():
    arguments = {
        "args": ["site.yml"], "inventory": ["hosts.yml", "/ours"], "tags": ["python_envs"], "check": True,
        "become_ask_pass": True, "extra_vars": ["token=s3cret"],
    }  # fmt: skip
    command = again("ansible-playbook", arguments, "/ours")
    assert command == "ansible-playbook site.yml -i hosts.yml --tags python_envs --check -K -e ..."
    assert again("./converge", {"inventory": ["/ours"], "tags": ["all"]}, "/ours") == "./converge"
