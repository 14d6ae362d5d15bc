# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of the controller serves every Python, and the playbook loads on the Ansible that it brings."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# The series of ansible-core that requirements.txt gives each Python.
SERIES = {"3.10": "2.17", "3.11": "2.19", "3.12": "2.19", "3.13": "2.19"}


def interpreter(version: str) -> str:
    found = sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python")))
    if not found:
        pytest.skip(f"no Python {version} in ~/.pyenv")
    return found[-1]


@pytest.mark.parametrize("version", SERIES)
def test_a_controller_of_every_python(version, tmp_path):
    environ = {**os.environ, "MLSTACK_PYTHON": interpreter(version), "MLSTACK_HOME": str(tmp_path)}
    environ.pop("ANSIBLE_CONFIG", None)

    def converge(*arguments: str) -> str:
        argv = [str(CHECKOUT / "converge"), *arguments]
        done = subprocess.run(argv, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert f"ansible-playbook [core {SERIES[version]}." in converge("--version")
    assert "gpufleet.mlstack.python_envs" in converge("--list-tasks")
    here = ("-i", "here,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}")
    # Nothing is asked for: what is looked at is the screen under this Ansible.
    printed = converge(*here)
    assert "No variable asks for anything here." in printed
    assert "SUMMARY of 1 host in " in printed
    assert "UNTOUCHED here: no task ran there" in printed
