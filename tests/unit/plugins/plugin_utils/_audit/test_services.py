# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services and indexes, asked over HTTP on loopback."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import index, services
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.index import Project
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.matches import Matches

from .conftest import record, write_zip
from .loopback import CANARY, Service

NOW = 1_795_000_000.0
ISO = "%Y-%m-%dT%H:%M:%SZ"


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


def found_by(cache: Cache, source: Source, pair: tuple[str, str], now: float = NOW) -> list[str]:
    database, unanswered = services.ask(cache, source, {pair}, now)
    assert unanswered == {}
    return [flaw.id for flaw, _fixed in Matches(cache, database).of({pair})[pair].flaws]


# --- OSV's API ----------------------------------------------------------------------------------------------------


def test_the_api_of_osv_is_asked_once_a_day_per_package(cache: Cache, service: Service) -> None:
    service.osv(record("A-1"))
    source = Source("osv_api", service.url)
    assert found_by(cache, source, ("demo", "1.5")) == ["A-1"]
    assert found_by(cache, source, ("demo", "1.6")) == ["A-1"], "another version of it is no new question"
    assert found_by(cache, source, ("demo", "2.0")) == []
    assert found_by(cache, source, ("clean", "1.0")) == []
    assert service.questions() == ["demo", "clean"]
    service.osv(record("A-2"))
    assert found_by(cache, source, ("demo", "1.5"), NOW + 23 * 3600) == ["A-1"]
    assert found_by(cache, source, ("demo", "1.5"), NOW + 25 * 3600) == ["A-2"], "the old answer is forgotten"


def test_many_packages_are_one_question_and_each_advisory_comes_once(cache: Cache, service: Service) -> None:
    records = [record(f"A-{number}", f"demo-{number}") for number in range(40)]
    both = record("B-1", "demo-0")
    both["affected"] += record("B-1", "demo-1")["affected"]
    service.osv(*records, both)
    pairs = {(f"demo-{number}", "1.5") for number in range(300)}
    database, unanswered = services.ask(cache, Source("osv_api", service.url), pairs, NOW)
    assert unanswered == {}
    flawed = {pair[0]: len(match.flaws) for pair, match in Matches(cache, database).of(pairs).items() if match.flaws}
    assert flawed == {f"demo-{number}": 1 + (number < 2) for number in range(40)}
    paths = service.paths()
    assert paths.count("/v1/querybatch") == 1 and len(paths) == 1 + 41 + 1, "the canary's advisory came, too"
    before = len(service.asked)
    services.ask(cache, Source("osv_api", service.url), pairs, NOW + 25 * 3600)
    assert service.paths()[before:] == ["/v1/querybatch", "/v1/vulns/CANARY-1"], "what did not change is not read again"
    service.osv(*records, {**both, "modified": "2026-11-21T00:00:00Z", "summary": "told anew"})
    found, _unanswered = services.ask(cache, Source("osv_api", service.url), pairs, NOW + 50 * 3600)
    assert [known.advisory.summary for known in found.of_package("demo-1")] == ["", "told anew"]


def test_a_service_without_batches_is_asked_one_by_one(cache: Cache, service: Service) -> None:
    known = {"demo": record("A-1"), "jinja2": CANARY}
    service.answers["/v1/query"] = lambda body: {"vulns": [known[body["package"]["name"]]]}
    assert found_by(cache, Source("osv_api", f"{service.url}/"), ("demo", "1.5")) == ["A-1"]
    assert service.paths() == ["/v1/querybatch", "/v1/query", "/v1/query"]


def test_the_word_of_a_service_is_as_old_as_its_answer_is(cache: Cache, service: Service) -> None:
    service.osv({**record("A-1"), "modified": "2019-01-01T00:00:00Z"})
    source = Source("osv_api", service.url, hours=100)
    for later, age in ((0, 0), (50 * 3600, 2)):
        now = NOW + later
        database, _unanswered = services.ask(cache, source, {("demo", "1.5")}, now)
        info = database.info(datetime.fromtimestamp(now, timezone.utc))
        assert (info.date, info.age_days) == (datetime.fromtimestamp(NOW, timezone.utc).strftime(ISO), age)
    database, _unanswered = services.ask(cache, source, set(), NOW)
    assert database.info(datetime.fromtimestamp(NOW, timezone.utc)).age_days == 0


def paged(service: Service, pages: int) -> None:
    """``demo`` has an advisory on each page; the last of all pages has no token."""
    records = [record(f"A-{number:02}") for number in range(pages)]
    service.osv(*records)

    def answer(body: t.Any) -> t.Any:
        results = []
        for query in body["queries"]:
            number = int(query.get("page_token", 0))
            found = service.brief([CANARY, records[number]], query["package"]["name"])
            more = query["package"]["name"] == "demo" and number + 1 < pages
            results.append({**found, **({"next_page_token": str(number + 1)} if more else {})})
        return {"results": results}

    service.answers["/v1/querybatch"] = answer


def test_pages_are_read_to_the_end(cache: Cache, service: Service) -> None:
    paged(service, 3)
    assert found_by(cache, Source("osv_api", service.url), ("demo", "1.5")) == ["A-00", "A-01", "A-02"]
    assert service.questions() == ["demo"] * 3


def test_more_pages_than_anybody_reads_are_told_of(cache: Cache, service: Service) -> None:
    paged(service, 60)
    pairs = {("demo", "1.5"), ("clean", "1.0")}
    database, unanswered = services.ask(cache, Source("osv_api", service.url), pairs, NOW)
    assert list(unanswered) == [("demo", "1.5")] and "more than 50 pages" in unanswered["demo", "1.5"]
    assert len(Matches(cache, database).of(pairs)["demo", "1.5"].flaws) == 50, "what came is there"


def test_a_damaged_database_of_a_service_is_begun_anew(cache: Cache, service: Service) -> None:
    service.osv(record("A-1"))
    source = Source("osv_api", service.url)
    found_by(cache, source, ("demo", "1.5"))
    Path(cache.path(source)).write_bytes(b"x" * 5000)
    assert found_by(cache, source, ("demo", "1.5")) == ["A-1"]


# --- the index's own data -----------------------------------------------------------------------------------------


def test_an_index_tells_of_one_release(cache: Cache, service: Service) -> None:
    service.answers["/demo/1.5/json"] = {
        "vulnerabilities": [
            {"id": "PYSEC-1", "aliases": ["CVE-1"], "details": "told\nat length", "fixed_in": ["1.6", "2.0"]},
            {"id": "PYSEC-2", "withdrawn": "2026-01-01T00:00:00Z"},
        ]
    }
    source = Source("index", service.url)
    database, unanswered = services.ask(cache, source, {("demo", "1.5"), ("demo", "1.4")}, NOW)
    assert list(unanswered) == [("demo", "1.4")] and "does not have this release" in unanswered["demo", "1.4"]
    match = Matches(cache, database).of({("demo", "1.5")})["demo", "1.5"]
    ((flaw, fixed),) = match.flaws
    assert (flaw.id, flaw.aliases, flaw.summary, fixed, match.fix) == (
        "CVE-1",
        ("PYSEC-1",),
        "told",
        ("1.6", "2.0"),
        "1.6",
    )
    assert sorted(path for path, _body in service.asked) == ["/demo/1.4/json", "/demo/1.5/json"]


# --- newer versions and yanked releases ---------------------------------------------------------------------------


def file(name: str, yanked: t.Any = False) -> dict[str, t.Any]:
    return {"filename": name, "yanked": yanked}


def test_an_index_tells_what_is_newer_and_what_was_taken_back(cache: Cache, service: Service) -> None:
    service.answers["/simple/demo-pkg/"] = {
        "files": [
            file("demo_pkg-1.0-py3-none-any.whl"),
            file("demo_pkg-1.1.tar.gz", "it deletes files"),
            file("demo_pkg-1.2-py3-none-any.whl", True),
            file("demo_pkg-1.2.tar.gz"),
            file("demo_pkg-2.0rc1.tar.gz"),
            file("other-9.tar.gz"),
            file("nonsense"),
            "nonsense",
        ]
    }
    found = index.ask(cache, f"{service.url}/simple", {"demo-pkg", "absent"}, NOW)
    demo = found["demo-pkg"]
    assert (demo.versions, demo.yanked) == (("1.0", "1.1", "1.2", "2.0rc1"), {"1.1": "it deletes files"})
    assert (demo.latest("1.0"), demo.latest("1.2"), demo.latest("2.0b1")) == ("1.2", "", "2.0rc1")
    assert found["absent"] == Project(known=False)
    assert demo.offered == ("1.0", "1.2", "2.0rc1"), "nobody is sent to a release that was taken back"
    before = len(service.asked)
    index.ask(cache, f"{service.url}/simple", {"demo-pkg", "absent"}, NOW + 1800)
    assert len(service.asked) == before, "an hour's answers are kept"
    service.answers["/simple/demo-pkg/"] = 500
    with pytest.raises(MlstackError) as refused:
        index.ask(cache, f"{service.url}/simple", {"demo-pkg"}, NOW + 7200)
    assert refused.value.code == "index_unreachable"


def test_an_index_of_links_tells_the_same(cache: Cache, service: Service) -> None:
    service.answers["/simple/demo-pkg/"] = (
        b'<!DOCTYPE html><html><body><a href="../../f/demo_pkg-1.0-py3-none-any.whl#sha256=00">1</a>'
        b'<a href="https://f.example/demo_pkg-1.1.tar.gz?x=1" data-yanked="it deletes files">2</a>'
        b'<A HREF="demo_pkg-1.2%2Bcu1-py3-none-any.whl" data-yanked>3</A><a>no link</a></body></html>'
    )
    demo = index.ask(cache, f"{service.url}/simple/", {"demo-pkg"}, NOW)["demo-pkg"]
    assert (demo.offered, demo.yanked) == (("1.0",), {"1.1": "it deletes files", "1.2+cu1": ""})
    service.answers["/simple/other/"] = b"<html>please log in</html>"
    with pytest.raises(MlstackError, match="neither JSON nor a page of links"):
        index.ask(cache, f"{service.url}/simple/", {"other"}, NOW)


# --- a mirror behind a URL ----------------------------------------------------------------------------------------


def test_a_mirror_behind_a_url_is_fetched_once_a_day(cache: Cache, service: Service, tmp_path: Path) -> None:
    service.answers["/all.zip"] = write_zip(tmp_path / "all.zip", record("A-1")).read_bytes()
    source = Source("osv", f"{service.url}/all.zip")
    now = time.time()
    for later in (0, 3600):
        assert len(cache.mirror(source, now + later)[0].of_package("demo")) == 1
    assert len(service.asked) == 1
    service.answers["/all.zip"] = 500
    database, notes = cache.mirror(source, now + 25 * 3600)
    assert len(database.of_package("demo")) == 1
    assert "500" in notes[0]
    assert "The database built before is used." in notes[0]


def test_a_mirror_that_is_cut_off_is_refused(cache: Cache, service: Service, tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "all.zip", record("A-1")).read_bytes()
    service.answers["/all.zip"] = whole[: len(whole) // 2]
    with pytest.raises(MlstackError) as refused:
        cache.mirror(Source("osv", f"{service.url}/all.zip"), NOW)
    assert refused.value.code == "advisories_unreadable"


# --- matches of the fleet -----------------------------------------------------------------------------------------


def test_a_pair_is_judged_once_for_the_fleet(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, _notes = cache.mirror(Source("osv", str(write_zip(tmp_path / "all.zip", record("A-1")))), NOW)
    judged: list[tuple[str, str]] = []
    real = Matches._judge

    def counted(self: Matches, name: str, version: str, *more: t.Any) -> t.Any:
        judged.append((name, version))
        return real(self, name, version, *more)

    monkeypatch.setattr(Matches, "_judge", counted)
    pairs = {("demo", "1.5"), ("demo", "2.0"), ("clean", "1.0")}
    first = Matches(cache, database).of(pairs)
    again = Matches(cache, database).of(pairs)  # as another host's worker would
    assert first == again
    assert sorted(judged) == sorted(pairs)
    assert [flaw.id for flaw, _fixed in again["demo", "1.5"].flaws] == ["A-1"]
    offers = {"demo": ("1.9", "2.0.1"), "clean": ("9",)}
    upgraded = Matches(cache, database).of(pairs, offers)
    assert upgraded["demo", "1.5"].fix == "2.0.1", "2.0, which the advisory names, is not to be had"
    assert judged[3:] == [("demo", "1.5")], "only what has a flaw is judged again with what an index offers"
    write_zip(tmp_path / "all.zip", record("A-2"))
    database, _notes = cache.mirror(Source("osv", str(tmp_path / "all.zip")), NOW)
    assert [flaw.id for flaw, _fixed in Matches(cache, database).of(pairs)["demo", "1.5"].flaws] == ["A-2"]
