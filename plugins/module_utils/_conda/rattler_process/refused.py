# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the process refuses itself, beside what rattler does."""

from __future__ import annotations


class Refused(Exception):
    """The request cannot be granted; ``answer`` goes to the engine as it is."""

    def __init__(self, code: str, **details: str) -> None:
        super().__init__(code)
        self.answer = {"code": code, **details}
