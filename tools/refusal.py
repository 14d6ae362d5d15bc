# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the commands of this checkout say no."""

from __future__ import annotations


class Refusal(Exception):
    """Ends a command with the three things a user needs: what was wanted, what was found, what to do next."""

    def __init__(self, wanted: str, found: str, to_fix: str) -> None:
        self.wanted = wanted
        self.found = found
        self.to_fix = to_fix
        super().__init__(f"Wanted: {wanted}. Found: {found}. To fix: {to_fix}.")
