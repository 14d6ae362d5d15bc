# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as nvidia-smi prints them: C([N/A]), deprecation notes, units."""

from __future__ import annotations

import re

_NOTHING = ("n/a", "[n/a]", "none", "not available", "[not supported]", "requested functionality has been deprecated")
_VERSION = re.compile(r"^\d+(?:\.\d+)+")


def text_of(value: str) -> str:
    """The value, or empty where nvidia-smi says in any of its ways that there is none."""
    value = value.strip()
    return "" if value.lower() in _NOTHING or value.startswith("[Requested functionality") else value


def version(value: str) -> str:
    """A version at the beginning of a value that may carry a note ('610.57.04 [Deprecated; ...]'), or empty."""
    match = _VERSION.match(value.strip())
    return match.group() if match else ""


def mebibytes(value: str) -> int | None:
    """C(81559 MiB) or C(81559MiB) as a number; None for C([N/A]), as GPUs without memory of their own say."""
    match = re.match(r"^([0-9]{1,18})\s*(?:MiB)?\Z", value.strip())
    return int(match.group(1)) if match else None


def number(value: str) -> int | None:
    """A whole number, or None for C(N/A)."""
    value = value.strip()
    return int(value) if re.fullmatch(r"[0-9]{1,18}", value) else None
