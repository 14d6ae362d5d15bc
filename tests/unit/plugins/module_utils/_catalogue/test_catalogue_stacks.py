# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of hosts, desired states and outcomes, stacks.txt.

Its outcomes were worked out from the facts (which driver is a GPU's first and last, which CUDA knows it, which wheel
has code for it), not printed from the solver. Add a line for each case that you know the answer to.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.gpus import known
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    DesiredStack,
    Gpu,
    HostFacts,
    Refusal,
    Stack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._catalogue import stack_words

LINES = (Path(__file__).parent / "stacks.txt").read_text(encoding="utf-8").splitlines()
ROWS = [
    [cell.strip() for cell in line.split("|")] for line in LINES if line.strip() and not line.startswith(("#", "gpu "))
]
AT_LEAST = ", at least "


def test_the_table_is_long_enough_to_mean_something():
    assert len(ROWS) >= 300
    assert len({tuple(row[:4]) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ", ".join(row[:4]))
def test_a_host_gets_what_the_table_says(row):
    gpus, host, present, wanted, outcome = row
    answer = solve(stack_words.facts(gpus, host, present), stack_words.all_desired(wanted), load())
    minimum = ""
    if AT_LEAST in outcome:
        head, _words, rest = outcome.partition(AT_LEAST)
        minimum, _comma, tail = rest.partition(", ")
        outcome = f"{head}, {tail}" if tail else head
    assert stack_words.told(answer) == outcome
    if minimum:
        assert isinstance(answer, Stack)
        assert answer.driver is not None
        assert answer.driver.minimum == minimum
    if isinstance(answer, Stack):
        machine = "sbsa" if stack_words.ARM & set(gpus.split()) else "x86_64"
        assert answer.repository == f"{stack_words.SYSTEMS[host.split()[0]][3]}/{machine}"


@pytest.mark.parametrize(
    ("pci_id", "capability"),
    [
        ("06d1", "2.0"),  # GF100, Tesla C2050
        ("0df4", "2.1"),  # GF108, GeForce GT 540M
        ("1080", "2.0"),  # GF110, GeForce GTX 580
        ("1200", "2.1"),  # GF114, GeForce GTX 560 Ti
        ("0ff2", "3.0"),  # GK107, GRID K1
        ("118f", "3.0"),  # GK104, Tesla K10
        ("11c0", "3.0"),  # GK106, GeForce GTX 660
        ("1004", "3.5"),  # GK110, GeForce GTX 780
        ("1287", "3.5"),  # GK208, GeForce GT 730
        ("1380", "5.0"),  # GM107, GeForce GTX 750 Ti
        ("13bb", "5.0"),  # GM107, Quadro K620
        ("179c", "5.0"),  # GM107, GeForce 940MX
        ("13d8", "5.2"),  # GM204, GeForce GTX 970M
        ("1430", "5.2"),  # GM206, Quadro M2000
        ("1617", "5.2"),  # GM204, GeForce GTX 980M
        ("15fb", "6.0"),  # GP100
        ("1725", "6.0"),  # GP100
        ("1d01", "6.1"),  # GP108, GeForce GT 1030
        ("1dba", "7.0"),  # GV100, Quadro GV100
        ("2925", "10.0"),  # GB100
        ("30c0", "10.7"),  # GR102
        ("323e", "10.3"),  # GB112
    ],
)
def test_a_product_without_a_row_has_the_capability_of_its_chip(pci_id, capability):
    """Chips by pci.ids of 2026-08-22."""
    assert known(Gpu(pci_id), load()).capability == capability


def test_a_system_without_a_driver_for_its_gpu_tells_both_sides():
    facts = HostFacts(gpus=(Gpu("102d"),), distribution="rocky", version="10.0", today="2026-11-23")
    told = str(solve(facts, DesiredStack(), load()).error("K80 on EL 10"))
    assert "rhel10/x86_64 begins with driver branch 580, and driver branch 470 is older" in told
    assert "Tesla K80 (capability 3.7) has no driver after branch 470" in told


def test_older_packages_of_a_mirror_are_told_by_a_row():
    facts = HostFacts(gpus=(Gpu("20b2"),), distribution="ubuntu", version="24.04")
    own = load({"offers": [{"folder": "ubuntu2404/x86_64", "first_cuda": ""}]})
    assert isinstance(solve(facts, DesiredStack(cuda="11.8"), load()), Refusal)
    assert isinstance(solve(facts, DesiredStack(cuda="11.8"), own), Stack)
