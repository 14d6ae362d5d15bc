# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As an operator runs it: a playbook with a role whose requirement files lie on the controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import CHECKOUT, HOST_PYTHON

ANSIBLE = Path(sys.executable).parent

TASK = """\
- name: Keep the environment
  gpufleet.mlstack.pip_pinned:
    root: "{{ root }}"
    index_url: "{{ index }}"
    executable: "{{ uv }}"
    environments:
      - name: ml
        requirements: [%s]
  register: kept
- name: Show
  ansible.builtin.debug:
    var: kept
"""


class Project:
    """A playbook project with one role."""

    def __init__(self, folder: Path, site) -> None:
        self.folder = folder
        self.site = site
        self.write("site.yml", "- hosts: localhost\n  gather_facts: false\n  roles: [ml]\n")
        self.write("roles/ml/tasks/main.yml", TASK % "prod.txt")

    def write(self, path: str, text: str | bytes) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return target

    def play(self, *words: str, index: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        site = self.site
        variables = {
            "root": str(site.root),
            "index": index or site.index.url,
            "uv": site.options["executable"],
            "ansible_python_interpreter": HOST_PYTHON,
            "ansible_connection": "local",
        }
        environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "ANSIBLE_"))},
            **site.environ(),
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".tree"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            **(env or {}),
        }
        given = self.write("variables.json", json.dumps(variables))  # what stands on the command line Ansible repeats
        return subprocess.run(
            [ANSIBLE / "ansible-playbook", "site.yml", "--extra-vars", f"@{given}", *words],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def project(tmp_path, site):
    return Project(tmp_path / "project", site)


def test_a_role_finds_its_own_files_and_what_they_include(project):
    project.write("roles/ml/files/prod.txt", "-r nested/base.txt\r\n-c limits.txt\nalpha\n")
    project.write("roles/ml/files/nested/base.txt", b"\xef\xbb\xbfdelta==1.0\n")
    project.write("roles/ml/files/limits.txt", "alpha==1.0\nbeta==1.0\n")
    foretold = project.play("--check", "--diff")
    assert foretold.returncode == 0 and "+beta 1.0" in foretold.stdout, foretold.stdout + foretold.stderr
    assert not project.site.root.exists()
    done = project.play("--diff")
    assert "changed=1" in done.stdout, done.stdout + done.stderr
    assert project.site.installed() == {"alpha": "1.0", "beta": "1.0", "delta": "1.0"}
    assert "changed=0" in project.play().stdout
    # An included file is part of the desired state.
    project.write("roles/ml/files/limits.txt", "alpha==1.0\nbeta==1.1\n")
    assert "changed=1" in project.play().stdout
    assert project.site.installed()["beta"] == "1.1"


def test_files_that_are_missing_or_unpinned_are_named_as_the_operator_knows_them(project):
    project.write("roles/ml/files/prod.txt", "alpha==1.0\n-r gone.txt\n")
    failed = project.play()
    path = project.folder / "roles/ml/files/gone.txt"
    assert failed.returncode != 0 and str(path) in failed.stdout
    project.write("roles/ml/files/gone.txt", "beta>=1\n")
    failed = project.play()
    assert f"{path}:1" in failed.stdout and "beta>=1" in failed.stdout and "requirement_unpinned" in failed.stdout
    assert not project.site.root.exists()


def test_a_file_in_a_vault_is_decrypted_on_the_controller(project):
    secret = project.write("password", "open sesame\n")
    plain = project.write("roles/ml/files/prod.txt", "alpha==1.0\n")
    argv = [ANSIBLE / "ansible-vault", "encrypt", "--vault-password-file", secret, plain]
    subprocess.run(argv, check=True, capture_output=True)
    assert b"ANSIBLE_VAULT" in plain.read_bytes()
    done = project.play("--vault-password-file", str(secret))
    assert "changed=1" in done.stdout, done.stdout + done.stderr
    assert project.site.installed()["alpha"] == "1.0"


def test_the_most_talkative_run_says_no_password(project, packages):
    with PythonIndex(packages, credentials="operator:hunter2-opens-the-index") as guarded:
        project.write("roles/ml/files/prod.txt", f"--extra-index-url {guarded.url_with_credentials}\nalpha==1.0\n")
        done = project.play("-vvvv", "--diff", index=guarded.url_with_credentials)
        assert "changed=1" in done.stdout, done.stdout[-2000:] + done.stderr
        project.write("roles/ml/files/prod.txt", f"--index-url {guarded.url_with_credentials}\nalpha==9.0\n")
        failed = project.play("-vvvv", "--diff", index=guarded.url_with_credentials)
        assert failed.returncode != 0
    for ran in (done, failed):
        shown = [line for line in (ran.stdout + ran.stderr).splitlines() if "hunter2" in line]
        assert not shown, shown


@pytest.mark.parametrize("poll", [1, 0])
def test_a_long_build_may_run_without_a_connection(project, poll):
    """Files of the controller are read before it starts; the result is the module's own."""
    later = f"  async: 120\n  poll: {poll}\n  register: kept\n"
    wait = """\
- name: Wait for it
  ansible.builtin.async_status:
    jid: "{{ kept.ansible_job_id }}"
  register: kept
  until: kept is finished
  retries: 60
  delay: 1
"""
    tasks = (TASK % "prod.txt").replace("  register: kept\n", later + ("" if poll else wait), 1)
    looking = "- name: Look\n  gpufleet.mlstack.python_env_info:\n    root: '{{ root }}'\n  async: 60\n  poll: 1\n"
    project.write("roles/ml/tasks/main.yml", tasks + looking)
    project.write("roles/ml/files/prod.txt", "beta==1.1\n")
    ran = project.play(env={"ANSIBLE_ASYNC_DIR": str(project.folder / "jobs")})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert project.site.installed() == {"beta": "1.1"}
