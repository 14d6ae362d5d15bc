# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings of real machines, proved: what is well raises no alarm, and a code in a real log is found."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import gpu_health, kernel_log

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "data" / "gpu" / "recordings"
pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recordings beside the checkout: {RECORDINGS}")


def test_recorded_gpus_that_are_well_raise_no_alarm() -> None:
    files = sorted((RECORDINGS / "smi-xml").glob("*.xml"))
    assert len(files) >= 5
    failed = {}
    for file in files:
        checks = gpu_health.checks(ElementTree.fromstring(file.read_text()))
        told = [check for check in checks if check.status in ("failed", "unknown")]
        failed.update({(file.name, check.id): check.severity for check in told})
    # Two were recorded with persistence off, which is told, and is no error.
    assert failed == {
        ("telegraf__a100-sxm4-v12.xml", "gpu_persistence"): "warning",
        ("telegraf__gtx-1660-ti.xml", "gpu_persistence"): "warning",
    }


def test_a_recorded_log() -> None:
    found = kernel_log.checks((RECORDINGS / "logs" / "gpud__dmesg-with-xid-119.log").read_text())
    assert found and {check.reason.split(":")[0].split(",")[0] for check in found} == {"Xid 119"}
