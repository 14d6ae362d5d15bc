# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As an operator plans a fleet, and as the role picks a build: real playbooks, a stand-in for PyTorch's index."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, host
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import CHECKOUT, HOST_PYTHON

ANSIBLE_PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
VERSION = "2.15.0+cpu"
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": HOST_PYTHON}


def play(
    folder: Path, playbook: str, inventory: dict, variables: dict, *words: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "ANSIBLE_"))}
    environ = {
        **kept,
        "HOME": str(folder / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".tree"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_PIPELINING": "1",
    }
    (folder / "home").mkdir(exist_ok=True)
    (folder / "inventory.json").write_text(json.dumps({"all": {"vars": LOCAL, "hosts": inventory}}))
    (folder / "variables.json").write_text(json.dumps(variables))
    given = ["-i", str(folder / "inventory.json"), "--extra-vars", f"@{folder / 'variables.json'}"]
    return subprocess.run(
        [ANSIBLE_PLAYBOOK, playbook, *given, *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


class TestPlan:
    FLEET = {
        "h100": {"plan_facts": {"gpus": ["10de:2330"], "nvswitches": 4, "distribution": "rocky", "version": "9.6"}},
        "v100": {"plan_facts": {"gpus": ["10de:1db6"], "distribution": "ubuntu", "version": "22.04"}},
        "here": {},
        "away": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
    }

    def test_a_fleet_is_shown_with_what_is_impossible_and_why(self, tmp_path):
        written = tmp_path / "plan.txt"
        all_desired = {"plan_cuda": "13.0", "plan_torch": "2.x", "plan_to": str(written)}
        ran = play(tmp_path, "gpufleet.mlstack.plan", self.FLEET, all_desired)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        text = written.read_text(encoding="utf-8")
        assert "IMPOSSIBLE" in text
        assert "CUDA 13.0 has dropped" in text
        assert "torch==2.14.1+cu130" in text
        assert text.rstrip().endswith("4 hosts: 2 possible, 1 impossible, 1 unknown")
        assert all(line in ran.stdout for line in text.splitlines()[:2])

    def test_a_strict_plan_fails_for_the_host_that_cannot_be_served(self, tmp_path):
        fleet = {name: self.FLEET[name] for name in ("h100", "v100")}
        ran = play(tmp_path, "gpufleet.mlstack.plan", fleet, {"plan_driver": "590", "plan_strict": True})
        assert ran.returncode == 2, ran.stdout + ran.stderr
        assert "To fix: take driver 580 instead of 590." in ran.stdout + ran.stderr
        assert "h100                       : ok=3    changed=0    unreachable=0    failed=0" in ran.stdout


@pytest.fixture
def stand_in_index(tmp_path: Path) -> Iterator[str]:
    """An index as PyTorch's are, with a folder for each tag; its one wheel only has torch's name and version."""
    project = tmp_path / "whl" / "cpu" / "torch"
    project.mkdir(parents=True)
    wheel = project / f"torch-{VERSION}-py3-none-any.whl"
    info = f"torch-{VERSION}.dist-info"
    contents = {
        "torch/__init__.py": f'__version__ = "{VERSION}"\n',
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: stand-in\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": f"torch/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    (project / "index.html").write_text(f'<a href="{wheel.name.replace("+", "%2B")}">{wheel.name}</a>\n')
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "whl"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_the_role_builds_an_environment_with_the_build_for_this_host(tmp_path, site, stand_in_index):
    (tmp_path / "site.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  roles: [gpufleet.mlstack.python_envs]\n", encoding="utf-8"
    )
    variables = {
        "python_envs_root": str(site.root),
        "python_envs_executable": site.options["executable"],
        "python_envs_index_url": site.index.url,
        "python_envs_torch_index": stand_in_index,
        # As if this machine had no GPU, whatever it has: the wheel is one for CPUs.
        "python_envs_list": [{"name": "ml", "torch": "2.x", "cuda": "cpu", "verify_imports": ["torch"]}],
    }
    first = play(tmp_path, "site.yml", {"here": {}}, variables)
    assert first.returncode == 0, first.stdout + first.stderr
    assert site.installed()["torch"] == VERSION
    again = play(tmp_path, "site.yml", {"here": {}}, variables)
    assert again.returncode == 0
    assert "changed=0" in again.stdout


def test_the_role_of_conda_has_pip_bring_the_build_for_this_host(tmp_path, site, stand_in_index):
    channel = conda_channel.basic()
    (tmp_path / "site.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  roles: [gpufleet.mlstack.conda_envs]\n", encoding="utf-8"
    )
    desired = {"name": "ml", "packages": ["python"], "torch": "2.x", "cuda": "cpu", "verify_imports": ["torch"]}
    variables = {
        "conda_envs_root": str(site.root),
        "conda_envs_channels": [channel.url],
        "conda_envs_cache_dir": str(tmp_path / "cache"),
        "conda_envs_toolbox": str(host.state_directory() / "toolbox"),
        "conda_envs_torch_index": stand_in_index,
        "conda_envs_list": [desired],
    }
    first = play(tmp_path, "site.yml", {"here": {}}, variables)
    assert first.returncode == 0, first.stdout + first.stderr
    assert site.python("import torch; print(torch.__version__)") == VERSION
    again = play(tmp_path, "site.yml", {"here": {}}, variables)
    assert "changed=0" in again.stdout
