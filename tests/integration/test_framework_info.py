# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""framework_info against stand-ins for frameworks: one that works, and those that do not, each in its own way."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner, stand_in_jax, stand_in_torch

TENSORFLOW = """
import contextlib
__version__ = "2.13.0"


class sysconfig:
    get_build_info = staticmethod(lambda: {"is_cuda_build": True, "cuda_version": "11.8"})


class Found:
    def __init__(self, name):
        self.name = name


class config:
    names = ["/physical_device:CPU:0", "/physical_device:GPU:0"]
    list_physical_devices = staticmethod(lambda: [Found(name) for name in config.names])

    class experimental:
        get_device_details = staticmethod(lambda found: {"device_name": "Stand-in GPU"})


def device(name):
    assert name in ("/cpu:0", "/gpu:0")
    return contextlib.nullcontext()


ones = lambda shape: [[1.0] * shape[1]] * shape[0]
matmul = lambda one, other: [[sum(map(float.__mul__, row, column)) for column in zip(*other)] for row in one]
reduce_sum = lambda matrix: sum(map(sum, matrix))
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with nothing in it."""
    path = tmp_path / "ml"
    subprocess.run([module_runner.HOST_PYTHON, "-m", "venv", "--without-pip", path], check=True)
    return path


def put(environment: Path, name: str, text: str) -> None:
    (site,) = environment.glob("lib/python3.*/site-packages")
    (site / f"{name}.py").write_text(text)


def put_jax(environment: Path, gpus: int) -> None:
    (site,) = environment.glob("lib/python3.*/site-packages")
    for name, text in stand_in_jax.files(gpus=gpus).items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text)


def ask(path: Path, framework: str = "torch", **options: Any) -> dict[str, Any]:
    ran = module_runner.run("framework_info", {"paths": [str(path)], "frameworks": [framework], **options})
    assert ran.rc == 0 and not ran.result["changed"], ran.out + ran.err
    (found,) = ran.result["frameworks"]
    assert (found["path"], found["framework"]) == (str(path), framework)
    return found


def test_a_build_for_the_cpu(environment: Path) -> None:
    put(environment, "torch", stand_in_torch.source())
    found = ask(environment)
    assert (found["version"], found["cuda"], found["error"]) == ("2.8.0+cpu", "", "")
    assert found["devices"] == [{"device": "cpu", "name": ""}]
    assert found["works"] and not found["accelerated"]


def test_a_build_for_cuda_with_gpus(environment: Path) -> None:
    put(environment, "torch", stand_in_torch.source("2.8.0+cu126", "12.6", gpus=2))
    found = ask(environment)
    assert (found["version"], found["cuda"]) == ("2.8.0+cu126", "12.6")
    assert [item["device"] for item in found["devices"]] == ["cpu", "cuda:0", "cuda:1"]
    assert found["devices"][1]["name"] == "Stand-in GPU"
    assert found["works"] and found["accelerated"]


def test_a_build_for_cuda_that_sees_no_gpu(environment: Path) -> None:
    put(environment, "torch", stand_in_torch.source("2.8.0+cu126", "12.6"))
    found = ask(environment)
    assert found["works"] and not found["accelerated"] and found["cuda"] == "12.6"


def test_tensorflow(environment: Path) -> None:
    put(environment, "tensorflow", TENSORFLOW)
    found = ask(environment, "tensorflow")
    assert (found["version"], found["cuda"], found["error"]) == ("2.13.0", "11.8", "")
    assert found["devices"] == [{"device": "cpu:0", "name": ""}, {"device": "gpu:0", "name": "Stand-in GPU"}]
    assert found["accelerated"]


def test_jax(environment: Path) -> None:
    put_jax(environment, gpus=2)
    found = ask(environment, "jax")
    assert (found["version"], found["cuda"], found["error"]) == ("0.10.2", "13.2", "")
    assert [item["device"] for item in found["devices"]] == ["cpu:0", "gpu:0", "gpu:1"]
    assert found["devices"][2]["name"] == "Stand-in GPU" and found["accelerated"]


def test_jax_that_sees_no_gpu(environment: Path) -> None:
    put_jax(environment, gpus=0)
    found = ask(environment, "jax")
    assert found["devices"] == [{"device": "cpu:0", "name": ""}]
    assert found["works"] and not found["accelerated"] and found["cuda"] == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise ImportError('libcublas.so.12: cannot open shared object file\\nmore')", "ImportError: libcublas.so.12"),
        (stand_in_torch.source(error=0.5), "ArithmeticError: a product of two matrices on cpu came out as"),
        ("__version__ = '1'", "AttributeError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import os; os.abort()", "its process ended with status -6"),
        ("import os; os._exit(0)", "its process ended with status 0"),
        ("import time; time.sleep(60)", "was still running after 2 s"),
    ],
)
def test_what_does_not_work_is_told(environment: Path, text: str, reason: str) -> None:
    put(environment, "torch", text)
    found = ask(environment, timeout=2)
    assert not found["works"] and not found["accelerated"]
    assert found["error"].startswith(reason) or reason in found["error"]


def test_what_is_not_there(environment: Path, tmp_path: Path) -> None:
    assert ask(environment)["error"] == "ModuleNotFoundError: No module named 'torch'"
    assert ask(tmp_path / "absent")["error"] == f"there is no {tmp_path}/absent/bin/python"


def test_what_lies_in_the_working_folder_is_not_taken(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise RuntimeError('from the working folder')")
    arguments = {"paths": [str(environment)], "frameworks": ["torch"]}
    ran = module_runner.run("framework_info", arguments, cwd=str(tmp_path), env={"PYTHONPATH": module_runner._path()})
    assert "No module named" in ran.result["frameworks"][0]["error"]
