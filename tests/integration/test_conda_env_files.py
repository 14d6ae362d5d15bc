# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As an operator runs it: the role conda_envs with files on the controller, and on the host."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, host
from ansible_collections.gpufleet.mlstack.tests.bed.conda_server import CondaServer
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import CHECKOUT, HOST_PYTHON

CHANNEL = conda_channel.basic()
ENVIRONMENT = """\
name: whatever
channels: [{channel}, nodefaults]
dependencies:
  - python  # the newest
  - bed-tool=1.0
  - pip:
      - -r more.txt
variables:
  OMP_NUM_THREADS: 4
"""
SECRET = "s3cret-of-the-channel"


class Project:
    """A project of one playbook with the role, and a root of its own."""

    def __init__(self, folder: Path, uv: str, packages: Path) -> None:
        self.folder = folder
        self.root = folder / "envs"
        self.variables = {
            "ansible_python_interpreter": HOST_PYTHON,
            "conda_envs_root": str(self.root),
            "conda_envs_toolbox": str(host.state_directory() / "toolbox"),
            "conda_envs_cache_dir": str(folder / "cache"),
            "conda_envs_channels": [CHANNEL.url],
            "conda_envs_find_links": [str(packages)],
        }
        self.write("site.yml", "- hosts: localhost\n  gather_facts: false\n  roles: [gpufleet.mlstack.conda_envs]\n")

    def write(self, path: str, text: str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def play(self, *environments: dict[str, object], words: tuple[str, ...] = ()) -> str:
        """Run the role; the recap line of the host."""
        given = {**self.variables, "conda_envs_list": environments}
        environ = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".tree"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
        }
        ran = subprocess.run(
            [
                Path(sys.executable).parent / "ansible-playbook",
                "site.yml",
                "--extra-vars",
                f"@{self.write('variables.json', json.dumps(given))}",
                *words,
            ],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.said = ran.stdout + ran.stderr
        return next((line for line in ran.stdout.splitlines() if line.startswith("localhost ")), "")

    def python(self, name: str, code: str) -> str:
        program = self.root / name / "bin" / "python"
        return subprocess.run([program, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path, uv: str, packages: Path) -> Project:
    return Project(tmp_path, uv, packages)


def test_an_environment_file_with_a_pip_section_that_includes(project: Project) -> None:
    project.write("files/environment.yml", ENVIRONMENT.format(channel=CHANNEL.url))
    project.write("files/more.txt", "alpha==1.0\n")
    asked = {"name": "ml", "file": "environment.yml", "verify_imports": ["bed_tool", "alpha"]}
    assert "changed=1" in project.play(asked), project.said
    assert project.python("ml", "import bed_tool, alpha; print(bed_tool.__version__, alpha.__version__)") == "1.0 1.0"
    state = json.loads((project.root / "ml" / "conda-meta" / "state").read_text())
    assert state["env_vars"] == {"OMP_NUM_THREADS": "4"}
    assert "changed=0" in project.play(asked), project.said
    project.write("files/more.txt", "alpha==2.0\n")
    assert "changed=1" in project.play(asked), project.said
    assert project.python("ml", "import alpha; print(alpha.__version__)") == "2.0"
    project.write("files/environment.yml", "dependencies:\n  - python\n  - '-n'\n")
    assert "failed=1" in project.play(asked) and "environment.yml:3" in project.said


def test_a_lock_that_was_exported_makes_the_same_from_the_host(project: Project) -> None:
    lock = project.folder / "written.lock"
    first = {"name": "ml", "packages": ["python", "bed-tool=1.1"], "export_to": str(lock)}
    assert "changed=1" in project.play(first), project.said
    for form in ("explicit", "conda_lock"):
        project.play({**first, "export_format": form})
        asked = {"name": form.replace("_", "-"), "file": str(lock), "remote_src": True}
        assert "changed=1" in project.play(asked), project.said
        assert "changed=0" in project.play(asked), project.said
        assert project.python(asked["name"], "import bed_tool; print(bed_tool.__version__)") == "1.1"
    missing = {"name": "more", "file": "/nonexistent/lock", "remote_src": True}
    assert "failed=1" in project.play(missing) and "no such file on the host" in project.said


def test_a_token_from_a_variable_of_the_controller_is_told_and_kept_nowhere(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHANNEL_TOKEN", SECRET)
    with CondaServer(CHANNEL.folder, conda_token=SECRET) as server:
        project.variables["conda_envs_channels"] = []
        channel = f"{server.url}/t/$CHANNEL_TOKEN"
        project.write("environment.yml", f"channels: ['{channel}']\ndependencies: [tzdata=2024a]\n")
        asked = {"name": "ml", "file": "environment.yml"}
        assert "changed=1" in project.play(asked, words=("-vvv", "--diff")), project.said
        assert server.archives() == ["/noarch/tzdata-2024a-h0_0.conda"]
        assert SECRET not in project.said
        assert "changed=0" in project.play(asked, words=("-vvv", "--diff")), project.said
        # A lock with the token in its URLs, which one day exports wrote; now they are without.
        record = CHANNEL.record("tzdata", "2023d")
        url = record["url"].replace(CHANNEL.url, f"{server.url}/t/{SECRET}")
        lock = project.write("old.lock", f"@EXPLICIT\n{url}#{record['md5']}\n")
        assert "changed=1" in project.play({"name": "ml", "file": "old.lock"}, words=("-vvv", "--diff")), project.said
        lock.unlink()
    assert SECRET not in project.said
    shutil.rmtree(project.folder / "tmp")
    kept = [path for path in project.folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert kept == []
