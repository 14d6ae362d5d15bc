# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's releases.json of drivers for data centres: the branches and their types."""

from __future__ import annotations

import re
import typing as t

from catalogue_feeds.reading import Document, Reading, Refused, version

ADDRESS = "https://docs.nvidia.com/datacenter/tesla/drivers/releases.json"
TYPES = {"lts branch": "lts", "production branch": "production", "new feature branch": "new_feature"}
# Open modules came with the one, proprietary ones went with the other (driver installation guides of 515 and 615).
_FIRST_OPEN, _ONLY_OPEN = 515, 615


def read(documents: t.Sequence[Document], tables: t.Mapping[str, t.Sequence[t.Mapping[str, str]]]) -> Reading:
    """Types of branches. How long one is supported stands on no page for machines: `end` stays by hand."""
    reading = Reading(complete={"driver-releases"})
    known = {row["branch"]: row for row in tables["branches"]}
    for document in documents:
        branches = document.mapping()
        for branch, told in branches.items():
            if not re.fullmatch(r"[0-9]{3}", branch) or not isinstance(told, dict):
                raise Refused(f"{document.origin}: {str(branch)[:40]!r} is no branch")
            releases = told.get("driver_info")
            if not isinstance(releases, list) or not releases:
                raise Refused(f"{document.origin}: branch {branch} has no releases")
            for release in releases:
                name = release.get("release_version") if isinstance(release, dict) else None
                if version(name, f"{document.origin}, branch {branch}").partition(".")[0] != branch:
                    raise Refused(f"{document.origin}: {name} is no release of branch {branch}")
            kind = TYPES.get(str(told.get("type")).lower())
            if kind is None:
                reading.notes.append(f"driver branch {branch} is a {str(told.get('type'))[:40]!r}: not taken")
                continue
            if branch in known:
                reading.add("branches", branch=branch, type=kind)
            else:
                reading.add("branches", branch=branch, type=kind, end="", flavours=_flavours(int(branch)))
                reading.notes.append(f"driver branch {branch} is new: look up the end of its support")
    return reading


def _flavours(branch: int) -> str:
    return "proprietary" if branch < _FIRST_OPEN else "both" if branch < _ONLY_OPEN else "open"
