# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs and driver of a host below a folder, asked by a program in nvidia-smi's place that answers, hangs or dies."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import gpu_health, gpus
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import Check, Selection
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._verify.smi_answers import answer, gpu

TWO = answer(gpu(bus="41"), gpu(bus="42"))


@pytest.fixture
def host(tmp_path: Path) -> GpuHost:
    """Two H100 with a driver that is loaded."""
    made = GpuHost(tmp_path)
    made.gpu("0000:41:00.0", "2330")
    made.gpu("0000:42:00.0", "2330")
    made.load("570.124.06")
    return made


def smi(host: GpuHost, script: str) -> None:
    host.write("/usr/bin/nvidia-smi", f"#!/bin/sh\n{script}\n").chmod(0o755)


def says(host: GpuHost, text: str) -> None:
    smi(host, f"cat {host.write('/answer.xml', text)}")


def ask(host: GpuHost, timeout: float = 20, only: str = "", **expected: object) -> dict[str, Check]:
    """By id; where one was made more than once, one that failed."""
    selected = Selection(frozenset([only] if only else []), frozenset({"kernel_log"}))
    found = gpus.checks(host.host, Commands(), gpus.Expected(**expected), selected, timeout)  # type: ignore[arg-type] # by row
    return {check.id: check for check in sorted(found, key=lambda check: check.status == "failed")}


def test_all_answer(host: GpuHost) -> None:
    says(host, TWO)
    told = ask(host, count=2, product="h100", driver="570")
    assert told["gpus"].status == "passed" and told["gpus"].reason == "2 GPUs answer: NVIDIA H100 80GB HBM3"
    assert told["gpu_ecc"].status == "passed"
    assert told["driver"].status in ("passed", "failed") and "570" in told["driver"].reason


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ({"count": 8}, "2 GPUs answer, and there should be 8"),
        ({"count": 1}, "2 GPUs answer, and there should be 1"),
        ({"product": "H200"}, "NVIDIA H100 80GB HBM3 where H200 should be"),
    ],
)
def test_other_gpus_than_expected(host: GpuHost, expected: dict[str, object], reason: str) -> None:
    says(host, TWO)
    told = ask(host, **expected)
    assert (told["gpus"].status, told["gpus"].reason) == ("failed", reason)


@pytest.mark.parametrize(("expected", "status"), [({}, "skipped"), ({"product": "H100"}, "failed")])
def test_gpus_that_are_all_handed_to_virtual_machines(host: GpuHost, expected: dict[str, object], status: str) -> None:
    for address in ("0000:41:00.0", "0000:42:00.0"):
        host.link(f"/sys/bus/pci/devices/{address}/driver", "../../../bus/pci/drivers/vfio-pci")
    says(host, answer())
    assert ask(host, **expected)["gpus"].status == status


def test_one_that_is_on_the_bus_and_does_not_answer(host: GpuHost) -> None:
    says(host, answer(gpu()))
    assert ask(host)["gpus"].reason == "1 GPUs answer, and there should be 2"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sleep 60", "was still running after 1 s"),
        ("kill -SEGV $$", "status -11"),
        ("echo garbage", "is no XML"),
        ("echo '<nvidia_smi_log><gpu>'", "breaks off"),
        ("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18", "version mismatch"),
        ('echo "Unable to determine the device handle for GPU0000:41:00.0: Unknown Error"; exit 255', "Unknown Error"),
        ("exit 9", "status 9"),
    ],
)
def test_no_answer_is_a_failure_and_health_is_unknown(host: GpuHost, script: str, reason: str) -> None:
    smi(host, script)
    told = ask(host, timeout=1)
    assert told["gpus"].status == "failed" and reason in told["gpus"].reason
    assert {told[id_].status for id_ in gpu_health.IDS} == {"unknown"}


def test_nothing_to_ask_with_is_unknown(host: GpuHost) -> None:
    told = ask(host)
    assert (told["gpus"].status, told["gpus"].reason) == ("unknown", "nvidia-smi is not here")
    assert {told[id_].status for id_ in gpu_health.IDS} == {"unknown"}


def test_gpus_without_a_driver(tmp_path: Path) -> None:
    host = GpuHost(tmp_path)
    host.gpu("0000:41:00.0", "2330")
    assert ask(host)["gpus"].status == "unknown"
    told = ask(host, count=1, driver="570")
    assert told["gpus"].status == "failed" and "no driver is loaded" in told["gpus"].reason
    assert told["driver"].reason == "no driver is loaded, and 570 is wanted"
    assert told["gpu_ecc"].status == "unknown"


def test_a_product_that_should_be_there_is_missed_without_any_gpu(tmp_path: Path) -> None:
    assert ask(GpuHost(tmp_path), product="H100")["gpus"].status == "failed"


def test_a_host_without_gpus_is_skipped(tmp_path: Path) -> None:
    told = ask(GpuHost(tmp_path))
    assert {check.status for id_, check in told.items() if id_ != "reboot"} == {"skipped"}


@pytest.mark.parametrize(
    ("wanted", "status"), [("570", "passed"), ("570.124.06", "passed"), ("57", "failed"), ("580", "failed")]
)
def test_the_driver_that_is_wanted(tmp_path: Path, wanted: str, status: str) -> None:
    host = GpuHost(tmp_path)
    host.load("570.124.06")
    assert ask(host, only="driver", driver=wanted)["driver"].status == status


def test_other_libraries_than_the_module_that_is_loaded(host: GpuHost) -> None:
    says(host, TWO)
    host.libraries("570.133.07")
    told = ask(host)["driver"]
    assert told.status == "failed" and "570.133.07" in told.reason and told.details == {"code": "library_mismatch"}


def test_only_what_is_asked_for_runs(host: GpuHost) -> None:
    smi(host, f"touch {host.root / 'ran'}")
    ask(host, only="driver")
    assert not (host.root / "ran").exists()
