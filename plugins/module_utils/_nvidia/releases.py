# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of kernel releases."""

from __future__ import annotations

import re


def sort_key(text: str) -> list[tuple[int, int, str]]:
    """Numbers by value, everything else as text: 5.15.0-100 follows 5.15.0-99."""
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in re.findall(r"\d+|[^\d.]+", text)]
