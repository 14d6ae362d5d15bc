# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalogue knows of the GPUs of a host, and which drivers and kernel modules they allow. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import OPEN, PROPRIETARY, Gpu, Reason
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, branch_of, number

BOTH = "both"


@dataclass(frozen=True)
class Known:
    """A GPU with what the tables say of it. ``row`` is its own row, ``family`` stands in where it has none, and
    ``generation`` is the row of its capability. All are None for a GPU that the tables have never heard of."""

    gpu: Gpu
    product: str
    capability: str
    row: Row | None = None
    family: Row | None = None
    generation: Row | None = None

    @property
    def title(self) -> str:
        return f"{self.product} (capability {self.capability})" if self.capability else self.product

    @property
    def modules(self) -> str:
        """C(open), C(proprietary), C(both), or empty where nobody knows."""
        if self.row is not None:
            return self.row["modules"]
        return self.generation["modules"] if self.generation is not None else ""

    @property
    def data_center(self) -> bool:
        return self.row is not None and self.row["class"] == "datacenter"

    @property
    def evidence(self) -> Row | None:
        return self.row or self.family or self.generation

    @property
    def verified(self) -> bool:
        """Whether everything that was used of the tables can be trusted."""
        used = [row for row in (self.row or self.family, self.generation) if row is not None]
        return len(used) == 2 and all(row.verified for row in used)


def known(gpu: Gpu, catalogue: Catalogue) -> Known:
    """A GPU looked up; what its facts say comes before what the tables say."""
    row = catalogue.gpu(gpu.pci_id)
    family = catalogue.family(gpu.pci_id) if row is None else None
    found = row or family
    capability = gpu.capability or (found["capability"] if found else "")
    product = gpu.product or (_product(row) if row else "")
    if not product:
        product = f"{family['architecture']} GPU 10de:{gpu.pci_id}" if family else f"unknown GPU 10de:{gpu.pci_id}"
    return Known(gpu, product, capability, row, family, catalogue.capability(capability))


def _product(row: Row) -> str:
    """Two products can have one id; a board's number (C(PG509-210)) is none of their names."""
    names = row["product"].split(", ")
    return " or ".join([name for name in names if not name.startswith("PG")] or names)


@dataclass(frozen=True)
class Driver:
    """A driver to be judged: an exact ``version``, or empty for the newest of the branch. ``row`` is the branch's row,
    None for a branch that the tables do not have. ``kept`` marks the one that the host has."""

    branch: str
    version: str = ""
    kept: bool = False
    row: Row | None = None

    @property
    def title(self) -> str:
        return f"driver {self.version}" if self.version else f"driver branch {self.branch}"

    def reaches(self, minimum: str) -> bool:
        """Whether this driver is at least C(minimum), or a branch can be."""
        if not minimum:
            return True
        if self.version:
            return number(self.version) >= number(minimum)
        return number(self.branch) >= number(branch_of(minimum))


def first_driver(gpu: Known, branch: str) -> str:
    """The least driver for a GPU in a branch, or empty where nobody knows."""
    drivers = gpu.row["drivers"].split() if gpu.row is not None else []
    return next((version for version in drivers if branch_of(version) == branch), drivers[0] if drivers else "")


def refuses_driver(gpu: Known, driver: Driver) -> Reason | None:
    """Why a GPU does not work with a driver, None where it does or nobody knows."""
    last = gpu.generation["last_branch"] if gpu.generation is not None else ""
    if gpu.generation is not None and last and number(driver.branch) > number(last):
        return gpu.generation.reason(f"{gpu.title} has no driver after branch {last}")
    first = first_driver(gpu, driver.branch)
    if gpu.row is not None and not driver.reaches(first):
        return gpu.row.reason(f"{gpu.title} needs driver {first} or newer")
    return None


def refuses_flavour(gpu: Known, flavour: str) -> Reason | None:
    """Why a GPU does not work with open or proprietary kernel modules."""
    if gpu.modules in ("", BOTH, flavour):
        return None
    evidence = gpu.generation if gpu.generation is not None and gpu.generation["modules"] == gpu.modules else gpu.row
    return t.cast(Row, evidence).reason(f"{gpu.title} works with {gpu.modules} kernel modules only")


def flavours(gpu: Known) -> list[str]:
    """The kernel modules with which a GPU works, in the order of preference; none where nobody knows."""
    return [OPEN, PROPRIETARY] if gpu.modules == BOTH else [gpu.modules] if gpu.modules else []


def branch_lacks(driver: Driver, flavour: str, newest: Row) -> Reason | None:
    """Why a branch does not offer a flavour. A branch newer than the tables is taken to be like C(newest)."""
    row = driver.row if driver.row is not None else newest
    if driver.row is None and number(driver.branch) < number(newest["branch"]):
        return None
    if row["flavours"] in (BOTH, flavour):
        return None
    return row.reason(f"driver branch {driver.branch} comes with {row['flavours']} kernel modules only")


def preferred_flavours(driver: Driver, present: str) -> tuple[str, str]:
    """Both flavours in the order in which they are tried where the choice is free: the one that the host has, else open
    from branch 560 on, from which NVIDIA recommends it (driver installation guide)."""
    first = present or (OPEN if number(driver.branch) >= (560,) else PROPRIETARY)
    return (first, PROPRIETARY if first == OPEN else OPEN)
