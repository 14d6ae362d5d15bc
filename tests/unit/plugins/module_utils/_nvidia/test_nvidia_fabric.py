# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boards with a switch fabric: who is missing, and whether a GPU has joined it."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import desired_packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.info import told
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.driver.model_host import (
    SWITCH,
    UBUNTU,
    desired_for,
    empty_host,
    installed,
    target,
)
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.gpu_host import GpuHost
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._nvidia.test_nvidia_host import (
    KERNEL,
    healthy,
    look,
    nvidia_smi,
    smi_xml,
)


def with_fabric(state, status="N/A", health=""):
    summary = f"<health><summary>{health}</summary></health>" if health else ""
    block = f"<fabric><state>{state}</state><status>{status}</status><cliqueId>0</cliqueId>{summary}</fabric></gpu>"
    return smi_xml(("00000000:41:00.0", "H100", "GPU-1", "1 MiB", "N/A", "N/A")).replace("</gpu>", block)


@pytest.mark.parametrize(
    ("fabric", "problem"),
    [
        (("Completed", "Success"), ""),
        (("Completed", "Success", "Healthy"), ""),
        (("Completed", "Success", "Unhealthy"), "its fabric is Unhealthy"),
        (("Completed", "Success", "Limited Capacity"), "its fabric is Limited Capacity"),
        (("N/A",), ""),
        (("Not Supported", "Not Supported"), ""),
        (("Not Started",), "not registered with the fabric (Not Started)"),
        (("In Progress", "Success"), "not registered with the fabric (In Progress)"),
        (("Completed", "Timeout"), "could not be registered with the fabric (Timeout)"),
        (("Completed",), "could not be registered with the fabric (no status)"),
    ],
)
def test_a_gpu_and_the_fabric_of_its_board(tmp_path, fabric, problem):
    machine = healthy(tmp_path)
    nvidia_smi(machine, with_fabric(*fabric))
    found = look(machine)
    texts = [each.text for each in findings.problems(found) if each.code == "fabric_not_ready"]
    assert [problem in text for text in texts] == ([True] if problem else [])
    (gpu,) = told(found, load())["gpus"]
    assert (gpu["fabric"] is None) == (fabric[0] in ("N/A", "Not Supported"))


@pytest.mark.parametrize(
    ("packages", "problem"),
    [
        ((), "fabric_manager_absent"),
        (("nvidia-fabricmanager 580.95.05-1",), "subnet_manager_absent"),
        (("nvlsm 2025.10.11-1",), "fabric_manager_absent"),
        (("nvidia-fabricmanager 580.95.05-1", "nvlsm 2025.10.11-1"), ""),
    ],
)
def test_a_board_with_nvlink_5_needs_both_managers(tmp_path, packages, problem):
    machine = GpuHost(tmp_path, kernel=KERNEL)
    machine.gpu(device="2901")
    machine.packages("nvidia-dkms-580-open 580.95.05-0ubuntu1", *packages)
    codes = {each["code"] for each in told(look(machine), load())["problems"]}
    assert {code for code in codes if code.endswith("manager_absent")} == ({problem} if problem else set())


def test_a_board_with_nvlink_5_gets_its_subnet_manager_once_and_at_its_own_version():
    wanted = target(branch="580", needs_fabric=True)
    found = empty_host()
    asked = desired_packages.desired_packages(desired_for(wanted), wanted, found, UBUNTU)
    (entry,) = [package for package in asked.packages if package.requested == "nvlsm"]
    assert (entry.version, entry.hold) == ("", None)
    # Not where the NVSwitches are on the bus, nor from an archive that has none, nor where Fabric Manager is refused.
    for other, host, fields in (
        (wanted, empty_host(nvswitches=(SWITCH,)), {}),
        (target(branch="580", needs_fabric=True, source="distribution"), found, {}),
        (wanted, found, {"fabric_manager": False}),
        (target(branch="580"), found, {}),
    ):
        names = desired_packages.desired_packages(desired_for(other, **fields), other, host, UBUNTU).names
        assert "nvlsm" not in names
    after = installed(found, wanted)
    assert desired_packages.settled(asked, after)
