# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from datetime import date

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import policy
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import (
    DatabaseInfo,
    Environment,
    Finding,
    Flaw,
    HostAudit,
    Package,
    Problem,
    Verdict,
    from_plain,
)

TODAY = date(2026, 11, 23)
DATABASE = DatabaseInfo("osv /mirror.zip", "osv", "2026-11-20T00:00:00Z", 3, 100)


def environment(**more: t.Any) -> Environment:
    return Environment("ml", "/envs/ml", "venv", **more)


def finding(severity: str, identifier: str = "CVE-1", package: str = "demo", **more: t.Any) -> Finding:
    score = {"critical": 9.8, "high": 7.5, "medium": 5.0, "low": 2.0}.get(severity)
    return Finding(package, "1.0", Flaw(identifier, ("GHSA-1",), severity, score), **more)


def judged(
    option: dict[str, t.Any], item: Environment, *, database: DatabaseInfo = DATABASE, groups: tuple[str, ...] = ()
) -> tuple[Environment, Verdict]:
    (marked,), verdict = policy.judge(policy.read(option), [item], [database] if database else [], groups, TODAY)
    return marked, verdict


@pytest.mark.parametrize("level", ["low", "medium", "high", "critical"])
@pytest.mark.parametrize("severity", ["low", "medium", "high", "critical", "unknown"])
def test_severity_at_or_above(level: str, severity: str) -> None:
    _marked, verdict = judged({"fail_on": level}, environment(findings=(finding(severity),)))
    order = ["low", "medium", "high", "critical"]
    fails = severity != "unknown" and order.index(severity) >= order.index(level)
    assert bool(verdict.reasons) is fails


def test_unknown_severity_is_a_question_of_its_own() -> None:
    item = environment(findings=(finding("unknown"), finding("critical", "CVE-2")))
    _marked, verdict = judged({"fail_on_unknown": True}, item)
    assert verdict.reasons == ("ml: demo 1.0 has CVE-1 (severity unknown); no version that ends it is known",)


def test_a_reason_names_the_way_out() -> None:
    _marked, verdict = judged({"fail_on": "high"}, environment(findings=(finding("high", fixed=("1.1", "2.0")),)))
    assert verdict.reasons == ("ml: demo 1.0 has CVE-1 (high, 7.5); 1.1 ends it",)


@pytest.mark.parametrize(
    ("entry", "covered"),
    [
        ({"id": "CVE-1"}, True),
        ({"id": "ghsa-1"}, True),
        ({"id": "CVE-2"}, False),
        ({"package": "Demo"}, True),
        ({"package": "other"}, False),
        ({"id": "CVE-1", "package": "demo"}, True),
        ({"id": "CVE-1", "package": "other"}, False),
        ({"id": "CVE-1", "groups": ["lab"]}, True),
        ({"id": "CVE-1", "groups": ["prod"]}, False),
    ],
)
def test_what_is_ignored(entry: dict[str, t.Any], covered: bool) -> None:
    option = {"fail_on": "low", "ignore": [{"reason": "no proxy", "expires": "2026-11-23", **entry}]}
    marked, verdict = judged(option, environment(findings=(finding("high"),)), groups=("lab",))
    assert bool(verdict.reasons) is not covered
    assert marked.findings[0].ignored == ("no proxy (until 2026-11-23)" if covered else "")


def test_entries_that_cover_nothing_are_told() -> None:
    entries = [
        {"id": "CVE-1"},
        {"id": "CVE-9"},
        {"package": "dmeo"},
        {"id": "yanked"},
        {"id": "CVE-7", "groups": ["lab"]},
    ]
    read = policy.read({"ignore": [{"reason": "x", "expires": "2027-01-01", **entry} for entry in entries]})
    item = environment(findings=(finding("low", package="Demo"),), problems=(Problem("yanked", "x", "X"),))
    assert policy.uses(read, [item], ()) == (("CVE-1", "yanked"), ("CVE-9", "dmeo"))
    assert policy.uses(read, [item], ("lab",))[1] == ("CVE-9", "dmeo", "CVE-7")
    marked, _verdict = judged({"ignore": [{"package": "demo", "reason": "x", "expires": "2027-01-01"}]}, item)
    assert marked.findings[0].ignored, "however its name is written"


def test_an_expired_ignore_fails_and_says_so() -> None:
    option = {"ignore": [{"id": "CVE-1", "reason": "no proxy", "expires": "2026-11-22"}]}
    marked, verdict = judged(option, environment(findings=(finding("low"),)))
    assert marked.findings[0].ignored == ""
    assert verdict.reasons == (
        "the reason to ignore CVE-1 ended on 2026-11-22: no proxy; decide anew, or take the entry away",
    )


@pytest.mark.parametrize(("age", "most", "fails"), [(3, 3, False), (3, 2, True), (None, 9, True), (900, None, False)])
def test_the_age_of_the_advisories(age: int | None, most: int | None, fails: bool) -> None:
    database = DatabaseInfo("osv /mirror.zip", "osv", "", age, 1)
    _marked, verdict = judged({"max_age_days": most}, environment(), database=database)
    assert bool(verdict.reasons) is fails


MALWARE = Finding("litellm", "1.82.7", Flaw("MAL-2026-2144", ("PYSEC-2026-2",), "critical", malware=True))


@pytest.mark.parametrize(
    ("ignore", "passes"),
    [
        ({}, False),
        ({"package": "litellm"}, False),
        ({"id": "PYSEC-2026-2"}, False),
        ({"id": "mal-2026-2144"}, True),
        ({"id": "MAL-2026-2144", "package": "litellm"}, True),
        ({"id": "MAL-2026-2144", "package": "other"}, False),
    ],
)
def test_malware_fails_every_policy_but_one_that_names_it(ignore: dict[str, t.Any], passes: bool) -> None:
    entries = [{"reason": "a sample in the lab", "expires": "2027-01-01", **ignore}] if ignore else []
    item = environment(findings=(finding("high"), MALWARE))
    marked, verdict = judged({"ignore": entries}, item)
    assert bool(marked.findings[1].ignored) is passes
    assert [reason for reason in verdict.reasons if "is malware: MAL-2026-2144" in reason] == [*verdict.reasons]
    assert bool(verdict.reasons) is not passes
    _marked, strict = judged({"fail_on": "low"}, item)
    assert "malware" in strict.reasons[0] and "CVE-1" in strict.reasons[1], "malware comes first"


def test_malware_without_such_an_id_is_named_by_the_one_it_has() -> None:
    item = Finding("demo", "1.0", Flaw("GHSA-9", (), "critical", malware=True))
    option = {"ignore": [{"id": "GHSA-9", "reason": "known", "expires": "2027-01-01"}]}
    assert judged(option, environment(findings=(item,)))[1].reasons == ()


@pytest.mark.parametrize(
    "kind",
    [
        "broken_metadata",
        "no_advisories",
        "not_answered",
        "not_audited",
        "undecided",
        "unknown_package",
        "unpinned",
        "may_differ",
    ],
)
def test_unknown_things_fail_where_unknown_severities_do(kind: str) -> None:
    item = environment(problems=(Problem(kind, "nothing is known of x", "x"),))
    assert bool(judged({"fail_on_unknown": True}, item)[1].reasons) is (kind != "may_differ")
    assert judged({"fail_on": "low"}, item)[1].reasons == ()


def test_problems_fail_by_kind() -> None:
    item = environment(problems=(Problem("yanked", "x 1 was taken back", "x"), Problem("outdated", "y is old", "y")))
    assert judged({"fail_on_problems": ["yanked"]}, item)[1].reasons == ("ml: x 1 was taken back",)
    assert len(judged({"fail_on_problems": ["all"]}, item)[1].reasons) == 2
    ignore = [{"id": "yanked", "package": "x", "reason": "known", "expires": "2027-01-01"}]
    assert len(judged({"fail_on_problems": ["all"], "ignore": ignore}, item)[1].reasons) == 1


def test_what_could_not_be_audited_never_passes() -> None:
    assert judged({}, environment(failed="it is gone"))[1].reasons == ("ml could not be audited: it is gone",)


@pytest.mark.parametrize(
    "option",
    [
        {"fail_on_problems": ["ugly"]},
        {"ignore": [{"reason": "x", "expires": "2026-01-01"}]},
        {"ignore": [{"id": "x", "reason": " ", "expires": "2026-01-01"}]},
        {"ignore": [{"id": "x", "reason": "x", "expires": "next week"}]},
    ],
)
def test_policies_that_cannot_be_meant(option: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidArguments) as refused:
        policy.read(option)
    assert refused.value.code == "policy_invalid"


@pytest.mark.parametrize(
    ("allow", "deny", "licence", "bad"),
    [
        ([], [], "", False),
        (["MIT", "BSD*"], [], "mit", False),
        (["MIT", "BSD*"], [], "BSD-3-Clause", False),
        (["MIT"], [], "", True),
        (["MIT"], [], "GPL-3.0", True),
        ([], ["*GPL*"], "AGPL-3.0", True),
        ([], ["*GPL*"], "MIT", False),
    ],
)
def test_licences(allow: list[str], deny: list[str], licence: str, bad: bool) -> None:
    read = policy.read({"allow_licences": allow, "deny_licences": deny})
    found = list(policy.licence_problems(read, [Package("demo", "1.0", licence=licence)]))
    assert [item.kind for item in found] == ["licence_denied"] * bad


@pytest.mark.parametrize(
    ("origin", "trusted"),
    [
        ("https://index.example/simple/x.whl", True),
        ("git+https://index.example/repo@abc", True),
        ("https://index.example.net/x.whl", False),
        ("http://index.example/x.whl", False),
        ("conda-forge", True),
        ("conda-forged", False),
        ("", True),
    ],
)
def test_origins(origin: str, trusted: bool) -> None:
    read = policy.read({"trusted_origins": ["https://index.example", "conda-forge"]})
    item = environment(packages=(Package("demo", "1.0", origin=origin),))
    assert [found.kind for found in policy.origin_problems(read, item)] == ["untrusted_origin"] * (not trusted)


def test_an_index_that_is_not_trusted_is_told_of_once() -> None:
    read = policy.read({"trusted_origins": ["https://index.example"]})
    url = "https://other.example/simple"
    item = environment(packages=(Package("a", "1", origin=url), Package("b", "1", origin=url)))
    assert [found.text for found in policy.origin_problems(read, item, [url])] == [f"/envs/ml was built from {url}"]


def test_an_audit_survives_as_plain_data() -> None:
    item = environment(
        packages=(Package("demo", "1.0", needs=("x",), requested=True),),
        findings=(finding("high", fixed=("2.0",), path=("a", "demo")),),
        problems=(Problem("yanked", "x", "y"),),
    )
    audit = HostAudit((item,), DATABASE, Verdict(True, ("because",)), ("note",), True, ("CVE-1",), ("CVE-2",))
    plain = audit.plain()
    assert from_plain(plain) == audit
    assert plain["summary"]["high"] == plain["summary"]["findings"] == 1
    with pytest.raises(ValueError, match="schema 2"):
        from_plain({**plain, "schema": 2})
