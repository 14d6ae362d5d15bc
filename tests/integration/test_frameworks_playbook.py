# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/frameworks.yml as an operator runs it, with stand-ins for PyTorch on an index of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration import stand_in_jax, stand_in_torch
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import CHECKOUT, HOST_PYTHON
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

ANSIBLE = Path(sys.executable).parent / "ansible-playbook"


@pytest.fixture(scope="module")
def frameworks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PythonIndex]:
    """An index with releases of the stand-in: 2.7.0 and 2.8.0 work, 2.6.0 computes wrong."""
    folder = tmp_path_factory.mktemp("frameworks")
    for version, error in (("2.6.0", 1.0), ("2.7.0", 0.0), ("2.8.0", 0.0)):
        text = stand_in_torch.source(f"{version}+cpu", error=error)
        distributions.wheel(folder, "torch", f"{version}+cpu", files={"torch.py": text})
    distributions.wheel(folder, "jax", "0.10.2", files=stand_in_jax.files())
    distributions.wheel(folder, "einops", "0.7.0")
    with PythonIndex(folder) as served:
        yield served


class Play:
    def __init__(self, folder: Path, index: PythonIndex, uv: str) -> None:
        self.site = Site(folder, index, {"executable": uv})
        self.site.home.mkdir()

    def run(self, *words: str, **variables: object) -> str:
        given = {
            "python_envs_root": str(self.site.root),
            "python_envs_index_url": self.site.index.url,
            "python_envs_executable": self.site.options["executable"],
            "frameworks_index": "",
            "ansible_python_interpreter": HOST_PYTHON,
            "ansible_connection": "local",
            **variables,
        }
        path = self.site.folder / "variables.json"
        path.write_text(json.dumps(given))
        environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "ANSIBLE_"))},
            **self.site.environ(),
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".tree"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.site.folder / "tmp"),
        }
        words = ("gpufleet.mlstack.frameworks", "-i", "localhost,", "--extra-vars", f"@{path}", *words)
        ran = subprocess.run([ANSIBLE, *words], env=environ, capture_output=True, text=True, check=False)
        return f"rc={ran.returncode}\n{ran.stdout}{ran.stderr}"


@pytest.fixture
def play(tmp_path: Path, frameworks: PythonIndex, uv: str) -> Play:
    return Play(tmp_path, frameworks, uv)


def test_a_framework_is_planned_built_tried_and_left_alone(play: Play) -> None:
    foretold = play.run("--check", frameworks_torch="2.7.0")
    assert foretold.startswith("rc=0") and not play.site.root.exists(), foretold
    packages = {"torch": ["einops==0.7.0"]}
    done = play.run(frameworks_torch="2.7.0", frameworks_wheel="cpu", frameworks_packages=packages)
    assert done.startswith("rc=0") and "changed=1" in done, done
    assert f"torch 2.7.0+cpu in {play.site.root}/torch on cpu" in done
    assert play.site.installed("torch") == {"torch": "2.7.0+cpu", "einops": "0.7.0"}
    again = play.run(frameworks_torch="2.7.0", frameworks_wheel="cpu", frameworks_packages=packages)
    assert again.startswith("rc=0") and "changed=0" in again, again


def test_jax_comes_as_the_others_do(play: Play) -> None:
    done = play.run(frameworks_jax="0.10.2", frameworks_wheel="cpu")
    assert done.startswith("rc=0") and f"jax 0.10.2 in {play.site.root}/jax on cpu:0" in done, done
    assert play.site.installed("jax") == {"jax": "0.10.2"}
    again = play.run(frameworks_jax="0.10.2", frameworks_wheel="cpu")
    assert again.startswith("rc=0") and "changed=0" in again, again


def test_a_release_that_computes_wrong_is_taken_back(play: Play) -> None:
    assert play.run(frameworks_torch="2.8.0", frameworks_wheel="cpu").startswith("rc=0")
    generation = os.readlink(play.site.path("torch"))
    failed = play.run(frameworks_torch="2.6.0", frameworks_wheel="cpu")
    assert failed.startswith("rc=2") and "a product of two matrices on cpu came out as" in failed, failed
    assert os.readlink(play.site.path("torch")) == generation
    assert play.site.installed("torch") == {"torch": "2.8.0+cpu"}


def test_what_never_worked_is_taken_away(play: Play) -> None:
    failed = play.run(frameworks_torch="2.6.0", frameworks_wheel="cpu")
    assert failed.startswith("rc=2") and "torch==2.6.0+cpu is not in use" in failed, failed
    assert not os.path.lexists(play.site.path("torch"))


def test_what_cannot_be_is_said_before_anything_is_touched(play: Play) -> None:
    failed = play.run(frameworks_torch="2.8.0", frameworks_python="3.7")
    assert failed.startswith("rc=2") and "3.7" in failed, failed
    assert not play.site.root.exists()
    nothing = play.run()
    assert nothing.startswith("rc=2") and "frameworks_torch=2.x" in nothing, nothing
