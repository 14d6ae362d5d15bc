# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How ./converge reads its arguments and surroundings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import controller
import interpreters
from refusal import Refusal


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], False),
        (["--check", "--diff"], False),
        (["-v", "-e", "x=1"], False),
        (["-i", "hosts"], True),
        (["-ihosts"], True),
        (["--inventory=hosts"], True),
        (["--inventory", "hosts"], True),
        (["--inventory-file", "hosts"], True),
    ],
)
def test_names_inventory(arguments, named):
    assert controller.names_inventory(arguments) is named


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ([], False),
        (["-v"], False),
        (["-b"], True),
        (["-K"], True),
        (["-vb"], True),
        (["--become"], True),
        (["--become-password-file=x"], True),
        (["--ask-become-pass"], True),
        (["-e", "ansible_become=true"], True),
        (["-e", "backup=yes"], False),
        (["--limit", "bob"], False),
    ],
)
def test_asks_for_root(arguments, asked):
    assert controller.asks_for_root(arguments) is asked


def test_without_an_inventory_it_is_this_machine():
    line = controller.playbook_arguments(["--check"], {}, is_root=True)
    assert line[1:] == ["--inventory", controller.THIS_MACHINE, "--check"]
    assert os.path.isfile(line[0])
    assert os.path.isfile(os.path.join(controller.THIS_MACHINE, "hosts.yml"))


def test_an_inventory_is_taken_as_it_is():
    assert controller.playbook_arguments(["-i", "hosts"], {}, is_root=False)[1:] == ["-i", "hosts"]
    assert controller.playbook_arguments([], {"ANSIBLE_INVENTORY": "hosts"}, is_root=False)[1:] == []


def test_an_ordinary_user_is_told_to_the_playbook_unless_sudo_is_asked_for():
    line = controller.playbook_arguments(["--check"], {"XDG_DATA_HOME": "/d"}, is_root=False)
    extra = json.loads(line[line.index("--extra-vars") + 1])
    home = "/d/mlstack/envs"
    assert extra == {"site_has_root": False, "python_envs_root": home, "conda_envs_root": home}
    assert line[-1] == "--check"  # the user's come last, and so win
    assert "--extra-vars" not in controller.playbook_arguments(["--become"], {}, is_root=False)


def test_the_home_is_the_users_unless_named():
    assert controller.home_folder({"MLSTACK_HOME": "/srv/m", "XDG_DATA_HOME": "/d"}) == "/srv/m"
    assert controller.home_folder({"XDG_DATA_HOME": "/d"}) == "/d/gpufleet-mlstack"
    assert controller.home_folder({}) == os.path.expanduser("~/.local/share/gpufleet-mlstack")


def test_the_collection_is_found_first_and_the_users_own_too():
    environ = controller.controller_environ({"ANSIBLE_COLLECTIONS_PATH": "/mine", "PATH": "/bin"}, "/c", "/tree")
    assert environ["ANSIBLE_COLLECTIONS_PATH"] == "/tree:/mine"
    assert environ["PATH"] == "/c/bin:/bin"
    assert environ["ANSIBLE_PIPELINING"] == "1"


def test_a_choice_of_the_user_about_pipelining_stands():
    assert controller.controller_environ({"ANSIBLE_PIPELINING": "0"}, "/c", "/t")["ANSIBLE_PIPELINING"] == "0"


def test_help_sets_nothing_up(tmp_path):
    command = os.path.join(controller.CHECKOUT, "converge")
    environ = {**os.environ, "MLSTACK_HOME": str(tmp_path / "home")}
    done = subprocess.run([command, "--help"], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == controller.usage()
    for name, about in controller.playbooks().items():
        assert f"  {name:15} {about}\n" in done.stdout
    assert not (tmp_path / "home").exists()


def test_a_word_is_the_playbook_of_that_name():
    assert controller.chosen(["plan", "-i", "hosts"]) == ("plan", ["-i", "hosts"])
    assert controller.chosen(["--check"]) == ("site", ["--check"])
    assert controller.chosen([]) == ("site", [])
    line = controller.playbook_arguments([], {}, is_root=True, playbook="plan")
    assert line[0] == os.path.join(controller.PLAYBOOKS, "plan.yml")
    assert set(controller.playbooks()) >= {"site", "plan", "audit", "compare"}


@pytest.mark.parametrize(
    ("word", "to_fix"),
    [
        ("plam", "did you mean 'plan'?"),
        ("nonsense", "./converge --help says what each is for"),
        ("../site", "did you mean 'site'?"),
    ],
)
def test_an_unknown_word_is_refused_with_those_that_exist(word, to_fix):
    with pytest.raises(Refusal) as caught:
        controller.chosen([word])
    assert "audit, compare" in caught.value.wanted
    assert caught.value.found == f"'{word}'"
    assert caught.value.to_fix == to_fix


def test_an_unknown_word_sets_nothing_up(tmp_path):
    environ = {**os.environ, "MLSTACK_HOME": str(tmp_path / "home")}
    command = [os.path.join(controller.CHECKOUT, "converge"), "evil\x1b[2J"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Found: 'evil?[2J'." in done.stderr
    assert not (tmp_path / "home").exists()


def test_the_command_is_what_one_types_there():
    assert controller.command_line("site", controller.CHECKOUT) == "./converge"
    assert controller.command_line("plan", "/") == f"{controller.CHECKOUT}/converge plan"


def test_the_run_is_shown_by_our_callback_unless_chosen_otherwise():
    assert controller.controller_environ({}, "/c", "/t")["ANSIBLE_STDOUT_CALLBACK"] == "gpufleet.mlstack.progress"
    theirs = controller.controller_environ({"ANSIBLE_STDOUT_CALLBACK": "minimal"}, "/c", "/t")
    assert theirs["ANSIBLE_STDOUT_CALLBACK"] == "minimal"


@pytest.mark.parametrize(("code", "status"), [("pass", 0), ("raise SystemExit(4)", 4), ("raise SystemExit(99)", 130)])
def test_the_status_is_that_of_ansible_or_of_an_interruption(code, status):
    program = (
        f"import controller, os, sys; sys.exit(controller.run([sys.executable, '-c', {code!r}], dict(os.environ)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=os.path.dirname(controller.__file__), capture_output=True, check=False
    )
    assert done.returncode == status
    assert (b"converge: interrupted" in done.stderr) is (status == 130)


def test_ctrl_c_in_the_set_up_is_one_sentence(tmp_path):
    """A Python that takes its time stands for a slow set-up."""
    slow = tmp_path / "python3"
    slow.write_text(f"#!/bin/sh\ntouch {tmp_path}/begun\nexec sleep 60\n")
    slow.chmod(0o755)
    argv = [sys.executable, "-B", controller.__file__]
    environ = {**os.environ, "MLSTACK_HOME": str(tmp_path / "home"), "MLSTACK_PYTHON": str(slow)}
    with subprocess.Popen(argv, env=environ, stderr=subprocess.PIPE, text=True) as process:
        for _wait in range(200):
            if (tmp_path / "begun").exists():
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        printed = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert printed == "\nconverge: interrupted; what was begun is removed, and the next run begins anew\n"


def test_a_python_that_is_too_old_is_named_with_what_to_do():
    with pytest.raises(Refusal) as caught:
        interpreters.find((99, 0), named="python3")
    assert "Wanted: a Python 99.0 or later" in str(caught.value)
    assert "is Python 3." in caught.value.found
    assert "MLSTACK_PYTHON" in caught.value.to_fix


def test_what_is_no_python_is_none():
    assert interpreters.probe("/bin/true") is None
    assert interpreters.probe("/nonexistent") is None
