# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What frameworks tell of themselves, judged; and whether a build runs on a GPU."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import confined, frameworks, libraries
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.probing import Answer

HEAD = {"version": "2.8.0+cu126", "cuda": "12.6", "nccl": "yes"}
CPU = {"device": "cpu", "name": "", "difference": 1e-7}


def on(number: int, difference: float = 3e-4) -> dict[str, Any]:
    return {"device": f"cuda:{number}", "name": "NVIDIA H100 80GB HBM3", "difference": difference}


def judge(*told: dict[str, Any], broken: str = "", gpus: int | None = None) -> frameworks.Check:
    asked = frameworks.Asked(("/env",), gpus, 0.005, 64, confined.Limits(1, 1, 1))
    return frameworks.judged("/env", "torch", Answer(list(told), broken), asked)


def test_it_works_on_all() -> None:
    found = judge(HEAD, CPU, on(0), on(1), {"ended": True}, gpus=2)
    assert found.status == "passed" and found.reason == "torch 2.8.0+cu126 multiplies right on 3 devices"


@pytest.mark.parametrize("difference", [0.01, float("inf"), float("nan")])
def test_a_wrong_product(difference: float) -> None:
    found = judge(HEAD, CPU, on(0), on(1, difference), {"ended": True})
    assert found.status == "failed" and "cuda:1" in found.reason and "reset" in found.to_fix


def test_fewer_gpus_than_there_should_be() -> None:
    assert judge(HEAD, CPU, on(0), {"ended": True}, gpus=8).reason.endswith("computes on 1 GPUs, and there should be 8")
    built_for_cpu = judge({"version": "2.8.0+cpu", "cuda": ""}, CPU, {"ended": True}, gpus=8)
    assert "build" in built_for_cpu.to_fix and built_for_cpu.status == "failed"


def test_a_gpu_that_the_build_is_not_for() -> None:
    begun = {"begun": "cuda:0", "capability": "12.0", "built_for": ["sm_80", "sm_90"]}
    found = judge(HEAD, CPU, begun, {"error": "RuntimeError: no kernel image is available"})
    assert found.status == "failed" and "cuda:0" in found.reason
    assert found.to_fix == "take a build for compute capability 12.0: this one is for sm_80, sm_90"


def test_a_death_names_where_it_happened() -> None:
    found = judge(HEAD, CPU, {"begun": "cuda:0", "capability": "9.0", "built_for": ["sm_90"]}, broken="it died")
    assert found.status == "failed" and found.reason.endswith("does not work on cuda:0: it died")


def test_no_nccl_is_a_warning_and_no_device_is_unknown() -> None:
    without = judge({**HEAD, "nccl": "no"}, CPU, on(0), {"ended": True})
    assert (without.status, without.severity) == ("failed", "warning")
    assert judge(HEAD, {"ended": True}).status == "unknown"


@pytest.mark.parametrize(
    ("capability", "built_for", "runs"),
    [
        ("9.0", ["sm_80", "sm_90"], True),
        ("8.9", ["sm_80"], True),
        ("8.0", ["sm_89"], False),
        ("12.0", ["sm_80", "sm_90"], False),
        ("12.0", ["sm_90", "compute_90"], True),
        ("9.0", ["sm_90a"], True),
        ("10.3", ["sm_100a"], False),
        ("12.0", ["sm_120"], True),
        ("7.0", ["compute_80"], False),
    ],
)
def test_what_a_build_runs_on(capability: str, built_for: list[str], runs: bool) -> None:
    assert frameworks.fits(capability, built_for) is runs


def test_the_package_that_has_a_library() -> None:
    assert libraries.package_of("libGL.so.1", "Debian") == "libgl1"
    assert libraries.package_of("libGL.so.1", "RedHat") == "mesa-libGL"
    assert libraries.package_of("libabsent.so.7", "Debian") == ""
