# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host is told to run, and that a module that is read at once says the same as one that Python reads."""

from __future__ import annotations

import json
import sys

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.gpufleet.mlstack.plugins.action.system_packages import ActionModule


@pytest.fixture
def action(monkeypatch):
    """The action for a module here, and the commands that it has this machine's shell run."""
    monkeypatch.setenv("ANSIBLE_NOCOLOR", "1")
    play, loader = PlayContext(), DataLoader()
    connection = connection_loader.get("local", play)
    made = ActionModule(Task(), connection, play, loader, Templar(loader), None)
    commands: list[str] = []
    original = connection.exec_command

    def exec_command(cmd, in_data=None, sudoable=True):
        commands.append(cmd)
        return original(cmd, in_data=in_data, sudoable=sudoable)

    monkeypatch.setattr(connection, "exec_command", exec_command)
    return made, commands


def module(printing: str) -> bytes:
    """A module as Ansible packs them: a script that carries its own text."""
    return f"#!{sys.executable}\n_ANSIBALLZ_WRAPPER = True\nimport sys\n{printing}\n".encode()


def test_a_piped_module_is_read_at_once_in_its_environment(action):
    made, commands = action
    script = module("import os, json; print(json.dumps([__name__, sys.argv, os.environ['WORD'], sys.stdin.read()]))")
    answer = made._low_level_execute_command(f"WORD='a b' {sys.executable}", in_data=script)
    assert answer["rc"] == 0, answer
    assert json.loads(answer["stdout"]) == ["__main__", ["-c"], "a b", ""]
    assert "sys.stdin.buffer.read()" in commands[0]


def test_a_failure_in_it_is_a_failure_of_the_command(action):
    answer = action[0]._low_level_execute_command(sys.executable, in_data=module("sys.exit(3)"))
    assert answer["rc"] == 3


def test_what_is_no_packed_module_goes_ansibles_way(action):
    made, commands = action
    assert made._low_level_execute_command(sys.executable, in_data=b"print(6 * 7)\n")["stdout"] == "42\n"
    assert made._low_level_execute_command("echo seven")["stdout"] == "seven\n"
    assert not any("buffer.read" in command for command in commands)
