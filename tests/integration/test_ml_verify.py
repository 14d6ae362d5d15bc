# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_verify on real environments: in order, damaged in each of its ways, and with frameworks that hang or crash."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner, stand_in_torch

ENVIRONMENTS = {"parts": ["environments"], "fail_on": "never"}


def verify(site, **options: Any) -> dict[str, dict[str, str]]:
    """The checks of the site's environments by name."""
    asked = {**ENVIRONMENTS, "root": str(site.root), **options}
    result = module_runner.run("ml_verify", asked, env=site.environ()).result
    assert not result["changed"], result
    return {check["name"]: check for check in result["checks"]}


def failed(checks: dict[str, dict[str, str]]) -> list[str]:
    return [name for name, check in checks.items() if check["status"] == "failed"]


def packages(site) -> Path:
    """The site-packages of the generation in use."""
    (found,) = (site.path().resolve() / "prefix" / "lib").glob("python3.*/site-packages")
    return found


@pytest.fixture
def built(site):
    site.apply({"packages": ["alpha==1.0"]})
    return site


def test_an_environment_in_order_passes_and_the_module_says_so_in_one_word(built):
    checks = verify(built)
    assert {check["status"] for check in checks.values()} == {"passed"}
    assert {"environment", "environment_metadata", "environment_requirements", "environment_drift"} == set(checks)
    ran = module_runner.run("ml_verify", {"parts": ["environments"], "root": str(built.root)}, env=built.environ())
    assert ran.result["ok"] and ran.result["summary"]["failed"] == 0


def test_damage_is_found_by_its_name(built):
    metadata = next(packages(built).glob("beta-*.dist-info"))
    shutil.rmtree(metadata)
    assert set(failed(verify(built))) == {"environment_requirements", "environment_drift"}


def test_a_changed_file_is_found_where_files_are_read(built):
    target = next(packages(built).glob("alpha*/__init__.py"), None) or next(packages(built).glob("alpha.py"))
    os.chmod(target, 0o644)
    text = target.read_bytes() + b"# by hand\n"
    target.unlink()  # what lies in the cache is the same file
    target.write_bytes(text)
    assert failed(verify(built)) == []
    assert failed(verify(built, verify_files=True)) == ["environment_drift"]


def test_an_environment_whose_python_is_gone(built):
    python = built.path().resolve() / "prefix" / "bin" / "python"
    for link in (python, *python.parent.glob("python3*")):
        link.unlink(missing_ok=True)
    assert "environment" in failed(verify(built))


def test_what_fails_is_the_modules_message_and_names_the_next_step(built):
    shutil.rmtree(next(packages(built).glob("beta-*.dist-info")))
    ran = module_runner.run("ml_verify", {"parts": ["environments"], "root": str(built.root)}, env=built.environ())
    assert ran.result["code"] == "not_verified" and ran.result["failed"] and not ran.result["ok"]
    assert "environment_requirements" in ran.result["msg"] and "and 1 more" in ran.result["msg"]
    assert "To fix: pin versions that fit each other" in ran.result["msg"]


def test_names_of_checks_are_held_against_the_list(built):
    ran = module_runner.run("ml_verify", {**ENVIRONMENTS, "skip": ["gpu_eec"]}, env=built.environ())
    assert ran.result["code"] == "unknown_check" and "gpu_ecc" in ran.result["msg"]
    only = verify(built, checks=["environment"])
    assert set(only) == {"environment"}


def put(site, text: str) -> None:
    """A framework that is a stand-in for PyTorch, with metadata, so that it counts as installed."""
    folder = packages(site)
    (folder / "torch.py").write_text(text)
    (folder / "torch-2.9.0.dist-info").mkdir()
    (folder / "torch-2.9.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.9.0\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import time\ntime.sleep(600)\n", "still running after 5 s"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "does not work"),
        ("raise ImportError('libcudart.so.12: cannot open shared object file')\n", "libcudart.so.12"),
    ],
    ids=["hangs", "crashes", "lacks-a-library"],
)
def test_a_framework_that_does_not_work_ends_at_its_limit_and_is_told(built, text, words):
    put(built, text)
    started = time.monotonic()
    check = verify(built, timeout=5)["framework_torch"]
    assert check["status"] == "failed" and words in check["found"]
    assert time.monotonic() - started < 60


def test_a_framework_on_the_cpu_is_well_where_no_gpu_is_expected(built):
    put(built, stand_in_torch.source(version="2.9.0"))
    assert verify(built)["framework_torch"]["status"] == "passed"
    told = verify(built, gpus={"count": 1})["framework_torch"]
    assert (told["status"], told["severity"]) == ("failed", "warning") and "CPU alone" in told["found"]
