# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What services do wrong: each leads to an error or to 'unknown', never to a package without flaws."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import policy, services, web
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.auditor import Auditor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import HostAudit

from .conftest import record
from .loopback import CANARY, Service

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
TOLD = [
    {
        "name": "ml",
        "path": "/envs/ml",
        "kind": "venv",
        "packages": [{"name": "demo", "version": "1.5"}, {"name": "other", "version": "1.5"}],
    }
]
STRICT = {"fail_on": "low", "fail_on_unknown": True, "max_age_days": 1}


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited for, which are not."""
    found: list[float] = []
    monkeypatch.setattr(web, "sleep", found.append)
    return found


def audited(tmp_path: Path, kind: str, location: str, **more: t.Any) -> HostAudit:
    arguments = {"advisories": [{"kind": kind, "location": location, **more}], "cache_dir": str(tmp_path / "cache")}
    return Auditor({"index": None, **arguments}, NOW).audit(TOLD, policy.read(STRICT), ())


def never_clean(tmp_path: Path, kind: str, location: str, **more: t.Any) -> str:
    """What a user is told, of a strict policy that must not be met."""
    try:
        audit = audited(tmp_path, kind, location, **more)
    except MlstackError as exc:
        return str(exc)
    assert audit.verdict.reasons, "clean, although nobody answered"
    assert audit.summary()["unknown_packages"], "what was not answered is counted"
    assert audit.database is not None and audit.database.unanswered
    assert any("unknown" in item.status for item in audit.environments[0].packages)
    return "; ".join((*audit.verdict.reasons, *audit.notes))


def batch(result: t.Any) -> t.Callable[[t.Any], t.Any]:
    """The canary is answered, everything else with ``result``."""
    return lambda body: {
        "results": [
            Service.brief([CANARY], "jinja2") if query["package"]["name"] == "jinja2" else result
            for query in body["queries"]
        ]
    }


VULNS = {"vulns": [{"id": "A-1", "modified": "2026-11-20T08:00:00Z"}]}
FAILURES: dict[str, tuple[dict[str, t.Any], str]] = {
    "404": ({"/v1/querybatch": 404}, "404"),
    "401": ({"/v1/querybatch": 401}, "401"),
    "403": ({"/v1/querybatch": 403}, "403"),
    "429 for ever": ({"/v1/querybatch": 429}, "429"),
    "503 for ever": ({"/v1/querybatch": 503}, "503"),
    "500": ({"/v1/querybatch": 500}, "500"),
    "a page of HTML": ({"/v1/querybatch": b"<html>log in</html>"}, "no JSON"),
    "a list": ({"/v1/querybatch": b"[]"}, "no answer to each"),
    "nothing": ({"/v1/querybatch": b""}, "no JSON"),
    "a hollow object": ({"/v1/querybatch": b"{}"}, "no answer to each"),
    "too few results": ({"/v1/querybatch": {"results": [{}]}}, "no answer to each"),
    "deep nesting": ({"/v1/querybatch": b"[" * 100_000}, "no JSON"),
    "it hangs up": ({"/v1/querybatch": lambda _body: None}, "closed"),
    "everything is clean": ({"/v1/querybatch": lambda body: {"results": [{} for _each in body["queries"]]}}, "canary"),
    "the canary's advisory is gone": ({"/v1/querybatch": batch({})}, "404"),
    "a result is none": ({"/v1/querybatch": batch(5), "/v1/vulns/CANARY-1": CANARY}, "none of OSV's"),
    "vulns is no list": ({"/v1/querybatch": batch({"vulns": "x"}), "/v1/vulns/CANARY-1": CANARY}, "none of OSV's"),
    "an advisory has no id": ({"/v1/querybatch": batch({"vulns": [5]}), "/v1/vulns/CANARY-1": CANARY}, "has no id"),
    "an advisory is gone": ({"/v1/querybatch": batch(VULNS), "/v1/vulns/CANARY-1": CANARY}, "A-1 did not come: 404"),
    "an advisory fails": (
        {"/v1/querybatch": batch(VULNS), "/v1/vulns/CANARY-1": CANARY, "/v1/vulns/A-1": 500},
        "A-1 did not come: 500",
    ),
    "an advisory is none": (
        {"/v1/querybatch": batch(VULNS), "/v1/vulns/CANARY-1": CANARY, "/v1/vulns/A-1": {"vulns": []}},
        "A-1 did not come: it has no id",
    ),
    "a result is an error": (
        {"/v1/querybatch": batch({"code": 14, "message": "overloaded"}), "/v1/vulns/CANARY-1": CANARY},
        "none of OSV's",
    ),
    "an advisory without packages": (
        {"/v1/querybatch": batch(VULNS), "/v1/vulns/CANARY-1": CANARY, "/v1/vulns/A-1": {"id": "A-1"}},
        "says nothing of",
    ),
    "an advisory about another package": (
        {"/v1/querybatch": batch(VULNS), "/v1/vulns/CANARY-1": CANARY, "/v1/vulns/A-1": record("A-1", "third")},
        "says nothing of",
    ),
    "an advisory in the place of another": (
        {"/v1/querybatch": batch(VULNS), "/v1/vulns/CANARY-1": CANARY, "/v1/vulns/A-1": record("B-1", "third")},
        "says nothing of",
    ),
    "pages without end": (
        {"/v1/querybatch": batch({"next_page_token": "more"}), "/v1/vulns/CANARY-1": CANARY},
        "more than 50 pages",
    ),
    "a false length": ({"/v1/querybatch": (200, {"Content-Length": "-1"})}, "IncompleteRead"),
    "a redirection to itself": ({"/v1/querybatch": (307, {"Location": "/v1/querybatch"})}, "307"),
    "a redirection to a file": ({"/v1/querybatch": (302, {"Location": "file:///etc/passwd"})}, "file:"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_service_that_fails_is_never_an_answer(
    tmp_path: Path, service: Service, waits: list[float], failure: str
) -> None:
    service.answers, words = FAILURES[failure]
    assert words in never_clean(tmp_path, "osv_api", service.url)
    service.osv(record("A-1"))
    found = services.ask(
        Cache(str(tmp_path / "cache")), Source("osv_api", service.url), {("demo", "1.5")}, NOW.timestamp() + 400
    )
    assert found.unanswered == {} and len(found.database.of_package("demo")) == 1, "the failure is not an answer"


@pytest.mark.parametrize("end", ["/v1/query", "/v1/querybatch", "/v1", "/v1/query/", "/v1/vulns"])
def test_an_address_with_the_path_of_a_question_is_told_the_right_form(
    tmp_path: Path, service: Service, end: str
) -> None:
    service.osv(record("A-1"))
    told = never_clean(tmp_path, "osv_api", f"{service.url}{end}")
    assert "404" in told and told.endswith(f"what follows the host: {service.url}.")


def test_an_unknown_canary_is_no_proof_and_another_may_be_named(tmp_path: Path, service: Service) -> None:
    service.osv(record("A-1", "own"), canary=None)
    assert "jinja2 2.4.1" in never_clean(tmp_path, "osv_api", service.url)
    assert "own 2.0" in never_clean(tmp_path, "osv_api", service.url, canary="own==2.0"), "that one has no flaw"
    audit = audited(tmp_path, "osv_api", service.url, canary="Own==1.5")
    assert audit.verdict.reasons == () and audit.database is not None and audit.database.unanswered == 0


INDEX_FAILURES: dict[str, tuple[dict[str, t.Any], str]] = {
    "no key": ({"/demo/1.5/json": {"info": {}}, "/other/1.5/json": {"info": {}}}, "knows no flaws"),
    "no key of one": ({"/demo/1.5/json": {"info": {}}, "/other/1.5/json": {"vulnerabilities": []}}, "knows no flaws"),
    "a key of nothing": (
        {path: {"vulnerabilities": None} for path in ("/demo/1.5/json", "/other/1.5/json")},
        "no flaws",
    ),
    "404": ({}, "404"),
    "404 of one": ({"/other/1.5/json": {"vulnerabilities": []}}, "does not have this release"),
    "a list": (dict.fromkeys(("/demo/1.5/json", "/other/1.5/json"), b"[]"), "knows no flaws"),
    "no id": ({path: {"vulnerabilities": [{}]} for path in ("/demo/1.5/json", "/other/1.5/json")}, "has no id"),
    "500": (dict.fromkeys(("/demo/1.5/json", "/other/1.5/json"), 500), "500"),
    "always the newest release": (
        {
            f"/{name}/1.5/json": {"info": {"name": name, "version": "2.0"}, "vulnerabilities": []}
            for name in ("demo", "other")
        },
        "is about demo 2.0",
    ),
    "another project": (
        {
            f"/{name}/1.5/json": {"info": {"name": "third", "version": "1.5"}, "vulnerabilities": []}
            for name in ("demo", "other")
        },
        "is about third 1.5",
    ),
}


@pytest.mark.parametrize("failure", INDEX_FAILURES)
def test_an_index_that_knows_nothing_of_flaws_is_never_an_answer(
    tmp_path: Path, service: Service, failure: str
) -> None:
    service.answers, words = INDEX_FAILURES[failure]
    assert words in never_clean(tmp_path, "index", service.url)


def test_an_index_may_spell_its_release_otherwise(tmp_path: Path, service: Service) -> None:
    service.answers = {
        f"/{name}/1.5/json": {"info": {"name": name.title(), "version": "1.5.0"}, "vulnerabilities": []}
        for name in ("demo", "other")
    }
    assert audited(tmp_path, "index", service.url).verdict.reasons == ()


def test_a_flaw_that_was_known_stays_while_nobody_answers(tmp_path: Path, service: Service) -> None:
    service.osv(record("A-1"))
    first = audited(tmp_path, "osv_api", service.url)
    assert [finding.flaw.id for finding in first.environments[0].findings] == ["A-1"]
    changed = {**record("A-1"), "modified": "2026-11-22T08:00:00Z"}
    service.osv(changed)
    service.answers["/v1/vulns/A-1"] = 500
    arguments = {"advisories": [{"kind": "osv_api", "location": service.url}], "cache_dir": str(tmp_path / "cache")}
    later = Auditor({"index": None, **arguments}, NOW + timedelta(days=2)).audit(TOLD, policy.read(STRICT), ())
    assert [finding.flaw.id for finding in later.environments[0].findings] == ["A-1"]


def test_an_index_may_have_to_prove_itself_and_the_simple_api_is_none(tmp_path: Path, service: Service) -> None:
    service.answers = {path: {"vulnerabilities": []} for path in ("/demo/1.5/json", "/other/1.5/json", "/own/1/json")}
    assert audited(tmp_path / "without", "index", service.url).verdict.reasons == ()
    assert "tells none" in never_clean(tmp_path, "index", service.url, canary="own==1")
    assert f"{service.url}/pypi" in never_clean(tmp_path, "index", f"{service.url}/simple")


def test_what_was_not_answered_fails_only_where_unknown_things_do(tmp_path: Path, service: Service) -> None:
    service.answers = {"/demo/1.5/json": {"vulnerabilities": []}}
    arguments = {"advisories": [{"kind": "index", "location": service.url}], "cache_dir": str(tmp_path), "index": None}
    lenient = Auditor(arguments, NOW).audit(TOLD, policy.read({"fail_on": "low"}), ())
    assert lenient.verdict.reasons == ()
    assert [(item.kind, item.package) for item in lenient.environments[0].problems] == [("not_answered", "other")]
    assert "1 of 2 packages" in lenient.notes[0]


# --- patience and limits ------------------------------------------------------------------------------------------


def test_a_busy_service_is_asked_again_when_it_says(tmp_path: Path, service: Service, waits: list[float]) -> None:
    service.osv(record("A-1"))
    real = service.answers["/v1/querybatch"]
    later = (datetime.now(timezone.utc) + timedelta(seconds=30)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    turns: list[t.Any] = [(429, {"Retry-After": "7"}), (503, {"Retry-After": later}), 503, None]
    service.answers["/v1/querybatch"] = lambda body: turns.pop(0) if turns else real(body)
    audit = audited(tmp_path, "osv_api", service.url)
    assert [finding.package for finding in audit.environments[0].findings] == ["demo"]
    assert waits[0] == 7 and 28 < waits[1] <= 30 and waits[2:] == [2, 4]


def test_nobody_waits_longer_than_the_source_may_take(tmp_path: Path, service: Service, waits: list[float]) -> None:
    service.answers["/v1/querybatch"] = (429, {"Retry-After": "86400"})
    assert "429" in never_clean(tmp_path, "osv_api", service.url)
    assert waits == []


def dripping(service: Service, where: str) -> None:
    """A byte now and then, in the head or the body of an answer, until the other side has had enough."""

    def answer(request: t.Any, _body: t.Any) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\n" + (b"" if where == "head" else b"\r\n"))
        try:
            for _each in range(200):
                request.wfile.write(b" ")
                time.sleep(0.05)
        except OSError:
            pass

    service.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("where", ["head", "body"])
def test_an_answer_that_drips_is_given_up(tmp_path: Path, service: Service, where: str) -> None:
    dripping(service, where)
    started = time.monotonic()
    assert "longer than 0.5 seconds" in never_clean(tmp_path, "osv_api", service.url, seconds=0.5)
    assert time.monotonic() - started < 5


def test_an_answer_without_end_is_given_up(tmp_path: Path, service: Service) -> None:
    service.osv(record("A-1"))
    service.answers["/v1/querybatch"] = b" " * 200_000
    assert "larger than 0.1 MB" in never_clean(tmp_path, "osv_api", service.url, megabytes=0.1)
    service.answers["/all.zip"] = b" " * 200_000
    with pytest.raises(MlstackError, match=r"larger than 0\.1 MB"):
        audited(tmp_path, "osv", f"{service.url}/all.zip", megabytes=0.1)
    assert not [path.name for path in (tmp_path / "cache").iterdir() if path.suffix == ".download"]


# --- the way there ------------------------------------------------------------------------------------------------


def test_a_token_is_sent_to_the_source_and_to_nobody_else(tmp_path: Path, service: Service) -> None:
    other = Service()
    other.osv(record("A-1"))
    service.osv(record("A-1"))
    service.answers["/v1/vulns/A-1"] = (302, {"Location": f"{other.url}/v1/vulns/A-1"})
    try:
        audited(tmp_path, "osv_api", service.url, token="let-me-in")
    finally:
        other.close()
    assert {headers.get("Authorization") for headers in service.headers} == {"Bearer let-me-in"}
    assert other.paths() == ["/v1/vulns/A-1"] and "Authorization" not in other.headers[0]


def test_a_proxy_is_asked_instead(tmp_path: Path, service: Service) -> None:
    service.osv(record("A-1"))
    service.answers = {f"http://osv.example{path}": answer for path, answer in service.answers.items()}
    audit = audited(tmp_path, "osv_api", "http://osv.example", proxy=service.url)
    assert [finding.package for finding in audit.environments[0].findings] == ["demo"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"canary": "jinja2"}, "NAME==VERSION"),
        ({"ca_bundle": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
        ({"proxy": "proxy:3128"}, "http://HOST:PORT"),
        ({"token": "a\nb"}, "line break"),
        ({"seconds": "soon"}, "'soon' as seconds"),
        ({"megabytes": 0}, "0 as megabytes"),
        ({"hours": -1}, "-1 as hours"),
    ],
)
def test_ways_that_cannot_be_meant(tmp_path: Path, more: dict[str, t.Any], words: str) -> None:
    with pytest.raises(MlstackError, match=words) as refused:
        audited(tmp_path, "osv_api", "http://127.0.0.1:9", **more)
    assert refused.value.code == "advisories_invalid" and "a\nb" not in str(refused.value)


def test_a_service_is_an_address(tmp_path: Path) -> None:
    with pytest.raises(MlstackError, match="as a service"):
        audited(tmp_path, "osv_api", "/srv/mirror")
