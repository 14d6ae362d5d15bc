# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Matching against the OSV schema's own words, and against an oracle written from them alone."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories, matching

from .conftest import record

WHOLE = [{"introduced": "0"}]


def affects(version: str, events: t.Sequence[t.Mapping[str, str]] = (), versions: t.Sequence[str] = ()) -> bool:
    advisory = advisories.read(record("X-1", events=list(events), versions=list(versions)))
    assert advisory is not None
    return matching.rule(advisory.affected[0]).affects(version)


@pytest.mark.parametrize(
    ("version", "events", "expected"),
    [
        ("0.1", WHOLE, True),
        ("0", WHOLE, True),
        ("2.0", [{"introduced": "0"}, {"fixed": "2.0"}], False),
        ("2.0rc1", [{"introduced": "0"}, {"fixed": "2.0"}], True),
        ("2.0.dev1", [{"introduced": "0"}, {"fixed": "2.0"}], True),
        ("1.99", [{"introduced": "0"}, {"fixed": "2.0"}], True),
        ("2.0.post1", [{"introduced": "0"}, {"fixed": "2.0"}], False),
        ("2.0", [{"introduced": "0"}, {"last_affected": "2.0"}], True),
        ("2.0.1", [{"introduced": "0"}, {"last_affected": "2.0"}], False),
        ("1.0", [{"introduced": "1.1"}], False),
        ("1.10", [{"introduced": "1.9"}, {"fixed": "1.11"}], True),
        ("3.5", [{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "4"}], True),
        ("2.5", [{"introduced": "1"}, {"fixed": "2"}, {"introduced": "3"}, {"fixed": "4"}], False),
        # written in any order
        ("3.5", [{"fixed": "4"}, {"introduced": "3"}, {"fixed": "2"}, {"introduced": "1"}], True),
        ("2.5", [{"fixed": "4"}, {"introduced": "3"}, {"fixed": "2"}, {"introduced": "1"}], False),
        # both in one event, as some records have it
        ("1.5", [{"introduced": "1", "fixed": "2"}], True),
        ("2.5", [{"introduced": "1", "fixed": "2"}], False),
        # limits: affected only below one of them
        ("1.5", [{"introduced": "1"}, {"limit": "2"}], True),
        ("2.5", [{"introduced": "1"}, {"limit": "2"}], False),
        ("2.5", [{"introduced": "1"}, {"limit": "2"}, {"limit": "3"}], True),
        ("9", [{"introduced": "1"}, {"limit": "2"}, {"limit": "*"}], True),
        ("1!0.5", [{"introduced": "0"}, {"fixed": "2"}], False),
        # a build of a release has its flaws
        ("2.0.1+cu118", [{"introduced": "0"}, {"last_affected": "2.0.1"}], True),
        ("2.0.2+cu118", [{"introduced": "0"}, {"fixed": "2.0.2"}], False),
    ],
)
def test_ranges(version: str, events: list[dict[str, str]], expected: bool) -> None:
    assert affects(version, events) is expected


@pytest.mark.parametrize(
    ("version", "versions", "expected"),
    [
        ("1.0", ["1.0"], True),
        ("1.0.0", ["1.0"], True),
        ("1.0+local", ["1.0"], True),
        ("1.0.1", ["1.0"], False),
        ("2019-09-12", ["2019-09-12"], True),
        ("2019-09-13", ["2019-09-12"], False),
        ("1.0-1", ["1.0.post1"], True),
    ],
)
def test_listed_versions(version: str, versions: list[str], expected: bool) -> None:
    assert affects(version, (), versions) is expected


def test_an_event_outside_pep_440_leaves_the_word_to_the_list() -> None:
    events = [{"introduced": "0"}, {"fixed": "2019-09-12"}]
    assert affects("1.0", events, ["1.0"])
    assert not affects("5.0", events, ["1.0"])
    assert affects("5.0", events), "without a list the sound part of the range is all there is"


def test_ranges_of_semantic_versions_hold_too() -> None:
    item = record("X-1", events=[{"introduced": "1.0.0-alpha.1"}, {"introduced": "0"}, {"fixed": "2.0.0"}])
    item["affected"][0]["ranges"][0]["type"] = "SEMVER"
    advisory = advisories.read(item)
    assert advisory is not None
    rule = matching.rule(advisory.affected[0])
    assert rule.affects("1.5") and not rule.affects("2.0") and rule.fixes("1.5") == ("2.0.0",)


def test_ranges_of_commits_say_nothing() -> None:
    item = record("X-1")
    item["affected"][0]["ranges"][0]["type"] = "GIT"
    advisory = advisories.read(item)
    assert advisory is not None
    assert not matching.rule(advisory.affected[0]).affects("1.5")
