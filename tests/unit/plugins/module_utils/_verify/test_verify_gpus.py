# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GPU's own words, the kernel's log and the driver prove, and what they do not."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import gpu_health, gpus, kernel_log
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.gpus import Expected
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost

KERNEL = "6.8.0-45-generic"

# A GPU in order, as drivers since R535 tell of one.
HEALTHY = {
    "product_name": "NVIDIA H100 80GB HBM3",
    "uuid": "GPU-1",
    "persistence_mode": "Enabled",
    "performance_state": "P0",
    "mig_mode/current_mig": "Disabled",
    "mig_mode/pending_mig": "Disabled",
    "ecc_mode/current_ecc": "Enabled",
    "ecc_mode/pending_ecc": "Enabled",
    "ecc_errors/volatile/sram_uncorrectable": "0",
    "ecc_errors/volatile/dram_uncorrectable": "0",
    "remapped_rows/remapped_row_pending": "No",
    "remapped_rows/remapped_row_failure": "No",
    "gpu_reset_status/reset_required": "No",
    "pci/pci_gpu_link_info/link_widths/current_link_width": "16x",
    "pci/pci_gpu_link_info/link_widths/max_link_width": "16x",
    "pci/pci_gpu_link_info/pcie_gen/current_link_gen": "5",
    "pci/pci_gpu_link_info/pcie_gen/max_link_gen": "5",
    "clocks_event_reasons/clocks_event_reason_gpu_idle": "Not Active",
    "clocks_event_reasons/clocks_event_reason_hw_thermal_slowdown": "Not Active",
    "clocks_event_reasons/clocks_event_reason_sw_power_cap": "Active",
    "temperature/gpu_temp": "45 C",
    "temperature/gpu_temp_tlimit": "42 C",
    "fabric/state": "Completed",
    "fabric/status": "Success",
}


def root(*gpus_told):
    """The answer of nvidia-smi with these GPUs, each as texts by their path."""
    top = ElementTree.Element("nvidia_smi_log")
    for number, texts in enumerate(gpus_told):
        gpu = ElementTree.SubElement(top, "gpu", id=f"00000000:{number + 0x41:02X}:00.0")
        for path, text in texts.items():
            place = gpu
            for name in path.split("/"):
                found = place.find(name)
                place = ElementTree.SubElement(place, name) if found is None else found
            place.text = text
    return top


def changed(**texts):
    return {**HEALTHY, **{path.replace("__", "/"): text for path, text in texts.items()}}


def judged(texts):
    return {check.name: check for check in gpu_health.checks(root(texts))}


def test_a_gpu_in_order_passes_in_all():
    checks = judged(HEALTHY)
    assert {check.status for check in checks.values()} == {"passed"}
    assert {check.to_fix for check in checks.values()} == {""}
    assert checks["gpu_ecc"].subject == "GPU 0 (NVIDIA H100 80GB HBM3, GPU-1)"


def test_what_a_gpu_does_not_have_is_skipped_and_never_passes():
    bare = dict.fromkeys(HEALTHY, "N/A")
    assert {check.status for check in judged(bare).values()} == {"skipped"}
    assert {check.status for check in judged({"product_name": "Old"}).values()} == {"skipped"}


REASONS = "clocks_event_reasons/clocks_event_reason_"
OLD_REASONS = "clocks_throttle_reasons/clocks_throttle_reason_"
PAGES = "retired_pages/"
LINK = "pci/pci_gpu_link_info/"
FAILING = [
    ({"ecc_errors/volatile/sram_uncorrectable": "1"}, "gpu_ecc", "error", "1 memory errors"),
    ({"ecc_errors/volatile/dram_uncorrectable": "3"}, "gpu_ecc", "error", "3 memory errors"),
    ({"ecc_errors/volatile/sram_uncorrectable_parity": "2"}, "gpu_ecc", "error", "2 memory errors"),
    ({"ecc_errors/volatile/sram_uncorrectable_secded": "2"}, "gpu_ecc", "error", "2 memory errors"),
    ({"ecc_errors/volatile/double_bit/total": "7"}, "gpu_ecc", "error", "7 memory errors"),
    ({"ecc_mode/pending_ecc": "Disabled"}, "gpu_ecc_pending", "warning", "will be Disabled"),
    ({"remapped_rows/remapped_row_pending": "Yes"}, "gpu_row_remapping", "error", "waits for a reset"),
    ({"remapped_rows/remapped_row_failure": "Yes"}, "gpu_row_remapping", "error", "could not be remapped"),
    ({f"{PAGES}pending_retirement": "Yes"}, "gpu_retired_pages", "error", "waits for a reset"),
    ({f"{PAGES}pending_blacklist": "Yes"}, "gpu_retired_pages", "error", "waits for a reset"),
    ({f"{PAGES}double_bit_retirement/retired_count": "60"}, "gpu_retired_pages", "error", "60 pages"),
    ({"gpu_reset_status/reset_required": "Yes"}, "gpu_reset", "error", "asks for a reset"),
    ({"gpu_recovery_action": "Reboot"}, "gpu_reset", "error", "asks for: Reboot"),
    ({f"{LINK}link_widths/current_link_width": "8x"}, "gpu_link", "error", "8x of 16x lanes"),
    ({f"{LINK}pcie_gen/current_link_gen": "3"}, "gpu_link", "warning", "generation 3 of 5"),
    ({f"{REASONS}hw_thermal_slowdown": "Active"}, "gpu_clocks", "error", "because of heat"),
    ({f"{REASONS}hw_power_brake_slowdown": "Active"}, "gpu_clocks", "error", "power supply"),
    ({f"{REASONS}hw_slowdown": "Active"}, "gpu_clocks", "warning", "hardware slows it down"),
    ({f"{REASONS}sw_thermal_slowdown": "Active"}, "gpu_clocks", "warning", "because of heat"),
    ({f"{OLD_REASONS}hw_power_brake_slowdown": "Active"}, "gpu_clocks", "error", "power supply"),
    ({"temperature/gpu_temp_tlimit": "0 C"}, "gpu_temperature", "error", "0 degrees below"),
    ({"temperature/gpu_temp_tlimit": "-3 C"}, "gpu_temperature", "error", "-3 degrees below"),
    (
        {"temperature/gpu_temp_tlimit": "N/A", "temperature/gpu_temp_slow_threshold": "45 C"},
        "gpu_temperature",
        "error",
        "45 C, and it slows down at 45 C",
    ),
    ({"mig_mode/pending_mig": "Enabled"}, "gpu_mig", "error", "will be Enabled"),
    ({"persistence_mode": "Disabled"}, "gpu_persistence", "warning", "persistence mode is off"),
    ({"fabric/state": "In Progress"}, "gpu_fabric", "error", "not registered"),
    ({"fabric/status": "Timeout"}, "gpu_fabric", "error", "Timeout"),
    ({"fabric/health/summary": "Unhealthy"}, "gpu_fabric", "error", "Unhealthy"),
]


@pytest.mark.parametrize(("texts", "name", "severity", "words"), FAILING)
def test_what_is_wrong_with_a_gpu_fails_alone_and_says_what_to_do(texts, name, severity, words):
    checks = judged({**HEALTHY, **texts})
    failed = [check for check in checks.values() if check.status == "failed"]
    assert [(check.name, check.severity) for check in failed] == [(name, severity)]
    assert words in failed[0].found and failed[0].to_fix


def test_an_idle_gpu_may_lower_the_speed_of_its_link_and_never_its_lanes():
    idle = {f"{LINK}pcie_gen/current_link_gen": "1", "performance_state": "P8", f"{REASONS}gpu_idle": "Active"}
    assert judged({**HEALTHY, **idle})["gpu_link"].status == "passed"
    assert judged({**HEALTHY, **idle, f"{LINK}link_widths/current_link_width": "4x"})["gpu_link"].status == "failed"


def test_a_word_that_nobody_knows_is_unknown():
    odd = {"remapped_rows/remapped_row_pending": "Maybe", "remapped_rows/remapped_row_failure": "N/A"}
    assert judged({**HEALTHY, **odd})["gpu_row_remapping"].status == "unknown"


LOG = """\
NVRM: loading NVIDIA UNIX x86_64 Kernel Module  580.95.05
NVRM: Xid (PCI:0000:05:00): 119, pid=1, name=python, Timeout waiting for RPC from GSP!
NVRM: Xid (PCI:0000:05:00): 119, pid=1, name=python, Timeout again
NVRM: Xid (0000:81:00.0): 31, pid=7, name=train, MMU Fault
NVRM: Xid (PCI:0000:81:00): 43, pid=7, Ch 00000008
NVRM: Xid (PCI:0000:c1:00): 9999
"""


def test_codes_in_the_kernels_log_are_counted_weighed_and_explained():
    told = {check.subject: check for check in kernel_log.checks(LOG)}
    assert set(told) == {"GPU 0000:05:00", "GPU 0000:81:00.0", "GPU 0000:c1:00"}  # 43 asks for nothing
    assert told["GPU 0000:05:00"].severity == "error" and told["GPU 0000:05:00"].found.startswith(
        "Xid 119, 2 times: GSP"
    )
    assert "Timeout again" in told["GPU 0000:05:00"].found and "reset the GPU" in told["GPU 0000:05:00"].to_fix
    assert told["GPU 0000:81:00.0"].severity == "warning" and "MMU fault" in told["GPU 0000:81:00.0"].found
    assert "not in the table" in told["GPU 0000:c1:00"].found


def test_a_log_without_codes_passes_and_one_that_nobody_may_read_is_unknown(tmp_path):
    assert [check.status for check in kernel_log.checks("")] == ["passed"]
    machine = GpuHost(tmp_path, kernel=KERNEL)
    assert kernel_log.read(machine.host, Commands()) is None
    assert [check.status for check in kernel_log.checks(None)] == ["unknown"]


def test_an_address_is_no_code():
    assert [event.code for event in kernel_log.events("NVRM: Xid (PCI:0000:79:00): 13, Graphics Exception")] == [13]


def machine_with(tmp_path, gpu_count=1, answer="", status=0):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    for number in range(gpu_count):
        machine.gpu(f"0000:{0x41 + number:02x}:00.0", "2330")
    machine.load("580.95.05")
    machine.module(KERNEL, "580.95.05")
    machine.libraries("580.95.05")
    machine.packages("nvidia-dkms-580-open 580.95.05-0ubuntu1")
    machine.write("/etc/modprobe.d/nvidia.conf", "blacklist nouveau\n")
    program = machine.write("/usr/bin/nvidia-smi", f"#!/bin/sh\ncat <<'TEXT'\n{answer}\nTEXT\nexit {status}\n")
    program.chmod(0o755)
    return machine


def answer(*gpus_told):
    return ElementTree.tostring(root(*gpus_told), encoding="unicode")


def proved(machine, **expected):
    commands = Commands()
    told = gpus.checks(machine.host, commands, Expected(**expected))
    assert commands.count <= 2  # nvidia-smi, and modinfo where a module is packed
    return {check.name: check for check in told}


def test_a_host_in_order(tmp_path):
    machine = machine_with(tmp_path, 2, answer(HEALTHY, HEALTHY))
    told = proved(machine, count=2, product="H100")
    assert {check.status for check in told.values()} == {"passed"}, told


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ({"count": 8}, "1 GPUs answer, and there should be 8"),
        ({"product": "H200"}, "NVIDIA H100 80GB HBM3 where H200 should be"),
    ],
)
def test_what_is_expected_and_not_there(tmp_path, expected, words):
    told = proved(machine_with(tmp_path, 1, answer(HEALTHY)), **expected)
    assert told["gpus"].status == "failed" and words in told["gpus"].found


def test_a_gpu_that_the_driver_does_not_show(tmp_path):
    told = proved(machine_with(tmp_path, 2, answer(HEALTHY)))
    assert told["gpus"].status == "failed" and "there should be 2" in told["gpus"].found


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9, "does not answer"),
        ("Failed to initialize NVML: Driver/library version mismatch", 18, "mismatch"),
        ("<nvidia_smi_log><gpu>", 0, "breaks off"),
        ("Segmentation fault", 139, "status 139"),
        ("", 0, "no XML"),
    ],
)
def test_a_driver_that_does_not_answer_fails_and_nothing_passes_for_its_gpus(tmp_path, text, status, words):
    told = proved(machine_with(tmp_path, 1, text, status))
    assert told["gpus"].status == "failed" and words in told["gpus"].found
    assert not [name for name in told if name.startswith("gpu_")]


def test_a_gpu_without_a_driver_is_unknown_and_a_host_without_one_is_skipped(tmp_path):
    bare = GpuHost(tmp_path / "bare", kernel=KERNEL)
    assert {name: check.status for name, check in proved(bare).items()}["gpus"] == "skipped"
    bare.gpu()
    assert proved(bare)["gpus"].status == "unknown"
    assert proved(bare, count=1)["gpus"].status == "failed"
