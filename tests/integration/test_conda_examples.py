# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of conda_env's documentation, run as they are, with the bed's channel under the name conda-forge."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import export
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, conda_packages, host
from ansible_collections.gpufleet.mlstack.tests.bed.conda_channel import Channel
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import CHECKOUT, HOST_PYTHON

MODULE = CHECKOUT / "plugins" / "modules" / "conda_env.py"


def examples() -> list[dict[str, object]]:
    """The tasks under EXAMPLES."""
    tree = ast.parse(MODULE.read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    found: list[dict[str, object]] = yaml.safe_load(constants["EXAMPLES"])
    return found


@pytest.fixture
def forge(tmp_path: Path) -> Channel:
    """conda-forge by name: the bed's channel, with a native library more."""
    channel = conda_channel.basic().copy(tmp_path / "channels" / "conda-forge")
    library = conda_packages.module("libblas", "3.9.0")
    library.noarch, library.depends = "generic", ()
    channel.add(library)
    return channel


def test_they_run_find_nothing_to_do_the_second_time_and_go_back(
    tmp_path: Path, forge: Channel, packages: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (wheel,) = packages.glob("beta-1.1-*.whl")
    (files / "prod.lock").write_text(f"beta==1.1 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    locked = [Package.from_record(forge.record(name, version)) for name, version in (("tzdata", "2024a"),)]
    (files / "conda-lock.yml").write_text(export.conda_lock(locked, "linux-64", [forge.url]))
    tasks = json.loads(json.dumps(examples()).replace("/opt/mlstack/notebooks.lock", str(tmp_path / "notebooks.lock")))
    tasks = json.loads(json.dumps(tasks).replace("python=3.11", f"python={sys.version_info[0]}.{sys.version_info[1]}"))
    defaults = {
        "root": str(tmp_path / "envs"),
        "toolbox": str(host.state_directory() / "toolbox"),
        "cache_dir": str(tmp_path / "cache"),
        "channel_alias": forge.folder.parent.as_uri(),
        "find_links": [str(packages)],
    }
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"gpufleet.mlstack.conda_env": defaults},
        "vars": {"ansible_python_interpreter": HOST_PYTHON},
    }
    environ = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".tree"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"),
    }
    steps: list[tuple[list[object], str, str]] = [
        (tasks[:-1], "python, six", "changed=4"),
        (tasks[:-1], "python, six", "changed=0"),
        (tasks[-2:], "python, six=1.15", "changed=2"),  # a newer generation, and back from it
    ]
    for listed, dependencies, changed in steps:
        (files / "environment.yml").write_text(f"channels: [conda-forge]\ndependencies: [{dependencies}]\n")
        (tmp_path / "play.yml").write_text(json.dumps([{**play, "tasks": listed}]))
        argv = [Path(sys.executable).parent / "ansible-playbook", "play.yml"]
        ran = subprocess.run(argv, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert ran.returncode == 0 and f"{changed} " in ran.stdout, ran.stdout + ran.stderr
    assert "@EXPLICIT" in (tmp_path / "notebooks.lock").read_text()
