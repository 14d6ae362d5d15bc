# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the tables: text with a row a line and bars between columns, the first line naming them.

They are text inside Python files because only Python files travel to a host with a module, and one string costs less to
load than a thousand small ones.
"""

from __future__ import annotations

import functools
import re
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import Reason


class Row(dict[str, str]):
    """One row by the names of its columns; every row has C(status) and C(source)."""

    @property
    def verified(self) -> bool:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.sources import TRUSTED

        return self["status"] in TRUSTED

    @property
    def source(self) -> str:
        """The source in words, with the day it was read and whether by hand. A user's row brings words of its own."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.sources import SOURCES

        known = SOURCES.get(self["source"])
        if known is None:
            return self["source"]
        if not known.read:
            return known.text
        return f"{known.text}, read {known.read}{', by hand' if known.by_hand else ''}"

    def reason(self, text: str) -> Reason:
        """A reason that rests on this row."""
        # Hosts that only look a repository up do without these.
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import Reason

        return Reason(text, self.source, self.verified)


def rows(text: str, **constant: str) -> list[Row]:
    """The rows of a table. ``constant`` are columns that are the same in all of them."""
    lines = text.strip().splitlines()
    columns = _cells(lines[0])
    found = []
    for line in lines[1:]:
        cells = _cells(line)
        if len(cells) != len(columns):
            raise ValueError(f"{len(cells)} columns instead of {len(columns)}: {line}")
        found.append(Row(zip(columns, cells), **constant))
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


@functools.cache
def number(version: str) -> tuple[int, ...]:
    """A version of a driver, a toolkit or a capability for comparison, padded to four numbers; what follows the numbers
    is ignored."""
    parts = [int(digits) for digits in re.findall(r"[0-9]+", re.split(r"[^0-9.]", version.strip(), maxsplit=1)[0])]
    return (*parts, 0, 0, 0, 0)[: max(4, len(parts))]


def minor_of(version: str) -> str:
    """C(12.4) of C(12.4.1)."""
    return ".".join(map(str, number(version)[:2]))


def branch_of(version: str) -> str:
    """The driver branch of a version: its first number."""
    return version.partition(".")[0]
