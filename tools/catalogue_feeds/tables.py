# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table files: read, joined with what sources say, and written as they were."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace
from pathlib import Path

from catalogue_feeds.reading import Reading, Refused

_TABLE = re.compile(r'(?P<head>.*^TABLE = """\n)(?P<rows>.*?)(?P<tail>^""".*)', re.S | re.M)
Cells = dict[str, str]


@dataclass(frozen=True)
class TableFile:
    """One table with the text around it. ``aligned`` tells that its bars stand below each other."""

    path: Path
    head: str
    columns: tuple[str, ...]
    rows: tuple[Cells, ...]
    tail: str
    aligned: bool

    def text(self) -> str:
        lines = [self.columns, *(tuple(row[column] for column in self.columns) for row in self.rows)]
        widths = [max(map(len, cells)) if self.aligned else 0 for cells in zip(*lines)]
        shown = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
        return self.head + "\n".join(shown) + "\n" + self.tail


def read(path: Path) -> TableFile:
    found = _TABLE.fullmatch(path.read_text(encoding="utf-8"))
    if found is None:
        raise Refused(f"{path} has no table")
    lines = found["rows"].splitlines()
    columns, *rows = ([cell.strip() for cell in line.split("|")] for line in lines)
    if any(len(row) != len(columns) for row in rows):
        raise Refused(f"{path} has a row with other columns than its first line")
    table = TableFile(
        path, found["head"], tuple(columns), tuple(dict(zip(columns, row)) for row in rows), found["tail"], False
    )
    return replace(table, aligned=table.text() != path.read_text(encoding="utf-8"))


def joined(table: TableFile, name: str, key: t.Sequence[str], source: str, reading: Reading) -> TableFile:
    """The table with what a source says. Rows that it says anew stand where their key belongs: behind the last row
    that sorts before them, in the table's own order."""
    said = _by_key([cells for of, cells in reading.rows if of == name], key, name)
    rows = [_with(row, said.pop(_key(row, key), None), source, name in reading.whole) for row in table.rows]
    for cells in said.values():
        missing = [column for column in table.columns if column not in cells and column not in ("status", "source")]
        if missing:
            raise Refused(f"{name}: {' '.join(_key(cells, key))} is new, and its {', '.join(missing)} not known")
        rows.insert(_place(rows, cells, key), {"status": "verified", "source": source, **cells})
    return replace(table, rows=tuple(rows))


def lost(table: TableFile, name: str, key: t.Sequence[str], reading: Reading) -> list[str]:
    """The rows that stand in the table by a source that was read to its end, and that it does not name any more."""
    said = {_key(cells, key) for of, cells in reading.rows if of == name}
    rows = [row for row in table.rows if row["source"] in reading.complete]
    return [f"{name} {' '.join(_key(row, key))}" for row in rows if _key(row, key) not in said]


def _with(row: Cells, cells: Cells | None, source: str, whole: bool) -> Cells:
    if cells is None:
        return row
    kept = {column: value for column, value in row.items() if column not in ("status", "source")}
    if {**kept, **cells, "status": "", "source": ""} == {**kept, "status": "", "source": ""} and not whole:
        return row
    changed = {**row, **cells}
    return {**changed, "status": cells.get("status", "verified"), "source": cells.get("source", source)}


def _by_key(rows: t.Sequence[Cells], key: t.Sequence[str], name: str) -> dict[tuple[str, ...], Cells]:
    found: dict[tuple[str, ...], Cells] = {}
    for cells in rows:
        if found.setdefault(_key(cells, key), cells) != cells:
            raise Refused(f"{name}: {' '.join(_key(cells, key))} is said twice, and differently")
    return found


def _key(row: t.Mapping[str, str], key: t.Sequence[str]) -> tuple[str, ...]:
    return tuple(row[column] for column in key)


def _place(rows: t.Sequence[Cells], new: Cells, key: t.Sequence[str]) -> int:
    """Where a new row stands: tables go up or down by their keys, frameworks each by itself."""
    alike = (
        [at for at, row in enumerate(rows) if row[key[0]] == new[key[0]]] if len(key) > 1 else list(range(len(rows)))
    )
    alike = alike or list(range(len(rows)))
    last = key[-1] if len(key) == 1 else key[1]
    order = [_number(rows[at][last]) for at in alike]
    down = len(order) > 1 and order[0] > order[-1]
    for at, other in zip(alike, order):
        if (other < _number(new[last])) if down else (other > _number(new[last])):
            return at
    return alike[-1] + 1 if alike else 0


def _number(text: str) -> tuple[int, ...]:
    """Versions by their numbers, ids of devices by theirs."""
    if re.fullmatch(r"[0-9a-f]{4}", text):
        return (int(text, 16),)
    return tuple(int(part) for part in re.findall(r"[0-9]+", text))


def without(table: TableFile, name: str, key: t.Sequence[str], reading: Reading) -> TableFile:
    """The table without the rows that lost() names."""
    said = {_key(cells, key) for of, cells in reading.rows if of == name}
    kept = [row for row in table.rows if row["source"] not in reading.complete or _key(row, key) in said]
    return replace(table, rows=tuple(kept))
