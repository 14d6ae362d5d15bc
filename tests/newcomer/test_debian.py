# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two commands on Debian 12 with Python 3 and nothing else: no pip, no venv package, no git, no make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.newcomer.machines import USER, Machine, Run, machine

PINS = {
    "numpy": "1.24.3",
    "pandas": "2.0.3",
    "scikit-learn": "1.3.0",
    "matplotlib": "3.7.2",
    "jupyter": "1.0.0",
}
# What is imported, then what is installed: jupyter's module has no version, since jupyter-core brings one of that name.
PRINT_VERSIONS = f"""
import importlib.metadata
import numpy, pandas, sklearn, matplotlib, jupyter
assert (numpy.__version__, sklearn.__version__) == ({PINS["numpy"]!r}, {PINS["scikit-learn"]!r})
for name in {list(PINS)!r}:
    print(name, importlib.metadata.version(name))
"""


@pytest.fixture(scope="module")
def debian(archive) -> Iterator[Machine]:
    yield from machine("debian12-minimal", archive)


@pytest.fixture(scope="module")
def first_as_user(debian) -> Run:
    return debian.converge(user=USER)


@pytest.fixture(scope="module")
def first_as_root(debian, first_as_user) -> Run:
    return debian.converge()


def versions(debian: Machine, python: str, user: str) -> dict[str, str]:
    printed = debian.host.check([python, "-c", PRINT_VERSIONS], user=user)
    return dict(line.split() for line in printed.splitlines())


def test_the_machine_is_bare(debian):
    for program in ("pip", "pip3", "git", "make", "gcc", "sudo", "uv", "curl"):
        assert debian.host.run(["sh", "-c", f"command -v {program}"]).rc != 0, program
    assert debian.host.run(["python3", "-m", "pip", "--version"]).rc != 0
    assert debian.host.run(["python3", "-m", "ensurepip", "--version"]).rc != 0


def test_an_ordinary_user_gets_the_environment_at_home(debian, first_as_user):
    first_as_user.converged(changed=True)
    python = f"/home/{USER}/.local/share/mlstack/envs/ml/bin/python"
    assert versions(debian, python, USER) == PINS


def test_the_end_says_how_to_use_what_there_is_now(first_as_user):
    activate = f"source /home/{USER}/.local/share/mlstack/envs/ml/bin/activate"
    assert f"READY environment ml: {activate}" in first_as_user.printed


def test_an_ordinary_user_is_told_what_needs_root(first_as_user):
    assert "system_packages needs root" in first_as_user.printed
    assert "--become" in first_as_user.printed


def test_an_ordinary_user_left_the_system_alone(debian, first_as_user):
    assert debian.host.run(["sh", "-c", "command -v gcc || ls /opt/mlstack"]).rc != 0
    owned = debian.host.check(f"find / -xdev -user {USER} -not -path '/home/{USER}*' -not -path '/proc/*'")
    assert [line for line in owned.splitlines() if not line.startswith(("/tmp", "/dev"))] == []


def test_the_second_run_of_a_user_changes_nothing(debian, first_as_user):
    debian.converge(user=USER).converged(changed=False)


def test_root_gets_tools_and_environment(debian, first_as_root):
    first_as_root.converged(changed=True)
    assert versions(debian, "/opt/mlstack/envs/ml/bin/python", "root") == PINS
    for program in ("gcc", "make", "cmake", "git", "curl", "wget", "pkg-config"):
        debian.host.check([program, "--version"])
    for header in ("openssl/ssl.h", "ffi.h", "Python.h"):
        flags = "$(pkg-config --cflags libssl libffi python3)"
        debian.host.check(f"echo '#include <{header}>' | gcc {flags} -x c -E - > /dev/null")


def test_the_end_says_how_to_use_what_root_made(first_as_root):
    assert "READY environment ml: source /opt/mlstack/envs/ml/bin/activate" in first_as_root.printed


def test_everybody_can_use_what_root_made(debian, first_as_root):
    assert versions(debian, "/opt/mlstack/envs/ml/bin/python", USER) == PINS


def test_the_second_run_of_root_changes_nothing(debian, first_as_root):
    debian.converge().converged(changed=False)


def test_check_mode_agrees(debian, first_as_root):
    debian.converge("--check", "--diff").converged(changed=False)


def test_a_user_with_sudo_leaves_nothing_out(debian, first_as_root):
    debian.host.check("apt-get install --yes --quiet sudo", env={"DEBIAN_FRONTEND": "noninteractive"})
    debian.host.write("/etc/sudoers.d/newcomer", f"{USER} ALL=(ALL) NOPASSWD: ALL\n", mode="0440")
    run = debian.converge("--become", user=USER).converged(changed=False)
    assert "needs root" not in run.printed
    assert "Keep the packages of the distribution" in run.printed
