# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test for each trap in 2,661 real records, as the notes beside them name them."""

from __future__ import annotations

import functools
import json
import typing as t
import zipfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import assess, severity
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Database
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.flaws import Match
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.matches import Matches
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

SHARED = Path(__file__).parents[4] / "shared" / "data" / "advisories"
NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the sample of advisories is not beside the checkout")


@functools.lru_cache(None)
def records() -> list[dict[str, t.Any]]:
    with zipfile.ZipFile(SHARED / "pypi-all.zip") as archive:
        return [json.loads(archive.read(name)) for name in archive.namelist()]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cache, Database]]:
    cache = Cache(str(tmp_path_factory.mktemp("cache")))
    database, notes = cache.mirror(Source("osv", str(SHARED / "pypi-all.zip")), NOW.timestamp())
    assert notes == []
    yield cache, database
    database.close()


def matched(real: tuple[Cache, Database], name: str, version: str) -> Match:
    return Matches(*real).of({(name, version)})[name, version]


def ids(match: Match) -> set[str]:
    return {name for flaw, _fixed in match.flaws for name in (flaw.id, *flaw.aliases)}


def about(item: dict[str, t.Any]) -> Iterator[tuple[str, dict[str, t.Any]]]:
    for affected in item.get("affected", []):
        yield canonicalize_name(affected["package"]["name"]), affected


def test_every_record_is_read_and_the_withdrawn_ones_are_not_kept(real: tuple[Cache, Database]) -> None:
    withdrawn = [item for item in records() if item.get("withdrawn")]
    assert (len(records()), len(withdrawn)) == (2661, 10)
    info = real[1].info(NOW)
    assert info.advisories == len([item for item in records() if not item.get("withdrawn") and item.get("affected")])
    assert info.date.startswith("2024-10-") and info.age_days is not None and info.age_days > 700
    for item in withdrawn:
        for name, _affected in about(item):
            assert item["id"] not in {known.advisory.id for known in real[1].of_package(name)}


def test_records_without_a_list_of_versions_hold_by_their_ranges(real: tuple[Cache, Database]) -> None:
    bare = [(item, name, affected) for item in records() for name, affected in about(item)]
    bare = [found for found in bare if not found[2].get("versions")]
    assert len(bare) == 40
    hit = 0
    for item, name, affected in bare:
        parts = [part for part in affected.get("ranges", []) if part["type"] == "ECOSYSTEM"]
        for first in [event["introduced"] for part in parts for event in part["events"] if "introduced" in event]:
            found = ids(matched(real, name, "0.dev0" if first == "0" else first))
            assert (item["id"] in found) is not bool(item.get("withdrawn")), item["id"]
            hit += 1
    assert hit >= 38


def test_a_record_without_a_day_of_publication_is_a_finding_like_any_other(real: tuple[Cache, Database]) -> None:
    undated = [item for item in records() if "published" not in item and not item.get("withdrawn")]
    assert undated
    for item in undated:
        for name, affected in about(item):
            for version in affected.get("versions", [])[:1]:
                assert item["id"] in ids(matched(real, name, version))


def test_listed_versions_outside_pep_440_are_matched_as_they_are_written(real: tuple[Cache, Database]) -> None:
    odd = 0
    for item in records():
        for name, affected in about(item):
            for version in affected.get("versions", []):
                try:
                    Version(version)
                except InvalidVersion:
                    odd += 1
                    assert item.get("withdrawn") or item["id"] in ids(matched(real, name, version)), version
    assert odd == 108


@pytest.mark.parametrize(
    ("name", "version", "identifier", "bound"),
    [
        ("steam", "1.4.4", "PYSEC-2019-125", "2019-09-12"),
        ("binderhub", "0.2.0", "PYSEC-2021-371", "0.2.0-n653"),
    ],
)
def test_fixes_outside_pep_440_are_taken_not_to_be_reached_and_that_is_said(
    real: tuple[Cache, Database], name: str, version: str, identifier: str, bound: str
) -> None:
    match = matched(real, name, version)
    assert identifier in ids(match)
    assert match.doubtful == (f"{identifier} ({bound})",)
    told = {"name": "x", "path": "/x", "kind": "venv", "packages": [{"name": name, "version": version}]}
    problems = assess.assess(told, {(name, version): match}, None).problems
    assert [problem.kind for problem in problems] == ["undecided"] and bound in problems[0].text


def test_most_records_have_no_severity_and_that_is_unknown_not_low() -> None:
    ratings = [severity.of_record(item) for item in records()]
    scored = [rating for rating in ratings if rating.score is not None]
    assert len(scored) == 202
    assert {rating.level for rating in ratings if rating.score is None} == {"unknown"}
    assert {rating.level for rating in scored} <= {"low", "medium", "high", "critical"}


def test_no_two_findings_of_a_version_share_an_id(real: tuple[Cache, Database]) -> None:
    packages = sorted({name for item in records() for name, _affected in about(item)})
    for name in packages[::7]:
        versions = {
            version
            for known in real[1].of_package(name)
            for version in known.affected.versions[:1] + known.affected.versions[-1:]
        }
        for version in sorted(versions)[:5]:
            seen: set[str] = set()
            for flaw, _fixed in matched(real, name, version).flaws:
                group = {flaw.id, *flaw.aliases}
                assert not seen & group, (name, version)
                seen |= group


@pytest.mark.parametrize("name", ["transformers", "ray", "vllm"])
def test_a_project_that_no_record_is_about_is_not_called_safe(real: tuple[Cache, Database], name: str) -> None:
    match = matched(real, name, "0.1.0")
    assert not match.known
    told = {"name": "x", "path": "/x", "kind": "venv", "packages": [{"name": name, "version": "0.1.0"}]}
    (package,) = assess.assess(told, {(name, "0.1.0"): match}, None).packages
    assert package.status == "no_advisory"
