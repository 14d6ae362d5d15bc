# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PyTorch for the CPU in the pip part of a conda environment, by pip and whatever index it is set up for.

Which release: PYTORCH=2.13.0. The public index has builds for CUDA under these numbers, gigabytes of them, so pip is
asked first what it would take, and the test runs where that is a build for the CPU.
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

RELEASE = os.environ.get("PYTORCH", "2.13.0")
ENOUGH = 4 * 10**9  # bytes for the environment, what is unpacked on the way, and pip's cache
# The commands of the guide, as a person types them.
SAY_VERSION = "import torch; print(f'PyTorch: {torch.__version__}')"
SAY_CUDA = "import torch; print(f'CUDA available: {torch.cuda.is_available()}')"


def build_of(release: str, folder: Path) -> str:
    """The version that pip would install; nothing is downloaded where the index tells what a file holds."""
    report = folder / "report.json"
    python = getattr(sys, "_base_executable", "") or sys.executable
    argv = [python, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "--only-binary", ":all:"]
    argv += ["--quiet", "--report", str(report), f"torch=={release}"]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder)
    if ran.returncode != 0:
        pytest.skip(f"pip has no torch {release} here: {ran.stderr[-300:]}")
    (found,) = json.loads(report.read_text())["install"]
    return str(found["metadata"]["version"])


def test_pytorch_is_installed_and_computes(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < ENOUGH:
        pytest.skip(f"{ENOUGH / 1e9:.0f} GB of disk are wanted at {tmp_path}")
    build = build_of(RELEASE, tmp_path)
    if not build.endswith("+cpu"):
        pytest.skip(f"pip would take torch {build}, which is no build for the CPU: set pip up for one that has it")
    wanted = {
        "name": "torch",
        "packages": ["python", "six"],
        "pip_packages": [f"torch=={build}"],
        "verify_imports": ["torch", "six"],
        "compile_bytecode": False,  # half a minute of it, for a test that imports once
    }
    arguments = {
        "root": str(tmp_path / "envs"),
        "channels": [conda_channel.basic().url],
        "cache_dir": str(tmp_path / "cache"),
        "toolbox": str(host.state_directory() / "toolbox"),
        "pip_engine": "pip",
        "environments": [wanted],
    }
    try:
        made = module_runner.run("conda_env", arguments)
        assert made.rc == 0 and made.one["changed"], made.out + made.err
        assert made.one["packages"]["torch (pip)"] == build and "six" in made.one["packages"]
        python = tmp_path / "envs" / "torch" / "bin" / "python"
        said = [
            subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
            for code in (SAY_VERSION, SAY_CUDA)
        ]
        assert said == [f"PyTorch: {build}", "CUDA available: False"]
        arguments_of_info = {"paths": [str(tmp_path / "envs" / "torch")], "frameworks": ["torch"]}
        (tried,) = module_runner.run("framework_info", arguments_of_info).result["frameworks"]
        assert (tried["version"], tried["works"], tried["error"]) == (build, True, "")
        again = module_runner.run("conda_env", arguments)
        assert not again.result["changed"] and again.result["commands_run"] == 0
    finally:
        for name in ("envs", "cache"):  # pytest would keep these gigabytes for three runs
            shutil.rmtree(tmp_path / name, ignore_errors=True)
