# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How ./converge reads its arguments and surroundings."""

from __future__ import annotations

import json
import os
import subprocess

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
    assert done.stdout == controller.USAGE
    assert not (tmp_path / "home").exists()


def test_a_python_that_is_too_old_is_named_with_what_to_do():
    with pytest.raises(Refusal) as caught:
        interpreters.find((99, 0), named="python3")
    assert "Wanted: a Python 99.0 or later" in str(caught.value)
    assert "is Python 3." in caught.value.found
    assert "MLSTACK_PYTHON" in caught.value.to_fix


def test_what_is_no_python_is_none():
    assert interpreters.probe("/bin/true") is None
    assert interpreters.probe("/nonexistent") is None
