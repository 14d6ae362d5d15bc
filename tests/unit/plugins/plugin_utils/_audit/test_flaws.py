# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories, flaws, severity
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import BadAdvisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Known
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.flaws import Match, Rules
from hypothesis import given
from hypothesis import strategies as st

from .conftest import record

V3_MEDIUM = "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N"  # 6.1, as GitHub rates CVE-2023-32681
V4_HIGH = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N"  # 8.7, by FIRST's calculator
FULL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"  # 9.8


def rules(*records: dict[str, t.Any]) -> Rules:
    known = []
    for item in records:
        advisory = advisories.read(item)
        assert advisory is not None
        known += [Known(advisory, affected) for affected in advisory.affected]
    return Rules(known)


def rated(kind: str, vector: str) -> list[dict[str, str]]:
    return [{"type": kind, "score": vector}]


def test_records_of_one_flaw_become_one_finding() -> None:
    match = rules(
        record("PYSEC-1", aliases=["CVE-2026-1"], summary=""),
        record("GHSA-a", aliases=["CVE-2026-1"], summary="told well", severity=rated("CVSS_V3", FULL)),
        record("GHSA-b", aliases=["CVE-2026-2"]),
    ).match("1.5")
    assert [(flaw.id, flaw.aliases) for flaw, _fixed in match.flaws] == [
        ("CVE-2026-1", ("GHSA-a", "PYSEC-1")),
        ("CVE-2026-2", ("GHSA-b",)),
    ]
    worst = match.flaws[0][0]
    assert (worst.severity, worst.score, worst.summary) == ("critical", 9.8, "told well")


def test_a_chain_of_aliases_is_one_flaw() -> None:
    chain = [("X-1", []), ("X-3", ["CVE-2026-2"]), ("X-2", ["X-1", "CVE-2026-2"])]
    match = rules(*(record(name, aliases=aliases) for name, aliases in chain)).match("1.5")
    assert [flaw.aliases for flaw, _fixed in match.flaws] == [("X-1", "X-2", "X-3")]


def test_a_merged_flaw_ends_where_all_records_say_so() -> None:
    match = rules(
        record("A-1", aliases=["CVE-1"], events=[{"introduced": "0"}, {"fixed": "2.0"}]),
        record("A-2", aliases=["CVE-1"], events=[{"introduced": "0"}, {"fixed": "2.1"}]),
    ).match("1.5")
    assert match.flaws[0][1] == ("2.1",)


@pytest.mark.parametrize(
    ("records", "candidates", "expected"),
    [
        ([[{"introduced": "0"}, {"fixed": "2.0"}]], (), "2.0"),
        # the first fix brings in the next flaw
        ([[{"introduced": "0"}, {"fixed": "2.0"}], [{"introduced": "2.0"}, {"fixed": "2.4"}]], (), "2.4"),
        # a flaw that this version has not, but the fix of its own would
        ([[{"introduced": "0"}, {"fixed": "2.0"}], [{"introduced": "1.9"}, {"fixed": "3.0"}]], (), "3.0"),
        # the branch of 1.x is mended, too
        ([[{"introduced": "0"}, {"fixed": "1.6"}, {"introduced": "2.0"}, {"fixed": "2.1"}]], (), "1.6"),
        ([[{"introduced": "0"}, {"last_affected": "2.0"}]], (), ""),
        ([[{"introduced": "0"}, {"last_affected": "2.0"}]], ("1.9", "2.0", "2.0.1", "3"), "2.0.1"),
        ([[{"introduced": "0"}, {"fixed": "2.0rc1"}]], ("2.0",), "2.0"),
        ([[{"introduced": "0"}]], ("9",), ""),
        # nobody is moved to a pre-release unasked
        ([[{"introduced": "0"}, {"fixed": "2.0rc1"}]], (), ""),
        # a flaw without an end holds up no other: the audit's own case
        ([[{"introduced": "0"}, {"fixed": "3.1.3"}], [{"introduced": "0"}]], (), "3.1.3"),
        # the smallest of those that leave the fewest
        (
            [[{"introduced": "0"}, {"fixed": "2"}], [{"introduced": "0"}], [{"introduced": "2.1"}]],
            ("1.6", "2.1", "2", "2.0.5"),
            "2",
        ),
    ],
)
def test_the_smallest_upgrade_out_of_all_flaws(
    records: list[list[dict[str, str]]], candidates: tuple[str, ...], expected: str
) -> None:
    made = rules(*(record(f"A-{number}", events=events) for number, events in enumerate(records)))
    assert made.match("1.5", candidates).fix == expected


def test_what_is_left_is_as_little_and_as_harmless_as_can_be() -> None:
    made = rules(
        record("A-1", events=[{"introduced": "0"}, {"fixed": "2.0"}], severity=rated("CVSS_V3", FULL)),
        record("A-2", events=[{"introduced": "0"}], severity=rated("CVSS_V3", V3_MEDIUM)),
        record("A-3", events=[{"introduced": "0"}, {"fixed": "2.0"}, {"introduced": "2.2"}]),
        record("A-4", events=[{"introduced": "2.1"}, {"fixed": "2.2"}], severity=rated("CVSS_V3", FULL)),
    )
    assert made.match("1.5").fix == "2.0" and made.match("1.5").left == ("A-2",)
    assert (made.match("2.0").fix, made.match("2.0").left) == ("", ())  # nothing above is better
    worse = made.match("2.1", ("2.1.5", "2.2"))
    assert (worse.fix, worse.left) == ("2.2", ("A-2", "A-3"))  # two harmless ones instead of a critical one


def test_malware_is_no_way_out() -> None:
    made = rules(
        record("A-1", events=[{"introduced": "0"}, {"fixed": "2.0"}], severity=rated("CVSS_V3", FULL)),
        record("A-2", events=[{"introduced": "0"}, {"fixed": "2.0"}], severity=rated("CVSS_V3", FULL)),
        record("MAL-1", events=[], versions=["2.0"]),
    )
    assert (made.match("1.5").fix, made.match("1.5", ("2.0", "2.1")).fix) == ("", "2.1")


def test_who_has_a_pre_release_may_get_the_next_one() -> None:
    made = rules(record("A-1", events=[{"introduced": "0"}, {"fixed": "2.0rc2"}]))
    assert made.match("2.0rc1").fix == "2.0rc2" and made.match("1.5").fix == ""
    assert made.match("2.0rc1", ("2.0rc2", "2.0")).fix == "2.0"


VERSIONS = st.integers(min_value=0, max_value=20).map(lambda number: f"{number // 4}.{number % 4}")
EVENTS = st.lists(st.tuples(VERSIONS, VERSIONS), min_size=1, max_size=3).map(
    lambda pairs: [event for first, last in pairs for event in ({"introduced": first}, {"fixed": last})]
)


@given(st.lists(EVENTS, min_size=1, max_size=4), VERSIONS)
def test_an_upgrade_has_the_fewest_flaws_and_nothing_smaller_has_so_few(
    events: list[list[dict[str, str]]], version: str
) -> None:
    made = rules(*(record(f"A-{number}", events=item) for number, item in enumerate(events)))
    match = made.match(version)
    ends = {event["fixed"] for item in events for event in item if "fixed" in event}
    above = [item for item in ends if severity_key(item) > severity_key(version)]
    if not match.fix:
        assert all(len(made.match(item).flaws) >= len(match.flaws) for item in above)
        return
    assert tuple(flaw.id for flaw, _fixed in made.match(match.fix).flaws) == match.left
    assert len(match.left) < len(match.flaws)
    best = [item for item in above if len(made.match(item).flaws) <= len(match.left)]
    assert all(severity_key(match.fix) <= severity_key(item) for item in best)


def severity_key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_a_version_outside_pep_440_is_undecided_not_safe() -> None:
    match = rules(record("A-1"), record("A-2", events=[], versions=["2019-09-12"])).match("2019-09-12")
    assert [flaw.id for flaw, _fixed in match.flaws] == ["A-2"]
    assert match.undecided == ("A-1",)


def test_a_bound_that_nobody_can_compare_is_said_where_no_list_says_it_too() -> None:
    events = [{"introduced": "0"}, {"fixed": "2019-09-12"}]
    match = rules(record("A-1", events=events), record("A-2", events=events, versions=["1.0"])).match("1.5")
    assert [flaw.id for flaw, _fixed in match.flaws] == ["A-1"]
    assert (match.fix, match.undecided, match.doubtful) == ("", (), ("A-1 (2019-09-12)",))


def test_a_match_survives_its_way_through_the_cache() -> None:
    match = rules(record("A-1", aliases=["CVE-1"], severity=rated("CVSS_V3", V3_MEDIUM))).match("1.5")
    for item in (match, Match(), Match(known=True), Match(True, (), "", ("A-1",), ("A-2 (x)",), ("A-3",))):
        assert flaws.unpacked(json.loads(json.dumps(item.packed()))) == item
    assert rules().match("1.0") == Match()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("unknown", None)),
        ({"severity": rated("CVSS_V3", V3_MEDIUM)}, ("medium", 6.1)),
        ({"severity": rated("CVSS_V4", V4_HIGH)}, ("high", 8.7)),
        ({"severity": rated("CVSS_V3", FULL) + rated("CVSS_V4", V4_HIGH)}, ("high", 8.7)),
        ({"severity": rated("CVSS_V3", V3_MEDIUM) + rated("CVSS_V3", FULL)}, ("critical", 9.8)),
        (
            {"severity": rated("CVSS_V3", "CVSS:3.1/AV:N"), "database_specific": {"severity": "MODERATE"}},
            ("medium", None),
        ),
        ({"database_specific": {"severity": "HIGH"}}, ("high", None)),
        ({"severity": "bad", "database_specific": {"severity": 7}}, ("unknown", None)),
        ({"severity": rated("CVSS_V3", "x" * 10000)}, ("unknown", None)),
    ],
)
def test_severity(more: dict[str, t.Any], expected: tuple[str, float | None]) -> None:
    rating = severity.of_record(record("A-1", **more))
    assert (rating.level, rating.score) == expected


MAL = {"id": "MAL-2026-2144", "aliases": ["PYSEC-2026-2"], "summary": "Malicious code in litellm (PyPI)"}


@pytest.mark.parametrize(
    ("more", "identifier"),
    [
        ([{**MAL}], "MAL-2026-2144"),
        ([{**MAL}, {"id": "PYSEC-2026-2", "aliases": ["MAL-2026-2144"]}], "MAL-2026-2144"),
        ([{"id": "PYSEC-2026-2", "aliases": ["MAL-2026-2144", "CVE-2026-7"]}], "MAL-2026-2144"),
        ([{"id": "GHSA-1", "database_specific": {"cwe_ids": ["CWE-79", "CWE-506"], "severity": "LOW"}}], "GHSA-1"),
        ([{"id": "X-1", "affected_specific": {"cwes": [{"cweId": "CWE-506"}]}}], "X-1"),
    ],
)
def test_malware_is_critical_and_keeps_its_name(more: list[dict[str, t.Any]], identifier: str) -> None:
    records = [record(item["id"], **{key: value for key, value in item.items() if key != "id"}) for item in more]
    for item in records:
        item["affected"][0]["database_specific"] = item.pop("affected_specific", {})
        item["severity"] = rated("CVSS_V3", V3_MEDIUM)
    other = record("CVE-2026-8", severity=rated("CVSS_V3", FULL))
    match = rules(other, *records).match("1.5")
    (flaw, _fixed), (second, _also) = match.flaws
    assert (flaw.id, flaw.severity, flaw.score, flaw.malware, flaw.word) == (
        identifier,
        "critical",
        None,
        True,
        "malware",
    )
    assert (second.id, second.malware) == ("CVE-2026-8", False), "malware comes first, whatever the others score"
    assert flaws.unpacked(json.loads(json.dumps(match.packed()))) == match


def test_a_weakness_of_another_number_is_no_malware() -> None:
    ((flaw, _fixed),) = rules(record("A-1", database_specific={"cwe_ids": ["CWE-5061", 506]})).match("1.5").flaws
    assert not flaw.malware


@given(st.floats(min_value=0, max_value=10))
def test_every_score_has_a_word(score: float) -> None:
    words = ["low", "medium", "high", "critical"]
    assert words.index(severity.of_score(score)) == (score >= 4) + (score >= 7) + (score >= 9)


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        {},
        {"id": 5},
        {"id": "A-1", "affected": 5},
        {"id": "A-1", "affected": [5]},
        {"id": "A-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "-r evil"}}]},
        {"id": "A-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "x"}, "ranges": [5]}]},
        {"id": "A-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "x"}, "versions": {}}]},
    ],
)
def test_what_is_no_advisory_is_refused(item: t.Any) -> None:
    with pytest.raises(BadAdvisory):
        advisories.read(item)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "affected", "package", "ecosystem", "name", "ranges", "type", "events", "severity"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_strangers_data_is_read_or_refused(item: t.Any) -> None:
    try:
        found = advisories.read(item)
    except BadAdvisory as exc:
        assert str(exc)
    else:
        assert found is None or found.affected
