# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as templates use them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.filter import (
    cuda_min_driver,
    framework_environments,
    stack_for,
    stack_table,
    wheel_index,
)

HOST = {"gpus": ["10de:1db6"], "distribution": "ubuntu", "version": "24.04", "pythons": ["3.12"], "today": "2026-11-23"}
PLAN = {"facts": HOST}


@pytest.mark.parametrize(
    "module", [cuda_min_driver, framework_environments, stack_for, stack_table, wheel_index], ids=lambda m: m.__name__
)
def test_a_file_has_the_filter_of_its_name(module):
    name = module.__name__.rpartition(".")[2]
    assert list(module.FilterModule().filters()) == [name]


def test_the_least_driver():
    assert cuda_min_driver.cuda_min_driver("12.4", minor_compatibility="yes") == "525.60.13"
    with pytest.raises(AnsibleFilterError, match=r"cuda_min_driver: Wanted: the driver for CUDA 12\.7"):
        cuda_min_driver.cuda_min_driver("12.7")


def test_the_index_of_a_host():
    assert wheel_index.wheel_index(PLAN) == "https://download.pytorch.org/whl/cu126"
    assert wheel_index.wheel_index(PLAN, "2.8", "cpu", "https://mirror.example") == "https://mirror.example/cpu"
    with pytest.raises(AnsibleFilterError, match="cu130"):
        wheel_index.wheel_index(PLAN, "2.14", "cu130")


def test_other_asks_for_a_host():
    assert stack_for.stack_for(PLAN, {"cuda": "auto"})["stack"]["toolkit"]["version"] == "12.9.1"
    assert stack_for.stack_for(HOST, {"driver": "590"})["refusal"]["conflict"] == {"driver": "590"}
    with pytest.raises(AnsibleFilterError, match="the desired state colour"):
        stack_for.stack_for(PLAN, {"colour": "red"})


def test_environments_and_their_indexes():
    made = framework_environments.framework_environments([{"name": "ml", "torch": "2.x"}], PLAN)
    assert made == {
        "environments": [{"name": "ml", "packages": ["torch==2.14.1+cu126"]}],
        "indexes": ["https://download.pytorch.org/whl/cu126"],
    }
    with pytest.raises(AnsibleFilterError, match="framework_environments"):
        framework_environments.framework_environments([{"name": "ml", "torch": "2.x"}], {})


def test_a_table_of_what_is_no_answer():
    assert stack_table.stack_table({"here": {}})[-1] == "1 hosts: 0 possible, 0 impossible, 1 unknown"
    with pytest.raises(AnsibleFilterError, match="stack_table"):
        stack_table.stack_table(None)
