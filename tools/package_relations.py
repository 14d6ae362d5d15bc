# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a slice of the real relations of Ubuntu's driver packages for the test bed, with where each row was read.

    python tools/package_relations.py FOLDER

FOLDER has `ubuntu-archive-nvidia.tsv`: all packages of Canonical's driver sources with their relations. What is
written, `tests/bed/nvidia_stand_in/relations/ubuntu.tsv`, has the sets that the bed builds: no version and no branch
stands in it but as `{version}`, `{full}` (with Ubuntu's revision) and `{b}` (branch and variant), and of the relations
those with packages that the bed has none of are left out: the C library, dkms, X, OpenCL, CUDA's virtual packages.
"""

from __future__ import annotations

import csv
import os
import sys
import typing as t

SERIES = "noble"
SETS = ("535", "535-server", "550", "570-server", "580", "580-server")
COLUMNS = ("set", "package", "depends", "provides", "conflicts", "replaces", "origin")
TARGET = os.path.join("tests", "bed", "nvidia_stand_in", "relations", "ubuntu.tsv")
# Of what is not built by a driver's source, the packages that the bed has.
BESIDE = ("libnvidia-egl-wayland1", "libnvidia-egl-gbm1")
Row = t.Mapping[str, str]


def read(folder: str) -> list[dict[str, str]]:
    with open(os.path.join(folder, "ubuntu-archive-nvidia.tsv"), encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def slice_of(rows: t.Sequence[Row]) -> list[dict[str, str]]:
    """The rows of the bed's sets, in the table's order."""
    found = []
    for name in SETS:
        source = f"nvidia-graphics-drivers-{name}"
        of_set = [row for row in rows if row["source"] == source and row["series"] == SERIES]
        built = {row["package"] for row in of_set if "superseded" not in row["extra"]}
        if name == "570-server":
            of_set = [row for row in of_set if "transitional" in row["extra"]]
        found += [_row(name, row, built) for row in of_set if "superseded" not in row["extra"]]
    return found


def _row(name: str, row: Row, built: t.Collection[str]) -> dict[str, str]:
    full = row["version"]
    version = full.partition("-")[0]

    def generic(text: str) -> str:
        return text.replace(full, "{full}").replace(version, "{version}").replace(name, "{b}")

    def kept(column: str) -> str:
        relations = [text.strip() for text in row[column].split(",") if text.strip()]
        return ", ".join(generic(text) for text in relations if _known(text.split()[0], row, built))

    relations = {column: kept(column) for column in ("depends", "provides", "conflicts", "replaces")}
    return {"set": name, "package": generic(row["package"]), **relations, "origin": row["origin"]}


def _known(package: str, row: Row, built: t.Collection[str]) -> bool:
    """Whether the bed has this package, or another of its packages provides it."""
    if "transitional" in row["extra"]:
        return True
    virtual = "nvidia" in package and not package.startswith("nvidia-3")
    return package in built or package in BESIDE or (virtual and "opencl" not in package)


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    with open(TARGET, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE)
        writer.writeheader()
        writer.writerows(slice_of(read(sys.argv[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
