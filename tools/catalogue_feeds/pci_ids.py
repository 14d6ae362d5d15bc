# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pci.ids: names of products and of their chips, and so the families of GPUs by ranges of ids."""

from __future__ import annotations

import re
import typing as t

from catalogue_feeds.reading import Document, Reading, Refused

ADDRESS = "https://raw.githubusercontent.com/pciutils/pciids/master/pci.ids"
_VENDOR = "10de"
_DEVICE = re.compile(r"\t([0-9a-f]{4})  (\S.*)")
_CHIP = re.compile(r"(G[A-Z][0-9]{2}[0-9A-Z]|TU[0-9]{3}|AD[0-9]{3}|GT?[0-9]{2,3}|GB10(?![0-9A-Z]))")
# The last classes of the file: a copy without them has lost its end.
_END = re.compile(r"^C ff  ", re.M)
_LEAST_PRODUCTS = 1000
# Capabilities of chips, by the beginnings of their names (NVIDIA, list of GPUs by capability). Longer ones come first.
CHIPS = (
    ("GF100", "Fermi", "2.0"),
    ("GF110", "Fermi", "2.0"),
    ("GF", "Fermi", "2.1"),
    ("GK11", "Kepler", "3.5"),
    ("GK18", "Kepler", "3.5"),
    ("GK20", "Kepler", "3.5"),
    ("GK21", "Kepler", "3.7"),
    ("GK", "Kepler", "3.0"),
    ("GM10", "Maxwell", "5.0"),
    ("GM20", "Maxwell", "5.2"),
    ("GP100", "Pascal", "6.0"),
    ("GP", "Pascal", "6.1"),
    ("GV10", "Volta", "7.0"),
    ("TU", "Turing", "7.5"),
    ("GA100", "Ampere", "8.0"),
    ("GA", "Ampere", "8.6"),
    ("AD", "Ada", "8.9"),
    ("GH10", "Hopper", "9.0"),
    ("GB10B", "Blackwell", "11.0"),
    ("GB10\\b", "Blackwell", "12.1"),
    ("GB10", "Blackwell", "10.0"),
    ("GB11", "Blackwell Ultra", "10.3"),
    ("GB20B", "Blackwell", "12.1"),
    ("GB20", "Blackwell", "12.0"),
    ("GR10", "Rubin", "10.7"),
)
# How far a family reaches beyond the ids that are known of it, where nobody else is: products come in such blocks.
_BLOCK = 0x100
_UNKNOWN = ("", "")


def read(documents: t.Sequence[Document], tables: t.Mapping[str, t.Sequence[t.Mapping[str, str]]]) -> Reading:
    reading = Reading(whole={"families"}, complete={"pci-ids"}, replaced={"families"})
    for document in documents:
        products = _products(document)
        known = {row["id"]: row for row in tables["gpus"] if row["source"] == "pci-ids"}
        for device in sorted(known):
            if device in products:
                reading.add("gpus", id=device, product=known[device]["product"], status="secondary")
        drawn = families(products)
        for row in tables["families"]:
            if not any(
                row["capability"] == new[3] and row["id_from"] <= new[1] and new[0] <= row["id_to"] for new in drawn
            ):
                raise Refused(f"{document.origin} has no {row['architecture']} from {row['id_from']} to {row['id_to']}")
        for first, last, architecture, capability in drawn:
            cells = {"id_from": first, "id_to": last, "architecture": architecture, "capability": capability}
            reading.add("families", **cells, status="secondary")
    return reading


def _products(document: Document) -> dict[str, str]:
    """NVIDIA's products by their ids."""
    text = document.text
    if not _END.search(text):
        raise Refused(f"{document.origin} has lost its end")
    found: dict[str, str] = {}
    ours = False
    for line in text.splitlines():
        if line and line[0] not in "\t#":
            ours = line.startswith(f"{_VENDOR}  ")
        match = _DEVICE.fullmatch(line) if ours else None
        if match is not None:
            found[match.group(1)] = match.group(2)
    if len(found) < _LEAST_PRODUCTS:
        raise Refused(f"{document.origin} names {len(found)} products of NVIDIA, and there are more")
    return found


def chip(name: str) -> tuple[str, str]:
    """Architecture and capability of a product by its chip, empty for one that has none, or that nobody knows."""
    found = _CHIP.match(name)
    for start, architecture, capability in CHIPS if found is not None else ():
        if re.match(start, name):
            return architecture, capability
    return _UNKNOWN


def families(products: t.Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Ranges of ids by capability, none of which holds an id of another chip."""
    runs: list[tuple[int, int, str, str]] = []
    for device in sorted(products):
        architecture, capability = chip(products[device])
        if not _has_chip(products[device]):
            continue
        at = int(device, 16)
        if runs and runs[-1][2:] == (architecture, capability) and at - runs[-1][1] <= _BLOCK:
            runs[-1] = (runs[-1][0], at, architecture, capability)
        else:
            runs.append((at, at, architecture, capability))
    found = []
    before = -1
    for number, (first, last, architecture, capability) in enumerate(runs):
        after = runs[number + 1][0] if number + 1 < len(runs) else 0x10000
        start = max(first & -_BLOCK, before + 1)
        before = min(last | (_BLOCK - 1), max(after & ~0xF, last + 1) - 1)
        if capability:
            found.append((f"{start:04x}", f"{before:04x}", architecture, capability))
    return found


def _has_chip(name: str) -> bool:
    """Whether a product is a GPU: bridges, sound and USB have ids among them."""
    return _CHIP.match(name) is not None and not re.search(
        r"(?i)audio|USB|UCSI|PCIe? switch|PCIe host|NVSwitch|bridge", name
    )
