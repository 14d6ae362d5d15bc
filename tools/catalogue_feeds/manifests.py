# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's manifests of redistributable CUDA components, redistrib_*.json: which driver a release brings."""

from __future__ import annotations

import re
import typing as t

from catalogue_feeds.reading import Document, Reading, Refused, version

ADDRESS = "https://developer.download.nvidia.com/compute/cuda/redist/"
_NAME = re.compile(r"redistrib_[0-9]+\.[0-9]+\.[0-9]+\.json")
# Every manifest names a compiler and a runtime: one without has lost its end.
_ALWAYS = ("cuda_nvcc", "cuda_cudart")
_OLDEST = (11, 0)


def names(page: str) -> list[str]:
    """The manifests that the page of the folder lists."""
    found = sorted(set(_NAME.findall(page)))
    if not found:
        raise Refused(f"{ADDRESS} lists no manifest")
    return found


def read(documents: t.Sequence[Document], tables: t.Mapping[str, t.Sequence[t.Mapping[str, str]]]) -> Reading:
    """Each release with the driver that it brings. From 13.4 on a release brings none: then the table's own stays."""
    reading = Reading(whole={"cuda"})
    known = {row["version"]: row for row in tables["cuda"]}
    for document in documents:
        manifest = document.mapping()
        release = version(manifest.get("release_label"), f"{document.origin}, release_label")
        for name in _ALWAYS:
            if not isinstance(manifest.get(name), dict) or "version" not in manifest[name]:
                raise Refused(f"{document.origin} has no {name}")
        if tuple(map(int, release.split(".")))[:2] < _OLDEST:
            continue
        brought = manifest.get("nvidia_driver")
        if brought is None:
            if release not in known:
                reading.notes.append(f"CUDA {release} brings no driver: add its row by hand, with the notes' minimum")
            continue
        driver = version(brought.get("version") if isinstance(brought, dict) else None, f"{document.origin}, driver")
        minor = known[release]["minor_driver"] if release in known else _of_major(release, tables["cuda"])
        least = known.get(release, {}).get("driver", driver)
        if _number(least) < _number(driver):
            # Release notes ask for less than what comes along: theirs is the minimum.
            reading.notes.append(f"CUDA {release} brings driver {driver}, and the notes ask for {least}: that stays")
            continue
        reading.add("cuda", version=release, driver=driver, minor_driver=minor)
    return reading


def _of_major(release: str, rows: t.Sequence[t.Mapping[str, str]]) -> str:
    """What programs of a major version run with: it has been the same for all of its releases."""
    major = release.partition(".")[0]
    found = {row["minor_driver"] for row in rows if row["version"].partition(".")[0] == major}
    if len(found) != 1:
        raise Refused(f"the first release of CUDA {major} needs a row by hand: its minor_driver is in no manifest")
    return found.pop()


def _number(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]
