# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real framework from the real index, 500 MB of it: TensorFlow in the release of the guide, by the playbook and in
the pip part of a conda environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, host
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import CHECKOUT, HOST_PYTHON

RELEASE = "2.13.0"
PYTHONS = ("3.8", "3.9", "3.10", "3.11")  # that this release has wheels for
ENOUGH = 4 * 10**9  # bytes for the download, what is unpacked of it, and two environments that share it
# The command of the guide, as a person types it.
SAY = "import tensorflow as tf; print(f'TensorFlow: {tf.__version__}')"


def pythons() -> list[str]:
    return [version for version in PYTHONS if shutil.which(f"python{version}", path="/usr/local/bin:/usr/bin:/bin")]


def play(folder: Path, *words: str, **variables: object) -> str:
    uv = Path(sys.executable).with_name("uv")
    given = {
        "python_envs_root": str(folder / "envs"),
        "python_envs_executable": str(uv),
        "ansible_python_interpreter": HOST_PYTHON,
        "ansible_connection": "local",
        **variables,
    }
    (folder / "variables.json").write_text(json.dumps(given))
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".tree"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "UV_CACHE_DIR": str(folder / "cache"),  # on the file system of the environment, so that files are shared
    }
    argv = [Path(sys.executable).with_name("ansible-playbook"), "gpufleet.mlstack.frameworks", "-i", "localhost,"]
    argv += ["--extra-vars", f"@{folder / 'variables.json'}", *words]
    ran = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    return f"rc={ran.returncode}\n{ran.stdout}{ran.stderr}"


def says(environment: Path) -> str:
    python = environment / "bin" / "python"
    return subprocess.run([python, "-c", SAY], capture_output=True, text=True, check=True).stdout.strip()


def in_a_conda_environment(folder: Path) -> None:
    """As the guide has it: Python from conda, TensorFlow by pip; from the cache that the playbook has filled."""
    wanted = {
        "name": "tf-env",
        "packages": ["python"],  # the channel's other packages are stand-ins, six among them, which it imports
        "pip_packages": [f"tensorflow=={RELEASE}"],
        "verify_imports": ["tensorflow"],
        "compile_bytecode": False,
    }
    arguments = {
        "root": str(folder / "envs"),
        "channels": [conda_channel.basic().url],
        "cache_dir": str(folder / "conda-cache"),
        "toolbox": str(host.state_directory() / "toolbox"),
        "pip_executable": str(Path(sys.executable).with_name("uv")),
        "environments": [wanted],
    }
    made = module_runner.run("conda_env", arguments, env={"UV_CACHE_DIR": str(folder / "cache")})
    assert made.rc == 0 and made.one["changed"], made.out + made.err
    assert made.one["packages"]["tensorflow (pip)"] == RELEASE
    assert says(folder / "envs" / "tf-env") == f"TensorFlow: {RELEASE}"
    again = module_runner.run("conda_env", arguments)
    assert not again.result["changed"] and again.result["commands_run"] == 0


def test_tensorflow_is_installed_and_computes(tmp_path: Path) -> None:
    if not pythons():
        pytest.skip(f"TensorFlow {RELEASE} has wheels for Python {', '.join(PYTHONS)}, and none of them is here")
    if shutil.disk_usage(tmp_path).free < ENOUGH:
        pytest.skip(f"{ENOUGH / 1e9:.0f} GB of disk are wanted at {tmp_path}")
    try:
        done = play(tmp_path, frameworks_tensorflow=RELEASE)
        assert done.startswith("rc=0") and "changed=1" in done, done
        assert f"tensorflow {RELEASE} in {tmp_path}/envs/tensorflow on cpu:0" in done
        assert says(tmp_path / "envs" / "tensorflow") == f"TensorFlow: {RELEASE}"
        again = play(tmp_path, frameworks_tensorflow=RELEASE)
        assert again.startswith("rc=0") and "changed=0" in again, again
        in_a_conda_environment(tmp_path)
    finally:
        for name in ("envs", "cache", "conda-cache"):  # pytest would keep these gigabytes for three runs
            shutil.rmtree(tmp_path / name, ignore_errors=True)
