# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records in the OSV format, made for one test each."""

from __future__ import annotations

import json
import typing as t
import zipfile
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache

ECOSYSTEM = {"ecosystem": "PyPI"}


def record(identifier: str, package: str = "demo", **more: t.Any) -> dict[str, t.Any]:
    """An advisory about versions 1.0 up to, not including, 2.0, unless ``events`` or ``versions`` say otherwise."""
    events = more.pop("events", [{"introduced": "1.0"}, {"fixed": "2.0"}])
    affected = {
        "package": {**ECOSYSTEM, "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": events}] if events else [],
        "versions": more.pop("versions", []),
    }
    return {"id": identifier, "modified": "2026-11-20T08:00:00Z", "affected": [affected], **more}


def write_zip(path: Path, *records: t.Mapping[str, t.Any]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for item in records:
            archive.writestr(f"{item['id']}.json", json.dumps(item))
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "cache"))
