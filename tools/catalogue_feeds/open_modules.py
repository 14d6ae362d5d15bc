# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README of open-gpu-kernel-modules, one for each release: which products a driver's open modules know."""

from __future__ import annotations

import re
import typing as t

from catalogue_feeds.reading import Document, Reading, Refused

ADDRESS = "https://raw.githubusercontent.com/NVIDIA/open-gpu-kernel-modules/main/README.md"
_VERSION = re.compile(r"^version ([0-9]{3}(?:\.[0-9]+){1,2})\.?\s*$", re.M)
_ROW = re.compile(
    r"^\| (?P<name>[^|]*?) *\| (?P<id>[0-9A-F]{4})(?: 10DE [0-9A-F]{4}| [0-9A-F]{4} [0-9A-F]{4})? +\|$", re.M
)
_HEAD = re.compile(r"^\| Product Name +\| PCI ID +\|$", re.M)
_LEAST = 100
# Products of a later release of an older branch are missing in an earlier one of a newer branch.
_MOST_GONE = 0.05
SOURCE = "open-git"
# Releases for developers of Vulkan have numbers of their own, and are in nobody's package repository.
_DEVELOPERS = re.compile(r"(?:515\.49|525\.47|535\.43|550\.40|570\.123|580\.94|595\.44)\.")
_FIRST_OF_LINE = ("535.43.02", "550.40.07")
Rows = t.Sequence[t.Mapping[str, str]]


def read(documents: t.Sequence[Document], tables: t.Mapping[str, Rows]) -> Reading:
    """New products, and of known ones that they are still there. First drivers of known ones stay: only a README of
    each release, which a folder of them is, says which was the first."""
    reading = Reading()
    read_ones = sorted((_listing(document) for document in documents), key=lambda entry: _number(entry[0]))
    listings = {name: listing for name, listing in read_ones if len(read_ones) == 1 or not _for_developers(name)}
    names: dict[str, str] = {}
    for listing in listings.values():
        names.update(listing)
    known = {row["id"]: row for row in tables["gpus"]}
    gone = [row["id"] for row in tables["gpus"] if row["source"] == SOURCE and row["id"] not in names]
    if len(gone) > _MOST_GONE * len(names):
        raise Refused(f"{len(gone)} of the products that were in it are gone, {', '.join(gone[:5])} among them")
    reading.notes += [f"10de:{device} is in other releases only" for device in gone]
    for device in sorted(names):
        row = known.get(device)
        if row is not None and row["source"] != "pci-ids":
            reading.add("gpus", id=device, product=row["product"])
            continue
        cells = _new(device, names[device], tables)
        if cells is None:
            reading.notes.append(f"10de:{device} {names[device]} belongs to no family: not added")
            continue
        if row is not None:
            cells["fabric"] = row["fabric"]
        elif cells["class"] == "datacenter":
            reading.notes.append(f"10de:{device} {names[device]} is new: look up whether it has NVSwitches")
        reading.add("gpus", **cells, drivers=first_drivers(device, listings), status="derived")
    return reading


def first_drivers(device: str, listings: t.Mapping[str, t.Mapping[str, str]]) -> str:
    """The first driver with a product, and the first of each later branch that began without it."""
    branches: dict[str, list[str]] = {}
    for version in listings:
        branches.setdefault(version.partition(".")[0], []).append(version)
    found: list[str] = []
    for versions in branches.values():
        first = next((version for version in versions if device in listings[version]), None)
        if first is not None and (not found or first != versions[0]):
            found.append(first)
    return " ".join(found)


def _new(device: str, name: str, tables: t.Mapping[str, Rows]) -> dict[str, str] | None:
    at = int(device, 16)
    family = next((row for row in tables["families"] if int(row["id_from"], 16) <= at <= int(row["id_to"], 16)), None)
    generation = next(
        (row for row in tables["capabilities"] if family and row["capability"] == family["capability"]), None
    )
    if family is None or generation is None:
        return None
    # Open modules know it: a family that is not for them would contradict that.
    if generation["modules"] == "proprietary":
        raise Refused(f"10de:{device} {name}: open modules know it, and its family is for proprietary ones")
    consumer = name.startswith(("GeForce", "TITAN", "CMP"))
    kind = "consumer" if consumer else "pro" if re.match(r"(Quadro|RTX|T[0-9]+G?\b|NVS)", name) else "datacenter"
    return {
        "id": device,
        "product": name,
        "capability": family["capability"],
        "modules": generation["modules"],
        "fabric": "",
        "class": kind,
    }


def _listing(document: Document) -> tuple[str, dict[str, str]]:
    version = _VERSION.search(document.text)
    head = _HEAD.search(document.text)
    if version is None or head is None:
        raise Refused(f"{document.origin} is no README of open-gpu-kernel-modules: no version, or no list of products")
    found: dict[str, str] = {}
    for row in _ROW.finditer(document.text, head.end()):
        name = row["name"].removeprefix("NVIDIA ")
        found.setdefault(row["id"].lower(), name)
    if len(found) < _LEAST:
        raise Refused(f"{document.origin} lists {len(found)} products, and there are more")
    return version.group(1), found


def _for_developers(version: str) -> bool:
    return _DEVELOPERS.match(version) is not None and version not in _FIRST_OF_LINE


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
