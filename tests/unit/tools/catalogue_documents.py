# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents after the shapes of the catalogue's sources, with numbers that are not in the tables yet.

The shapes were read on 2026-12-01: pci.ids of 2026-08-22, the READMEs of 192 releases of the open modules, manifests of
CUDA 12.8.2 and 13.4.2, releases.json as others' readers describe it, names of wheels on the Python index.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import catalogue_update
from catalogue_feeds import pci_ids, tables

SHIPPED = catalogue_update.CATALOGUE


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    return list(tables.read(folder / f"table_{name}.py").rows)


def releases(**changed: object) -> str:
    """NVIDIA's list of drivers, with branches that the tables have, and changes to it."""
    there = {
        "580": {"type": "lts branch", "driver_info": [{"release_version": "580.126.20"}]},
        "595": {"type": "production branch", "driver_info": [{"release_version": "595.58.03"}]},
    }
    return json.dumps({**there, **changed})


def manifest(release: str, driver: str | None, **more: object) -> str:
    parts: dict[str, object] = {"cuda_nvcc": {"version": "13.9.1"}, "cuda_cudart": {"version": "13.9.1"}}
    if driver is not None:
        parts["nvidia_driver"] = {"version": driver}
    return json.dumps({"release_date": "2027-01-01", "release_label": release, **parts, **more})


def project(name: str, *files: str, **more: object) -> str:
    return json.dumps({"name": name, "files": [{"filename": file} for file in files], **more})


def pci(*products: str) -> str:
    """A pci.ids with a product at both ends of each family, and bridges enough to be a whole one."""
    chips = {capability: start for start, _architecture, capability in reversed(pci_ids.CHIPS)}
    chips |= {"12.1": "GB20B", "3.0": "GK104", "2.1": "GF104", "6.1": "GP104", "8.6": "GA104", "8.9": "AD102"}
    chips |= {"7.5": "TU104", "11.0": "GB10B", "10.0": "GB100", "5.0": "GM107", "5.2": "GM204", "7.0": "GV100"}
    chips |= {"9.0": "GH100", "10.3": "GB110", "3.5": "GK110", "3.7": "GK210", "12.0": "GB202", "10.7": "GR100"}
    lines = {f"{number:04x}": "MCP61 Bridge" for number in range(0x0300, 0x0300 + 0x3C0)}
    for family in rows(SHIPPED, "families"):
        first, last = int(family["id_from"], 16), int(family["id_to"], 16)
        for place in range(first, last + 1, 0x40):
            lines[f"{place:04x}"] = f"{chips[family['capability']]} [made]"
        lines[f"{last:04x}"] = f"{chips[family['capability']]} [made]"
    for gpu in rows(SHIPPED, "gpus"):
        if gpu["source"] == "pci-ids":
            lines[gpu["id"]] = f"{chips[gpu['capability']]} [{gpu['product']}]"
    lines |= {line[:4]: line[6:] for line in products}
    listed = "".join(f"\t{device}  {name}\n" for device, name in sorted(lines.items()))
    return (
        f"0001  Others\n\t2901  Not NVIDIA's\n10de  NVIDIA Corporation\n{listed}10df  Others\nC ff  Unassigned class\n"
    )


def readme(version: str, *more: str, without: tuple[str, ...] = ()) -> str:
    products = [gpu for gpu in rows(SHIPPED, "gpus") if gpu["source"] == "open-git" and gpu["id"] not in without]
    listed = "".join(f"| NVIDIA {gpu['product']} | {gpu['id'].upper()} |\n" for gpu in products)
    listed += "".join(f"| {line} |\n" for line in more)
    head = "| Product Name | PCI ID |\n| --- | --- |\n"
    return f"# Open modules\n\nThis is the source release of the modules,\nversion {version}.\n\n{head}{listed}"


def wheel(folder: Path, name: str, **members: str) -> str:
    path = folder.parent / name
    with zipfile.ZipFile(path, "w") as made:
        for member, text in members.items():
            made.writestr(member.replace("__", "/") + ".py", text)
    return str(path)


def tensorflow(folder: Path, name: str, text: str) -> str:
    return wheel(folder, name, tensorflow__python__platform__build_info=text)
