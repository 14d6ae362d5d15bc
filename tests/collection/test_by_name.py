# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything works by its full name from a folder that knows nothing of the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SITE = ("ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}")


def recap(printed: str) -> dict[str, int]:
    line = printed.split("PLAY RECAP")[1].splitlines()[1]
    return {name: int(value) for name, value in (pair.split("=") for pair in line.split(":", 1)[1].split())}


def test_the_installed_files_are_those_of_the_tarball(installed):
    installed.run("ansible-galaxy", "collection", "verify", "--offline", "-p", str(installed.path), "gpufleet.mlstack")


def test_it_depends_on_no_other_collection(installed):
    manifest = json.loads((installed.root / "MANIFEST.json").read_text())
    assert manifest["collection_info"]["dependencies"] == {}
    assert os.listdir(installed.path / "ansible_collections" / "gpufleet") == ["mlstack"]


@pytest.mark.parametrize("kind", ["module", "role"])
def test_documentation_is_found(installed, kind):
    listing = json.loads(installed.run("ansible-doc", "-t", kind, "--list", "--json", "gpufleet.mlstack"))
    wanted = {"module": ["pip_pinned", "system_packages"], "role": ["python_envs", "system_packages"]}[kind]
    assert set(listing) >= {f"gpufleet.mlstack.{name}" for name in wanted}


def test_site_changes_nothing_until_something_is_asked_for(installed):
    result = recap(installed.run(*SITE, "gpufleet.mlstack.site"))
    assert result["changed"] == 0
    assert result["failed"] == 0


def test_site_builds_an_environment_and_then_leaves_it_alone(installed, tmp_path):
    desired = {
        "python_envs_root": str(tmp_path / "envs"),
        "python_envs_list": [{"name": "small", "packages": ["six==1.16.0"], "verify_imports": ["six"]}],
    }
    arguments = (*SITE, "gpufleet.mlstack.site", "--tags", "python_envs", "-e", json.dumps(desired))
    assert recap(installed.run(*arguments))["changed"] == 1
    python = str(tmp_path / "envs" / "small" / "bin" / "python")
    subprocess.run([python, "-c", "import six; assert six.__version__ == '1.16.0'"], check=True)
    assert recap(installed.run(*arguments))["changed"] == 0


def test_a_role_works_in_the_playbook_of_another_repository(installed, tmp_path):
    playbook = tmp_path / "theirs.yml"
    tasks = [{"name": "Ours", "ansible.builtin.import_role": {"name": "gpufleet.mlstack.python_envs"}}]
    plays = [{"name": "Theirs", "hosts": "all", "gather_facts": False, "tasks": tasks}]
    playbook.write_text(json.dumps(plays))
    assert recap(installed.run(*SITE, str(playbook)))["failed"] == 0
