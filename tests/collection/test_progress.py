# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback 'progress' under a real Ansible: a fleet of twenty of which five are broken, each in another way."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

BROKEN = {
    # Nobody listens on this port.
    "gpu-03": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
    "gpu-07": {"python_envs_list": [{"name": "ml", "packages": ["numpy"]}]},
    "gpu-09": {"python_envs_engine": "uvx"},
    "gpu-11": {"ansible_python_interpreter": "/nonexistent/python3"},
    "gpu-15": {"python_envs_root": "relative/path"},
}
PLAYS = """
- name: Build
  hosts: all
  gather_facts: false
  strategy: "{{ lookup('ansible.builtin.env', 'STRATEGY') or 'linear' }}"
  serial: "{{ lookup('ansible.builtin.env', 'SERIAL') or '100%' }}"
  tasks:
    - name: Role
      ansible.builtin.import_role:
        name: gpufleet.mlstack.python_envs
    - name: Hide
      ansible.builtin.command: echo s3cret
      changed_when: false
      no_log: true
    - name: Say
      ansible.builtin.debug:
        msg: "{{ '\\e[2Jforged\\nSUMMARY of' }}"
      run_once: true
"""


# What ansible-runner does with the chosen callback: a class of its own, with the documentation of another.
CUTTING = '''
from ansible.plugins.loader import callback_loader
DOCUMENTATION = """
name: cutting
type: stdout
short_description: Cut
description: Cut.
extends_documentation_fragment: [default_callback, result_format_callback]
"""
Chosen = type(callback_loader.get("gpufleet.mlstack.progress"))
class CallbackModule(Chosen):
    CALLBACK_NAME = "cutting"
    def v2_playbook_on_play_start(self, play):
        self._display.display("cut: a play")
        super().v2_playbook_on_play_start(play)
'''


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    hosts = {f"gpu-{number:02}": BROKEN.get(f"gpu-{number:02}", {}) for number in range(1, 21)}
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "ansible_ssh_common_args": "-o ConnectTimeout=5",
        "python_envs_root": str(folder / "envs"),
        # It asks for nothing that is not there: what is looked at is whether there is nothing to remove.
        "python_envs_list": [{"name": "ml", "state": "absent"}],
    }
    (folder / "hosts.json").write_text(json.dumps({"all": {"vars": common, "hosts": hosts}}))
    (folder / "play.yml").write_text(PLAYS)
    return folder


def environ(installed, fleet: Path, **more: str) -> dict[str, str]:
    drop = ("ANSIBLE_CONFIG", "ANSIBLE_INVENTORY", "CI", "NO_COLOR")
    inherited = {name: value for name, value in os.environ.items() if name not in drop}
    return {
        **inherited,
        "ANSIBLE_COLLECTIONS_PATH": str(installed.path),
        "ANSIBLE_STDOUT_CALLBACK": "gpufleet.mlstack.progress",
        "ANSIBLE_FORKS": "10",
        "XDG_CACHE_HOME": str(fleet / "cache"),
        "TERM": "xterm",
        **more,
    }


def played(installed, fleet: Path, *arguments: str, **more: str) -> str:
    argv = ["ansible-playbook", "-i", "hosts.json", "play.yml", *arguments]
    done = subprocess.run(
        argv, cwd=fleet, env=environ(installed, fleet, **more), capture_output=True, text=True, check=False
    )
    assert done.returncode in (2, 4), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Callback dispatch" not in done.stderr
    assert "Failure using method" not in done.stderr
    return done.stdout


def summary(printed: str) -> list[str]:
    lines = printed.rstrip().splitlines()
    (start,) = [number for number, line in enumerate(lines) if line.startswith("SUMMARY of 20 hosts")]
    return lines[start:]


def broken_are_named(lines: list[str]) -> None:
    assert len(lines) <= 25, "\n".join(lines)
    assert ": 1 unreachable, 4 failed, 0 changed, 15 unchanged" in lines[0]
    assert lines[1].startswith("UNREACHABLE gpu-03 | ")
    for host, code in (
        ("gpu-07", "requirement_unpinned"),
        ("gpu-09", "invalid_variables"),
        ("gpu-11", "no_python"),
        ("gpu-15", "bad_root"),
    ):
        (entry,) = [number for number, line in enumerate(lines) if line.startswith(f"FAILED {host} | ")]
        assert lines[entry].endswith(f"| python_envs | {code}")
        assert lines[entry + 2].startswith("  To fix: ")
    assert lines[-1].endswith("--limit gpu-03,gpu-07,gpu-09,gpu-11,gpu-15")


def test_five_broken_of_twenty_are_named_in_25_lines(installed, fleet):
    printed = played(installed, fleet)
    broken_are_named(summary(printed))
    assert "[python_envs] Keep the Python environments as described" in printed
    assert "s3cret" not in printed
    assert "\x1b[2J" not in printed


def test_quiet_prints_what_was_said_and_the_summary_with_strategy_free(installed, fleet):
    printed = played(installed, fleet, MLSTACK_PROGRESS="quiet", STRATEGY="free")
    broken_are_named(summary(printed))
    assert "[python_envs]" not in printed
    assert "forged" in printed


def test_json_is_one_object_a_line_with_batches_of_pinned_hosts(installed, fleet):
    printed = played(installed, fleet, MLSTACK_PROGRESS="json", STRATEGY="host_pinned", SERIAL="10")
    events = [json.loads(line) for line in printed.splitlines()]
    assert {event["event"] for event in events} == {"play_started", "task_started", "task_ended", "summary"}
    hosts = events[-1]["hosts"]
    assert hosts["gpu-03"]["status"] == "unreachable"
    assert [problem["code"] for problem in hosts["gpu-07"]["problems"]] == ["requirement_unpinned"]
    assert len(hosts) == 20
    assert hosts["gpu-01"]["status"] == "ok"
    assert "s3cret" not in printed


def test_verbose_keeps_everything(installed, fleet):
    printed = played(installed, fleet, "-v", "--limit", "gpu-01,gpu-03")
    assert "TASK [gpufleet.mlstack.python_envs : Keep the Python environments as described]" in printed
    assert "PLAY RECAP" in printed
    assert "s3cret" not in printed
    assert "SUMMARY of 2 hosts" in printed.split("PLAY RECAP")[1]


def test_a_callback_can_be_made_of_it_as_that_of_awx_is(installed, fleet):
    folder = fleet / "callback_plugins"
    folder.mkdir()
    (folder / "cutting.py").write_text(CUTTING)
    printed = played(installed, fleet, "--limit", "gpu-01,gpu-07", ANSIBLE_STDOUT_CALLBACK="cutting")
    assert printed.startswith("cut: ")
    assert "SUMMARY of 2 hosts" in printed


def test_on_a_terminal_it_draws_and_hands_the_terminal_back(installed, fleet):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(fleet)
        argv = ["ansible-playbook", "-i", "hosts.json", "play.yml"]
        os.execvpe(
            argv[0], argv, environ(installed, fleet, COLUMNS="120", LINES="40", NO_COLOR="1", ANSIBLE_NOCOLOR="1")
        )
    printed = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not chunk:
            break
        printed += chunk
    _pid, status = os.waitpid(pid, 0)
    shown = printed.decode()
    assert os.waitstatus_to_exitcode(status) in (2, 4), shown
    assert "\u25b6" in shown  # a host at work
    assert "of 20 hosts at work" in shown
    end = shown[shown.rindex("\x1b[?25h") :]
    assert "\x1b[?25l" not in end
    broken_are_named(summary(end.replace("\r", "")))
