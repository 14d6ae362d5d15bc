# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a chip's name tells of its products, and where the index of Python packages is."""

from __future__ import annotations

import pytest

from catalogue_feeds import index, pci_ids


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
