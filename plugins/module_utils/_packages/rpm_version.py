# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of two RPM versions is newer."""

from __future__ import annotations

import functools
import re

_PARTS = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")


def compare_versions(left: str, right: str) -> int:
    """Negative, zero or positive as C([epoch:]version[-release]) ``left`` is older, equal or newer than ``right``."""
    left_parts, right_parts = _split(left), _split(right)
    if left_parts[0] != right_parts[0]:
        return -1 if left_parts[0] < right_parts[0] else 1
    return _compare(left_parts[1], right_parts[1]) or _compare(left_parts[2], right_parts[2])


def newest_first(versions: list[str]) -> list[str]:
    return sorted(versions, key=functools.cmp_to_key(compare_versions), reverse=True)


def _split(full: str) -> tuple[int, str, str]:
    epoch, colon, rest = full.rpartition(":")
    version, _dash, release = rest.partition("-")
    return (int(epoch) if colon and epoch.isdigit() else 0, version, release)


def _compare(left: str, right: str) -> int:
    """rpmvercmp() of RPM: U(https://rpm-software-management.github.io/rpm/manual/dependencies.html).

    Runs of digits compare as numbers, runs of letters as text, digits are newer than letters; C(~) is older than
    anything, the end included, and C(^) newer than the end but older than anything else.
    """
    ours, theirs = _PARTS.findall(left), _PARTS.findall(right)
    for index in range(max(len(ours), len(theirs))):
        a = ours[index] if index < len(ours) else ""
        b = theirs[index] if index < len(theirs) else ""
        if a == b:
            continue
        for mark, wins in (("~", False), ("^", None)):
            if mark in (a, b):
                if wins is None and not (a and b):
                    return 1 if a == mark else -1
                return -1 if a == mark else 1
        if not a or not b:
            return 1 if a else -1
        if a.isdigit() != b.isdigit():
            return 1 if a.isdigit() else -1
        if a.isdigit() and int(a) == int(b):
            continue
        newer = int(a) > int(b) if a.isdigit() else a > b
        return 1 if newer else -1
    return 0
