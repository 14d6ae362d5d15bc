# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a chip's name tells of its products, and where the index of Python packages is."""

from __future__ import annotations

import pytest

from catalogue_feeds import ageing, index, pci_ids


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("GK107GL [Quadro K420]", "3.0"),
        ("GK208B [GeForce GT 730]", "3.5"),
        ("GK210GL [Tesla K80]", "3.7"),
        ("GB10B [Jetson AGX Thor]", "11.0"),
        ("GB10 [GB10]", "12.1"),
        ("GB100 [B200]", "10.0"),
        ("GB110 [B300]", "10.3"),
        ("G92 [GeForce 8800 GT]", ""),
        ("GB120", ""),
        ("MCP61 Bridge", ""),
    ],
)
def test_a_chip_has_its_capability(name, told):
    assert pci_ids.chip(name)[1] == told


def test_the_index_is_that_of_pip(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple/")
    assert index.address() == "https://mirror.example/simple"
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert index.address().startswith("https://")


def test_the_catalogue_is_as_old_as_what_was_looked_at_longest_ago():
    tables = {
        "branches": [{"source": "page"}],
        "cuda": [{"source": "page"}, {"source": "notes"}],
        "frameworks": [{"framework": name, "source": f"{name}-index"} for name in ("torch", "tensorflow", "jax")],
    }
    complete = {"torch-index": "2027-03-01", "tensorflow-index": "2027-02-01", "jax-index": "2027-03-02"}
    readings = [{"source": source, "read": "2027-09-09", "complete": day} for source, day in complete.items()]
    assert ageing.day(tables, readings, {"page": "2027-04-01", "notes": "2027-01-01"}) == "2027-02-01"
    assert ageing.day(tables, readings, {"page": "2027-01-15", "notes": "2027-01-01"}) == "2027-01-15"
    asked = [*readings, {"source": "driver-releases", "read": "", "complete": "2027-08-01"}]
    assert ageing.day(tables, asked, {"page": "2027-01-15", "notes": "2027-05-01"}) == "2027-02-01"
