# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which advisories hold for a version: the pseudo code of the OSV schema, over the records as they are.

It shares nothing with what it is compared with but the library that orders versions.
"""

from __future__ import annotations

import functools
import typing as t

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version


def oracle(records: list[dict[str, t.Any]], name: str, text: str) -> set[str]:
    version = Version(Version(text).public)
    found = set()
    for item in records:
        if item.get("withdrawn"):
            continue
        for affected in item.get("affected", []):
            package = affected["package"]
            if package["ecosystem"] == "PyPI" and canonicalize_name(package["name"]) == name:
                listed = any(_same(version, other) for other in affected.get("versions", []))
                if listed or any(_within(version, part, affected) for part in affected.get("ranges", [])):
                    found.add(item["id"])
    return found


@functools.lru_cache(None)
def parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _same(version: Version, other: str) -> bool:
    return version == parsed(other)


def _within(version: Version, part: dict[str, t.Any], affected: dict[str, t.Any]) -> bool:
    if part["type"] not in ("ECOSYSTEM", "SEMVER"):
        return False
    turns = []
    for event in part["events"]:
        for kind, text in event.items():
            bound = Version("0.dev0") if text == "0" else parsed(text)
            if bound is not None:
                turns.append((bound, kind))
            elif affected.get("versions"):
                return False
    vulnerable = False
    for bound, kind in sorted(turns, key=lambda turn: turn[0]):
        if kind == "introduced" and version >= bound:
            vulnerable = True
        if (kind == "fixed" and version >= bound) or (kind == "last_affected" and version > bound):
            vulnerable = False
    return vulnerable
