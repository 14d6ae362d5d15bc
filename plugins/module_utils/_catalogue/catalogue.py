# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The tables that the solver works over, joined with a user's own rows.

Tables that only one module needs (installers, repositories, package names) are not here: it reads them itself.
"""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import (
    sources,
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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

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
    Raises InvalidArguments.
    """
    base = shipped()
    if not own:
        return base
    tables = dict(base.tables)
    for name, added in own.items():
        if name not in TABLES:
            raise _invalid(f"the table {name}", f"the tables are {', '.join(sorted(TABLES))}")
        if not isinstance(added, (list, tuple)) or not all(isinstance(row, t.Mapping) for row in added):
            raise _invalid(f"rows for the table {name}", "they are no list of mappings")
        columns = list(base.tables[name][0])
        tables[name] = _joined(name, columns, base.tables[name], [_own(name, columns, row) for row in added])
    return Catalogue(tables)


def _own(name: str, columns: list[str], given: t.Mapping[str, t.Any]) -> dict[str, str]:
    row = {str(column): "" if value is None else str(value) for column, value in given.items()}
    unknown = sorted(set(row) - set(columns))
    missing = [column for column in TABLES[name][1] if not row.get(column) and column != "tag"]
    if unknown or missing:
        said = f"{', '.join(unknown)} unknown" if unknown else f"{', '.join(missing)} missing"
        raise _invalid(f"a row for the table {name}", f"{said}; the columns are {', '.join(columns)}")
    if row.get("status", "user") not in sources.STATUSES:
        raise _invalid(f"a row with the status {row['status']}", f"known are {', '.join(sorted(sources.STATUSES))}")
    row.setdefault("status", "user")
    row.setdefault("source", "user")
    if name == "gpus":
        row["id"] = row["id"].lower().rpartition(":")[2]
    return row


def _joined(name: str, columns: list[str], base: tuple[Row, ...], added: list[dict[str, str]]) -> tuple[Row, ...]:
    def key(row: t.Mapping[str, str]) -> tuple[str, ...]:
        return tuple(row.get(column, "") for column in TABLES[name][1])

    joined = {key(row): row for row in base}
    for row in added:
        under = joined.pop(key(row), None) or dict.fromkeys(columns, "")
        joined[key(row)] = Row({**under, **row})
    return tuple(joined.values())


def _invalid(wanted: str, found: str) -> InvalidArguments:
    return InvalidArguments("catalogue_row", wanted=wanted, found=found, to_fix="correct the rows of your own")
