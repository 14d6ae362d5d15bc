# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long steps take."""

from __future__ import annotations

import contextlib
import time
import typing as t


@contextlib.contextmanager
def timed(timings: dict[str, float], name: str) -> t.Iterator[None]:
    """Add the wall time of the block, in seconds, under ``name``."""
    started = time.monotonic()
    try:
        yield
    finally:
        timings[name] = timings.get(name, 0.0) + time.monotonic() - started
