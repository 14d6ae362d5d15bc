# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real records of OSV and GitHub: matching beside an oracle, and reading."""

from __future__ import annotations

import functools
import json
import random
import typing as t
import zipfile
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories, matching
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Affected
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.plugin_utils._audit.oracle import oracle, parsed
from packaging.utils import canonicalize_name
from packaging.version import Version

ADVISORIES = Path(__file__).resolve().parents[4] / "shared" / "data" / "advisories"
SHARED = ADVISORIES / "pypi-all.zip"
GHSA = ADVISORIES / "ghsa-sample"


@pytest.mark.skipif(not SHARED.exists(), reason="the sample of advisories is not beside the checkout")
def test_two_thousand_pairs_agree_with_the_oracle() -> None:
    with zipfile.ZipFile(SHARED) as archive:
        records = [json.loads(archive.read(name)) for name in archive.namelist()]
    by_package: dict[str, list[dict[str, t.Any]]] = {}
    rules: dict[str, list[tuple[str, matching.Rule]]] = {}
    for item in records:
        for name in {canonicalize_name(affected["package"]["name"]) for affected in item.get("affected", [])}:
            by_package.setdefault(name, []).append(item)
        advisory = advisories.read(item)
        for affected in advisory.affected if advisory else ():
            rules.setdefault(affected.package, []).append((item["id"], matching.rule(affected)))
    chance = random.Random(20261123)
    names = sorted(by_package)
    near = functools.lru_cache(None)(lambda name: _versions_near(by_package[name]))
    hits = 0
    for _round in range(2000):
        name = chance.choice(names)
        version = chance.choice(near(name))
        found = {identifier for identifier, rule in rules.get(name, []) if rule.affects(version)}
        assert found == oracle(by_package[name], name, version), f"{name} {version}"
        hits += bool(found)
    assert 200 < hits < 1800, "pairs on both sides of the bounds"


def _versions_near(records: list[dict[str, t.Any]]) -> list[str]:
    """Versions that records name, and their neighbours: most of the named ones are affected."""
    found = {"999"}
    for item in records:
        for affected in item.get("affected", []):
            named = list(affected.get("versions", []))
            named += [
                text for part in affected.get("ranges", []) for event in part["events"] for text in event.values()
            ]
            for text in filter(parsed, named):
                version = Version(text)
                found |= {text, f"{version.base_version}.1", f"{version.major + 1}.0rc1", f"{version.major + 7}"}
    return sorted(found)


@pytest.mark.skipif(not GHSA.exists(), reason="the samples of GitHub's records are not beside the checkout")
def test_githubs_records_name_a_package_twice_and_carry_scores() -> None:
    read = {}
    for path in sorted(GHSA.glob("*.json")):
        advisory = advisories.read(json.loads(path.read_text()))
        assert advisory is not None, path.name
        read[advisory.id] = advisory
        assert len({item.package for item in advisory.affected}) == len(advisory.affected)
    urllib3 = read["GHSA-34jh-p97f-mpxf"]
    assert (urllib3.severity, urllib3.score) == ("medium", 4.4)
    assert urllib3.affected == (
        Affected(
            "urllib3",
            (),
            ((("introduced", "0"), ("fixed", "1.26.19")), (("introduced", "2.0.0"), ("fixed", "2.2.2"))),
        ),
    )
