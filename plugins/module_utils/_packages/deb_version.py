# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of two versions of Debian's packages is newer.

Source: Debian's policy manual, 5.6.12, 'Version'.
"""

from __future__ import annotations

import re
import typing as t

_PARTS = re.compile(r"(?P<text>[^0-9]*)(?P<number>[0-9]*)")
_END: tuple[tuple[int, ...], int] = ((0,), 0)


def key(version: str) -> tuple[t.Any, ...]:
    """What sorts as C([epoch:]upstream[-revision]) does. Raises ValueError for what is no version."""
    epoch, _colon, rest = version.rpartition(":") if ":" in version else ("0", "", version)
    upstream, _dash, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    if not epoch.isascii() or not epoch.isdigit() or not upstream or not upstream[0].isalnum():
        raise ValueError(f"{version[:80]!r} is no version of a package of Debian")
    return int(epoch), _parts(upstream), _parts(revision)


def _parts(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    found = [
        ((*map(_weight, match.group("text")), 0), int(match.group("number") or 0))
        for match in _PARTS.finditer(text)
        if match.group()
    ]
    return (*found, _END)


def _weight(char: str) -> int:
    """A tilde comes before the end, letters before all other characters."""
    if char == "~":
        return -1
    return ord(char) if char.isalpha() else ord(char) + 256
