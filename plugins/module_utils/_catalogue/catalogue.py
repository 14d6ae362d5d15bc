# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that the solver works over, joined with a user's own rows.

Tables that only one module needs (installers, repositories, package names) are not here: it reads them itself.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import (
    own_rows,
    table_branches,
    table_capabilities,
    table_cuda,
    table_families,
    table_forward,
    table_frameworks,
    table_glibc,
    table_gpus,
    table_host_gcc,
    table_kernels,
    table_offers,
    table_wheels,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, minor_of, number, rows

# Table, its text, and the columns that tell two of its rows apart.
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "branches": (table_branches.TABLE, ("branch",)),
    "capabilities": (table_capabilities.TABLE, ("capability",)),
    "cuda": (table_cuda.TABLE, ("version",)),
    "families": (table_families.TABLE, ("id_from",)),
    "forward": (table_forward.TABLE, ("cuda_major",)),
    "frameworks": (table_frameworks.TABLE, ("framework", "version", "tag")),
    "glibc": (table_glibc.TABLE, ("framework", "release_from")),
    "gpus": (table_gpus.TABLE, ("id",)),
    "host_gcc": (table_host_gcc.TABLE, ("cuda_up_to",)),
    "kernels": (table_kernels.TABLE, ("branch_up_to",)),
    "offers": (table_offers.TABLE, ("folder",)),
    "wheels": (table_wheels.TABLE, ("framework", "tag", "architecture", "release_from")),
}


@dataclass(frozen=True)
class Catalogue:
    """All tables by name. Rows keep the order of their table, a user's rows come last."""

    tables: t.Mapping[str, tuple[Row, ...]]

    def branch(self, branch: str) -> Row | None:
        return self._by("branches", branch=branch)

    def capability(self, capability: str) -> Row | None:
        return self._by("capabilities", capability=capability)

    def gpu(self, pci_id: str) -> Row | None:
        return self._by("gpus", id=pci_id)

    def family(self, pci_id: str) -> Row | None:
        """The family that a product without a row of its own most likely belongs to."""
        try:
            device = int(pci_id, 16)
        except ValueError:
            return None
        return next(
            (row for row in self.tables["families"] if int(row["id_from"], 16) <= device <= int(row["id_to"], 16)), None
        )

    def forward(self, cuda_major: int) -> Row | None:
        return self._by("forward", cuda_major=str(cuda_major))

    def host_gcc(self, cuda: str) -> Row | None:
        """The row of the newest gcc for a release, None for releases newer than the table."""
        fitting = [row for row in self.tables["host_gcc"] if number(cuda)[:2] <= number(row["cuda_up_to"])]
        return min(fitting, key=lambda row: number(row["cuda_up_to"]), default=None)

    def kernel(self, branch: str) -> Row | None:
        """The row of the first kernel that is too new for a branch, None where any kernel may do."""
        fitting = [row for row in self.tables["kernels"] if number(branch) <= number(row["branch_up_to"])]
        return min(fitting, key=lambda row: number(row["branch_up_to"]), default=None)

    def offer(self, folder: str) -> Row | None:
        return self._by("offers", folder=folder)

    def cuda_rows(self) -> list[Row]:
        """CUDA releases, the newest first."""
        return sorted(self.tables["cuda"], key=lambda row: number(row["version"]), reverse=True)

    def frameworks(self, name: str) -> list[Row]:
        """The builds of a framework, the newest release first."""
        found = [row for row in self.tables["frameworks"] if row["framework"] == name]
        return sorted(found, key=lambda row: number(row["version"]), reverse=True)

    def wheel(self, framework: str, tag: str, architecture: str, release: str) -> Row | None:
        """For which capabilities a wheel is built, None where the tables do not say."""
        found = [
            row
            for row in self.tables["wheels"]
            if (row["framework"], row["tag"], row["architecture"]) == (framework, tag, architecture)
            and number(row["release_from"]) <= number(minor_of(release))
        ]
        newest = max(found, key=lambda row: number(row["release_from"]), default=None)
        if newest is None or (newest["release_to"] and number(newest["release_to"]) < number(minor_of(release))):
            return None
        return newest

    def glibc(self, framework: str, release: str) -> Row | None:
        """The row of the oldest glibc for a release."""
        found = [
            row
            for row in self.tables["glibc"]
            if row["framework"] == framework and number(row["release_from"]) <= number(minor_of(release))
        ]
        return max(found, key=lambda row: number(row["release_from"]), default=None)

    def toolkit_minimum(self, cuda: str) -> Row | None:
        """The row of the first release of C(major.minor): what its programs need at the least."""
        wanted = number(cuda)[:2]
        found = [row for row in self.tables["cuda"] if number(row["version"])[:2] == wanted]
        return min(found, key=lambda row: number(row["version"]), default=None)

    def _by(self, table: str, **key: str) -> Row | None:
        # From the end: a user's row stands in for ours.
        return next(
            (row for row in reversed(self.tables[table]) if all(row[column] == value for column, value in key.items())),
            None,
        )


@functools.lru_cache(maxsize=1)
def shipped() -> Catalogue:
    """The catalogue as it comes with the collection."""
    return Catalogue({name: tuple(rows(text)) for name, (text, _key) in TABLES.items()})


def load(own: t.Mapping[str, t.Any] | None = None) -> Catalogue:
    """The catalogue with a user's own rows, by table: C({"cuda": [{"version": "13.5.0", "driver": "620.10"}]}).

    A row with the key of one of ours stands in for it; columns that it leaves out are taken from that one, or empty.
    Beside the tables may stand C(date), the day to which the rows bring the catalogue.
    Raises InvalidArguments.
    """
    base = shipped()
    if not own:
        return base
    tables = dict(base.tables)
    for name, given in own_rows.tables_in(own).items():
        key = TABLES[name][1]
        added = [own_rows.cells_of(name, key, place, row) for place, row in enumerate(given, 1)]
        tables[name] = _joined(name, key, base.tables[name], added)
    return Catalogue(tables)


def _joined(name: str, key: tuple[str, ...], base: tuple[Row, ...], added: list[dict[str, str]]) -> tuple[Row, ...]:
    columns = tuple(base[0])

    def key_of(row: t.Mapping[str, str]) -> tuple[str, ...]:
        return tuple(row.get(column, "") for column in key)

    joined = {key_of(row): row for row in base}
    own: dict[tuple[str, ...], Row] = {}
    for place, row in enumerate(added, 1):
        under = joined.pop(key_of(row), None) or own.get(key_of(row)) or dict.fromkeys(columns, "")
        whole = Row({**under, **row})
        own_rows.check(name, place, whole)
        own[key_of(row)] = whole
    # Of families that have an id in common the first one counts.
    return (*own.values(), *joined.values()) if name == "families" else (*joined.values(), *own.values())
