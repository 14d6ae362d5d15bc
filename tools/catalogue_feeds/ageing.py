# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one day of the catalogue: how far back the look at what grows old lies."""

from __future__ import annotations

import typing as t

Rows = t.Sequence[t.Mapping[str, str]]
# Into which tables, or which rows of them, new releases come, and the source by machine that would have told of them.
PARTS = (
    ("branches", "", "driver-releases"),
    ("cuda", "", "cuda-redist"),
    ("frameworks", "torch", "torch-index"),
    ("frameworks", "tensorflow", "tensorflow-index"),
    ("frameworks", "jax", "jax-index"),
)


def day(tables: t.Mapping[str, Rows], readings: Rows, by_hand: t.Mapping[str, str]) -> str:
    """Of all parts the one that was looked at longest ago. A source by machine counts where it was read to its end."""
    complete = {row["source"]: row["complete"] for row in readings}
    days = []
    for table, framework, machine in PARTS:
        rows = [row for row in tables[table] if not framework or row["framework"] == framework]
        read = [by_hand.get(row["source"], "") for row in rows if row["source"] not in complete]
        days.append(max([*read, complete.get(machine, "")], default=""))
    return min(days)
