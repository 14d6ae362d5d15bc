# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GPU's health by what nvidia-smi says: every trouble is found by its name, and a well GPU has none."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import gpu_health
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._verify.smi_answers import (
    answer,
    element,
    gpu,
)

REASON = "clocks_event_reason_"
PAGES = (
    "<double_bit_retirement><retired_count>N/A</retired_count>",
    "<double_bit_retirement><retired_count>{}</retired_count>",
)
# what is different -> the check that fails, its severity, a word of what is found, a word of the next step
TROUBLES = {
    "uncorrected in dram": ([element("dram_uncorrectable", "0", "2")], "gpu_ecc", "error", "2 memory errors", "reset"),
    "uncorrected in sram, parity": (
        [element("sram_uncorrectable_parity", "0", "1")],
        *("gpu_ecc", "error", "1 memory errors", "reset"),
    ),
    "uncorrected in sram, secded": (
        [element("sram_uncorrectable_secded", "0", "1")],
        *("gpu_ecc", "error", "1 memory errors", "reset"),
    ),
    "uncorrected, driver before 570": (
        [
            element("sram_uncorrectable_parity", "0", "N/A"),
            ("<sram_uncorrectable_secded>0</sram_uncorrectable_secded>", "<sram_uncorrectable>3</sram_uncorrectable>"),
        ],
        *("gpu_ecc", "error", "3 memory errors", "reset"),
    ),
    "ecc off after a reset": (
        [element("pending_ecc", "Enabled", "Disabled")],
        "gpu_ecc_pending",
        "warning",
        "Disabled",
        "reset",
    ),
    "row waits": ([element("remapped_row_pending", "No", "Yes")], "gpu_row_remapping", "error", "waits", "reset"),
    "row failed": (
        [element("remapped_row_failure", "No", "Yes")],
        "gpu_row_remapping",
        "error",
        "could not",
        "replaced",
    ),
    "page waits": ([element("pending_retirement", "N/A", "Yes")], "gpu_retired_pages", "error", "waits", "reset"),
    "page waits, old name": (
        [("<pending_retirement>N/A</pending_retirement>", "<pending_blacklist>Yes</pending_blacklist>")],
        *("gpu_retired_pages", "error", "waits", "reset"),
    ),
    "too many pages": ([(PAGES[0], PAGES[1].format(64))], "gpu_retired_pages", "error", "64 pages", "replaced"),
    "driver asks for a reset": (
        [element("gpu_recovery_action", "None", "Reset")],
        "gpu_recovery",
        "error",
        "Reset",
        "reset",
    ),
    "driver asks for a reboot": (
        [element("gpu_recovery_action", "None", "Reboot")],
        *("gpu_recovery", "error", "Reboot", "reboot"),
    ),
    "reset required, driver before 570": (
        [
            element("reset_required", "Requested functionality has been deprecated", "Yes"),
            ("<gpu_recovery_action>None</gpu_recovery_action>", ""),
        ],
        *("gpu_recovery", "error", "a reset", "reset"),
    ),
    "half the lanes": ([element("current_link_width", "16x", "8x")], "gpu_link", "error", "8x of 16x", "reseat"),
    "slow link under load": ([element("current_link_gen", "5", "3")], "gpu_link", "warning", "3 of 5", "reseat"),
    "hardware hot": (
        [element(f"{REASON}hw_thermal_slowdown", "Not Active", "Active")],
        *("gpu_clocks", "error", "heat", "cooling"),
    ),
    "power brake": (
        [element(f"{REASON}hw_power_brake_slowdown", "Not Active", "Active")],
        *("gpu_clocks", "error", "power", "power"),
    ),
    "hardware slows": (
        [element(f"{REASON}hw_slowdown", "Not Active", "Active")],
        *("gpu_clocks", "warning", "hardware", "cooling"),
    ),
    "driver slows for heat": (
        [element(f"{REASON}sw_thermal_slowdown", "Not Active", "Active")],
        *("gpu_clocks", "warning", "heat", "cooling"),
    ),
    "beyond its limit": (
        [element("gpu_temp_tlimit", "49 C", "-2 C")],
        "gpu_temperature",
        "error",
        "-2 degrees",
        "fans",
    ),
    "beyond its limit, absolute": (
        [
            ("<gpu_temp_tlimit>49 C</gpu_temp_tlimit>", "<gpu_temp_slow_threshold>89 C</gpu_temp_slow_threshold>"),
            element("gpu_temp", "38 C", "91 C"),
        ],
        *("gpu_temperature", "error", "91 C", "fans"),
    ),
    "MIG after a reset": (
        [element("pending_mig", "Disabled", "Enabled")],
        "gpu_mig",
        "error",
        "will be Enabled",
        "reset",
    ),
    "no persistence": (
        [element("persistence_mode", "Enabled", "Disabled")],
        "gpu_persistence",
        "warning",
        "off",
        "persistenced",
    ),
    "fabric not begun": (
        [element("state", "Completed", "Not Started")],
        "gpu_fabric",
        "error",
        "Not Started",
        "fabricmanager",
    ),
    "fabric goes on": (
        [element("state", "Completed", "In Progress")],
        "gpu_fabric",
        "error",
        "In Progress",
        "fabricmanager",
    ),
    "fabric failed": ([element("status", "Success", "Timeout")], "gpu_fabric", "error", "Timeout", "fabricmanager"),
}


def checks(text: str, mig: str = "") -> list[gpu_health.Check]:
    return gpu_health.checks(ElementTree.fromstring(text[text.index("<nvidia_smi_log") :]), mig)


def test_a_well_gpu_passes_every_check() -> None:
    found = checks(answer(gpu()))
    assert {check.id for check in found} == set(gpu_health.IDS)
    assert {check.id for check in found if check.status != "passed"} == {"gpu_retired_pages"}
    (pages,) = (check for check in found if check.id == "gpu_retired_pages")
    assert pages.status == "skipped"
    assert found[0].details == {
        "index": 0,
        "address": "00000000:41:00.0",
        "uuid": "GPU-00000000-0000-0000-0000-000000000041",
        "name": "NVIDIA H100 80GB HBM3",
        "serial": "165022200041",
    }


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_fails_its_own_check_and_no_other(name: str) -> None:
    replaced, id_, severity, reason, to_fix = TROUBLES[name]
    found = checks(answer(gpu(bus="11"), gpu(*replaced)))
    (failed,) = (check for check in found if check.status == "failed")
    assert (failed.id, failed.severity, failed.details["index"]) == (id_, severity, 1)
    assert reason in failed.reason and to_fix in failed.to_fix


STRANGE = [
    ("dram_uncorrectable", "0", "gpu_ecc"),
    ("pending_ecc", "Enabled", "gpu_ecc_pending"),
    ("remapped_row_pending", "No", "gpu_row_remapping"),
    ("pending_retirement", "N/A", "gpu_retired_pages"),
    ("max_link_width", "16x", "gpu_link"),
    (f"{REASON}hw_slowdown", "Not Active", "gpu_clocks"),
    ("gpu_temp_tlimit", "49 C", "gpu_temperature"),
    ("current_mig", "Disabled", "gpu_mig"),
    ("persistence_mode", "Enabled", "gpu_persistence"),
]


@pytest.mark.parametrize(("name", "right", "id_"), STRANGE)
def test_words_that_nobody_can_judge_are_unknown_and_what_is_wrong_beside_them_stays_wrong(name, right, id_) -> None:
    for strange in ("Unknown Error", "9" * 5000, "\u00b2"):
        told = {check.id: check for check in checks(answer(gpu(element(name, right, strange))))}
        if name in ("current_mig", "pending_ecc"):  # and the two no longer agree
            assert told[id_].status in ("unknown", "failed")
            continue
        assert (told[id_].status, strange[:20] in told[id_].reason) == ("unknown", True), strange
    both = gpu(element("dram_uncorrectable", "0", "Unknown Error"), element("sram_uncorrectable_parity", "0", "2"))
    (ecc,) = (check for check in checks(answer(both)) if check.id == "gpu_ecc")
    assert ecc.status == "failed" and "2 memory errors" in ecc.reason


def test_an_idle_gpu_lowers_the_speed_of_its_link() -> None:
    idle = element(f"{REASON}gpu_idle", "Not Active", "Active")
    found = checks(answer(gpu(element("current_link_gen", "5", "1"), element("performance_state", "P0", "P8"), idle)))
    assert [check.status for check in found if check.id == "gpu_link"] == ["passed"]


@pytest.mark.parametrize(
    ("wanted", "now", "status"),
    [
        ("enabled", "Disabled", "failed"),
        ("disabled", "Enabled", "failed"),
        ("enabled", "Enabled", "passed"),
        ("", "Enabled", "passed"),
    ],
)
def test_mig_as_wanted(wanted: str, now: str, status: str) -> None:
    both = [element("current_mig", "Disabled", now), element("pending_mig", "Disabled", now)]
    replaced = both if now != "Disabled" else []
    found = checks(answer(gpu(*replaced)), wanted)
    assert [check.status for check in found if check.id == "gpu_mig"] == [status]


def test_what_the_driver_does_not_say_is_skipped_and_never_passed() -> None:
    found = checks(answer('<gpu id="00000000:01:00.0"><product_name>Old</product_name></gpu>'))
    assert {check.id for check in found} == set(gpu_health.IDS)
    assert {check.status for check in found} == {"skipped"}


def test_what_nobody_knows_is_unknown() -> None:
    found = checks(
        answer(gpu(element("remapped_row_pending", "No", "Perhaps"), element("remapped_row_failure", "No", "?")))
    )
    assert [check.status for check in found if check.id == "gpu_row_remapping"] == ["unknown"]
