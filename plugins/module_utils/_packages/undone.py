# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a transaction that failed, in the words of every package manager."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Undone:
    """``removed`` are packages, as C(name:arch), that are gone again; ``left`` is what the transaction has changed for
    good, each as C(name (version status))."""

    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def __str__(self) -> str:
        removed = ", ".join(name.rpartition(":")[0] for name in self.removed)
        told = f"removed again: {removed}; " if removed else ""
        if not self.left:
            return f"{told}the packages are as they were"
        return f"{told}these differ now and could not be taken back: {', '.join(self.left)}"

    def details(self) -> dict[str, t.Any]:
        """The keys of a failed result."""
        return {"withdrawn": list(self.removed), "differs": list(self.left), "changed": bool(self.left)}
