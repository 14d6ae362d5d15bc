# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the commands of this checkout say no."""

from __future__ import annotations


class Refusal(Exception):
    """Ends a command with the three things a user needs: what was wished, what was found, what to do next."""

    def __init__(self, wished: str, found: str, todo: str) -> None:
        self.wished = wished
        self.found = found
        self.todo = todo
        super().__init__(f"Wished: {wished}. Found: {found}. To do: {todo}.")
