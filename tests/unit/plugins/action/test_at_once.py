# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host is told to run, and that a module so changed says what it says without."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

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


HOOKS = "print([hook.__name__ for hook in sys.path_hooks], sorted(set(globals()) & {'install', 'zipimport'}))"


def test_a_piped_module_has_cheaper_imports_and_no_names_of_theirs(action):
    answer = action[0]._low_level_execute_command(sys.executable, in_data=module(HOOKS))
    assert answer["stdout"].startswith("['CheapImporter', 'zipimporter'"), answer
    assert answer["stdout"].endswith(" []\n")


def test_a_module_that_is_copied_has_them_too(action, tmp_path):
    action[0]._transfer_data(str(tmp_path / "module"), module(HOOKS))
    printed = subprocess.run([sys.executable, tmp_path / "module"], capture_output=True, text=True, check=True).stdout
    assert printed.startswith("['CheapImporter', 'zipimporter'")


def test_what_is_no_module_is_copied_as_it_is(action, tmp_path):
    action[0]._transfer_data(str(tmp_path / "text"), b"print('_ANSIBALLZ_WRAPPER')\n")
    assert (tmp_path / "text").read_text() == "print('_ANSIBALLZ_WRAPPER')\n"


COUNT = """
import collections, runpy, sys, zipimport
counted, compile_source = collections.Counter(), zipimport._compile_source
def counting(path, source):
    counted[path.partition(".zip/")[2]] += 1
    return compile_source(path, source)
zipimport._compile_source = counting
module = sys.argv.pop()
try:
    runpy.run_path(module, run_name="__main__")
except SystemExit:
    pass
print(sorted(counted.items()), file=sys.stderr)
"""


def test_a_module_that_ansible_packed_compiles_each_of_its_files_once(tmp_path):
    environment = {
        **os.environ,
        "ANSIBLE_REMOTE_TMP": str(tmp_path),
        "ANSIBLE_KEEP_REMOTE_FILES": "True",
        "ANSIBLE_PIPELINING": "False",
        "PYTHONDONTWRITEBYTECODE": "1",  # nor use what an earlier task on this machine has left
    }
    ansible = [Path(sys.executable).parent / "ansible", "localhost", "-m", "gpufleet.mlstack.framework_info"]
    arguments = ["-e", f"ansible_python_interpreter={sys.executable}", "-a", "paths=/nowhere frameworks=torch"]
    subprocess.run([*ansible, *arguments], env=environment, capture_output=True, text=True, check=False)
    (packed,) = tmp_path.glob("*/AnsiballZ_framework_info.py")
    done = subprocess.run(
        [sys.executable, "-c", COUNT, packed], env=environment, capture_output=True, text=True, check=False
    )
    counted = dict(ast.literal_eval(done.stderr.splitlines()[-1]))
    assert {
        "ansible/module_utils/basic.py",
        "ansible_collections/gpufleet/mlstack/plugins/module_utils/_module.py",
    } <= {*counted}
    assert {name for name, times in counted.items() if times > 1} == set(), done.stdout


def test_a_failure_in_it_is_a_failure_of_the_command(action):
    answer = action[0]._low_level_execute_command(sys.executable, in_data=module("sys.exit(3)"))
    assert answer["rc"] == 3


def test_what_is_no_packed_module_goes_ansibles_way(action):
    made, commands = action
    assert made._low_level_execute_command(sys.executable, in_data=b"print(6 * 7)\n")["stdout"] == "42\n"
    assert made._low_level_execute_command("echo seven")["stdout"] == "seven\n"
    assert not any("buffer.read" in command for command in commands)
