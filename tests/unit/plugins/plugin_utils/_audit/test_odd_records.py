# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies in mirrors: one bad record is one record less, named: no traceback, no wrong age, no mirror less."""

from __future__ import annotations

import json
import os
import struct
import time
import typing as t
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import index, policy, services
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.auditor import Auditor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.matches import Matches

from .conftest import record, write_zip
from .loopback import Service

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
GOOD = {**record("GOOD-1"), "modified": "2026-11-20T08:00:00Z"}
TOLD = [{"name": "ml", "path": "/ml", "kind": "venv", "packages": [{"name": "demo", "version": "1.5"}]}]


def affecting(**more: t.Any) -> dict[str, t.Any]:
    item = record("BAD-1")
    item["affected"][0].update(more)
    return item


def named(name: t.Any) -> dict[str, t.Any]:
    return affecting(package={"ecosystem": "PyPI", "name": name})


# What stands in the place of a second record, and the word by which the reason is known.
UNREADABLE: dict[str, tuple[t.Any, str]] = {
    "a scoped name": (named("@x/y"), "'@x/y'"),
    "a name with a blank": (named("demo "), "'demo '"),
    "a name with extras": (named("demo[all]"), "demo[all]"),
    "an option as a name": (named("-r evil"), "-r evil"),
    "no name": (named(None), "None"),
    "a number as a name": (named(5), "5"),
    "a list": ([], "not a JSON object"),
    "a text": ("advisory", "not a JSON object"),
    "null": (None, "not a JSON object"),
    "a readme": ({"about": "these records"}, "no id"),
    "a number as id": ({"id": 7}, "no id"),
    "affected is a text": ({"id": "BAD-1", "affected": "demo"}, "not a list"),
    "an entry of affected is a text": ({"id": "BAD-1", "affected": ["demo"]}, "not an object"),
    "ranges is an object": (affecting(ranges={}), "not a list"),
    "a range is a text": (affecting(ranges=["1.0"]), "not an object"),
    "events is a text": (affecting(ranges=[{"type": "ECOSYSTEM", "events": "all"}]), "not a list"),
    "an event is a text": (affecting(ranges=[{"type": "ECOSYSTEM", "events": ["1"]}]), "not an object"),
    "versions is an object": (affecting(versions={}), "not a list"),
    "aliases is a number": (record("BAD-1", aliases=5), "not a list"),
    "references is a text": (record("BAD-1", references="x"), "not a list"),
    "cut": (b'{"id": "BAD-1", "aff', "Unterminated"),
    "empty": (b"", "Expecting value"),
    "no UTF-8": (b'{"id": "\xff\xfe"}', "utf-8"),
    "zeros": (b"\x00" * 100, "Expecting value"),
    "nested without end": (b"[" * 200_000, "recursion"),
    "digits without end": (b'{"id": ' + b"9" * 5000 + b"}", "digit"),
    "HTML": (b"<html>not found</html>", "Expecting value"),
    "larger than any advisory": (b" " * (17 * 1024 * 1024), "no advisory needs"),
}
# Of these the flaw is known all the same: what cannot be read is not used.
USED: dict[str, tuple[t.Any, str]] = {
    "of the year 2099": ({**record("BAD-1"), "modified": "2099-01-01T00:00:00Z"}, "to come"),
    "a garbage date": ({**record("BAD-1"), "modified": "zzz"}, "'zzz', which is no date"),
    "a date of digits": ({**record("BAD-1"), "modified": "9" * 30}, "no date"),
    "a thirteenth month": ({**record("BAD-1"), "modified": "2026-13-01T00:00:00Z"}, "no date"),
    "a number as date": ({**record("BAD-1"), "modified": 20261101}, "no date"),
    "published is a list": (record("BAD-1", published=[1]), "published is '[1]'"),
    "one sound name of two": (
        {**record("BAD-1"), "affected": [*named("@x/y")["affected"], *record("BAD-1")["affected"]]},
        "'@x/y'",
    ),
}
SILENT: dict[str, t.Any] = {
    "a fix of 5,000 digits": record("BAD-1", events=[{"introduced": "0"}, {"fixed": "9" * 5000}]),
    "a version of 5,000 digits": record("BAD-1", versions=["9" * 5000, "1.5"], events=[]),
    "half a character": record("BAD-1", summary="\ud800"),
    "a severity of another world": record(
        "BAD-1", severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:" + "N" * 9999}]
    ),
    "severities of all kinds": record("BAD-1", severity=[5, None, {"type": 5, "score": 5}, {}]),
    "no date": {key: value for key, value in record("BAD-1").items() if key != "modified"},
    "specifics of all kinds": record("BAD-1", database_specific={"cwe_ids": "CWE-506", "severity": ["HIGH"]}),
}


def data_of(item: t.Any) -> bytes:
    return item if isinstance(item, bytes) else json.dumps(item).encode()


def mirror(folder: Path, form: str, item: t.Any, name: str = "BAD-1.json") -> Path:
    """A good record and ``item``, in a zip file or a folder."""
    members = {"GOOD-1.json": data_of(GOOD), name: data_of(item)}
    path = folder / f"mirror.{form}"
    if form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        return path
    path.mkdir()
    for member, data in members.items():
        (path / member).write_bytes(data)
    return path


def looked_up(cache: Cache, location: Path) -> tuple[list[str], t.Any, list[str]]:
    """The flaws of demo 1.5, the facts and the notes of a mirror that is used and not refused."""
    database, notes = cache.mirror(Source("osv", str(location)), NOW.timestamp())
    assert notes == []
    found = Matches(cache, database).of({("demo", "1.5")})["demo", "1.5"]
    return sorted(flaw.id for flaw, _fixed in found.flaws), database.info(NOW), database.notes(NOW)


@pytest.mark.parametrize("form", ["zip", "folder"])
@pytest.mark.parametrize("case", UNREADABLE)
def test_a_bad_record_is_skipped_counted_and_named(cache: Cache, tmp_path: Path, form: str, case: str) -> None:
    item, word = UNREADABLE[case]
    flaws, info, notes = looked_up(cache, mirror(tmp_path, form, item))
    assert flaws == ["GOOD-1"]
    assert (info.skipped, info.advisories, info.date) == (1, 1, GOOD["modified"])
    (note,) = notes
    assert "1 of" in note and "BAD-1.json" in note and word in note and len(note) < 1000


@pytest.mark.parametrize("case", USED)
def test_what_is_sound_of_an_odd_record_is_used(cache: Cache, tmp_path: Path, case: str) -> None:
    item, word = USED[case]
    flaws, info, notes = looked_up(cache, mirror(tmp_path, "zip", item))
    assert flaws == ["BAD-1", "GOOD-1"]
    assert (info.skipped, info.date) == (1, GOOD["modified"]), "the age is that of what has a date"
    assert word in notes[0]


@pytest.mark.parametrize("case", SILENT)
def test_odd_values_are_no_reason_to_skip(cache: Cache, tmp_path: Path, case: str) -> None:
    flaws, info, notes = looked_up(cache, mirror(tmp_path, "folder", SILENT[case]))
    assert (flaws, info.skipped, notes, info.date) == (["BAD-1", "GOOD-1"], 0, [], GOOD["modified"])


def test_a_version_that_nobody_can_read_is_judged_too(cache: Cache, tmp_path: Path) -> None:
    database, _notes = cache.mirror(
        Source("osv", str(mirror(tmp_path, "zip", record("B-1", "other")))), NOW.timestamp()
    )
    pair = ("demo", "9" * 5000)
    assert Matches(cache, database).of({pair})[pair].undecided == ("GOOD-1",)


def test_a_record_that_spoils_keeps_what_was_known_of_it(cache: Cache, tmp_path: Path) -> None:
    path = mirror(tmp_path, "folder", record("BAD-1"))
    assert looked_up(cache, path)[0] == ["BAD-1", "GOOD-1"]
    (path / "BAD-1.json").write_text("{")
    flaws, _info, notes = looked_up(cache, path)
    assert flaws == ["BAD-1", "GOOD-1"] and "BAD-1.json" in notes[0]
    (path / "BAD-1.json").write_text(json.dumps(record("BAD-2")))
    assert looked_up(cache, path)[::2] == (["BAD-2", "GOOD-1"], [])
    (path / "BAD-1.json").unlink()
    assert looked_up(cache, path)[::2] == (["GOOD-1"], [])


def test_many_bad_records_are_counted_and_some_named(cache: Cache, tmp_path: Path) -> None:
    path = mirror(tmp_path, "folder", record("B-1"))
    for number in range(40):
        (path / f"C-{number:02}.json").write_text("{")
    (note,) = looked_up(cache, path)[2]
    assert "40 of 42 records" in note and "and 35 more" in note


# --- zip files that are not what they say -------------------------------------------------------------------------


def patched(path: Path, *, flags: int | None = None, method: int | None = None, size: int | None = None) -> Path:
    """Change the last member's entry, both of the directory and beside the data."""
    data = bytearray(path.read_bytes())
    for mark, first in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.rindex(mark)
        for value, form, offset in ((flags, "<H", 0), (method, "<H", 2), (size, "<I", 16)):
            if value is not None:
                struct.pack_into(form, data, place + first + offset, value)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"flags": 1}, "encrypted"),
        ({"method": 93}, "compression"),
        ({"method": 12}, ""),
        ({"method": 14}, ""),
        ({"method": 0}, ""),
        ({"size": 5}, ""),
        ({"size": 2**31}, "and should have"),
    ],
)
def test_a_member_that_cannot_be_unpacked_is_one_record_less(
    cache: Cache, tmp_path: Path, change: dict[str, int], word: str
) -> None:
    flaws, info, notes = looked_up(cache, patched(mirror(tmp_path, "zip", record("BAD-1")), **change))
    assert (flaws, info.skipped) == (["GOOD-1"], 1)
    assert "BAD-1.json" in notes[0] and word in notes[0]


def test_a_bomb_takes_no_memory(cache: Cache, tmp_path: Path) -> None:
    import tracemalloc

    path = patched(mirror(tmp_path, "zip", b" " * (200 * 1024 * 1024)), size=100)
    tracemalloc.start()
    flaws, _info, notes = looked_up(cache, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert flaws == ["GOOD-1"] and "BAD-1.json" in notes[0]
    assert peak < 60 * 1024 * 1024


# --- folders --------------------------------------------------------------------------------------------------------


def test_what_is_no_file_is_skipped_and_nobody_waits_for_it(cache: Cache, tmp_path: Path) -> None:
    path = mirror(tmp_path, "folder", record("B-1"))
    os.mkfifo(path / "PIPE.json")
    (path / "LOST.json").symlink_to("nowhere")
    (path / "OUT.json").symlink_to("/etc/passwd")
    (path / "FOLDER.json").mkdir()
    with (path / "HUGE.json").open("wb") as stream:
        stream.truncate(3 * 1024**3)
    started = time.monotonic()
    flaws, info, notes = looked_up(cache, path)
    assert flaws == ["B-1", "GOOD-1"] and info.skipped == 4 and time.monotonic() - started < 5
    assert all(name in notes[0] for name in ("PIPE.json", "LOST.json", "OUT.json", "HUGE.json"))


def test_the_records_of_pypa_are_yaml(cache: Cache, tmp_path: Path) -> None:
    folder = tmp_path / "advisory-database"
    (folder / "vulns/demo").mkdir(parents=True)
    (folder / ".github").mkdir()
    (folder / ".github/workflow.yml").write_text("on: push\n")
    (folder / "vulns/demo/PYSEC-1.yaml").write_text(
        "id: PYSEC-1\nmodified: 2026-11-20T08:00:00.123456Z\ndetails: >-\n  It is bad\naliases:\n- CVE-1\naffected:\n"
        "- package: {name: demo, ecosystem: PyPI}\n  ranges:\n  - type: ECOSYSTEM\n    events:\n"
        "    - introduced: 1.10\n    - fixed: 1.20\n  versions:\n  - 1.5\n  - 1.10\n"
    )
    (folder / "vulns/demo/PYSEC-2.yaml").write_text("id: [\n")
    (folder / "vulns/demo/PYSEC-3.yaml").write_text("a: &a [*a, *a]\nid: !!python/object:os.system x\n")
    flaws, info, notes = looked_up(cache, folder)
    assert flaws == ["CVE-1"], "1.10 is no number"
    assert (info.date, info.skipped) == ("2026-11-20T08:00:00Z", 2) and "PYSEC-2.yaml" in notes[0]


# --- the last good one ----------------------------------------------------------------------------------------------


def test_a_mirror_that_shrank_or_went_back_is_not_taken(cache: Cache, tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    whole = [record(f"A-{number}") for number in range(120)]
    source = Source("osv", str(write_zip(path, *whole)))
    cache.mirror(source, NOW.timestamp())
    old = [{**item, "modified": "2026-10-01T00:00:00Z"} for item in whole]
    for items, words in (
        (whole[:100], "it has 100 advisories, and had 120"),
        (old, "2026-10-01T00:00:00Z, and was of"),
    ):
        write_zip(path, *items)
        database, notes = cache.mirror(source, NOW.timestamp())
        assert len(database.of_package("demo")) == 120 and database.info(NOW).date == "2026-11-20T08:00:00Z"
        assert (
            words in notes[0]
            and "The database built before is used." in notes[0]
            and f"delete {database.path}" in notes[0]
        )
    write_zip(path, *whole[:115])
    database, notes = cache.mirror(source, NOW.timestamp())
    assert len(database.of_package("demo")) == 115 and notes == []


def test_a_mirror_may_have_to_know_a_canary(cache: Cache, tmp_path: Path) -> None:
    path = str(write_zip(tmp_path / "all.zip", GOOD))
    with pytest.raises(MlstackError, match="no flaw of demo==3"):
        cache.mirror(Source("osv", path, canary="demo==3"), NOW.timestamp())
    assert cache.mirror(Source("osv", path, canary="Demo==1.5"), NOW.timestamp())[1] == []


# --- databases that cannot be read ---------------------------------------------------------------------------------


def garble(path: str) -> None:
    """Leave the head, and so the schema, as it is."""
    data = bytearray(Path(path).read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    Path(path).write_bytes(data)


def test_garbled_pages_are_built_anew(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", *(record(f"A-{number}", summary="x" * 500) for number in range(50)))
    arguments = {"advisories": [str(path)], "cache_dir": str(tmp_path / "cache"), "index": None}

    def flaws() -> int:
        return len(Auditor(arguments, NOW).audit(TOLD, policy.read({}), ()).environments[0].findings)

    assert flaws() == 50
    for end in (".sqlite", ".matches"):
        (name,) = (tmp_path / "cache").glob(f"*{end}")
        garble(str(name))
        if end == ".sqlite":
            for other in (tmp_path / "cache").glob("*.matches"):
                other.unlink()
        assert flaws() == 50
    (name,) = (tmp_path / "cache").glob("*.sqlite")
    garble(str(name))
    write_zip(path, record("B-1"))
    assert flaws() == 1, "a newer mirror is not built upon it either"


def test_a_garbled_database_without_a_mirror_is_an_error(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", *(record(f"A-{number}", summary="x" * 500) for number in range(50)))
    arguments = {"advisories": [str(path)], "cache_dir": str(tmp_path / "cache"), "index": None}
    Auditor(arguments, NOW).audit([], None, ())
    for name in (tmp_path / "cache").glob("*.sqlite"):
        garble(str(name))
    path.unlink()
    with pytest.raises(MlstackError):
        Auditor(arguments, NOW).audit(TOLD, None, ())


def test_garbled_answers_of_services_are_asked_anew(tmp_path: Path) -> None:
    service = Service()
    try:
        service.osv(*(record(f"A-{number}", summary="x" * 500) for number in range(50)))
        arguments = {
            "advisories": [{"kind": "osv_api", "location": service.url}],
            "cache_dir": str(tmp_path / "cache"),
            "index": None,
        }
        for _each in (1, 2):
            audit = Auditor(arguments, NOW).audit(TOLD, None, ())
            assert len(audit.environments[0].findings) == 50
            garble(str(*(tmp_path / "cache").glob("*.sqlite")))
            for other in (tmp_path / "cache").glob("*.matches"):
                other.unlink()
        service.answers["/simple/demo/"] = {"files": [{"filename": "demo-1.0.tar.gz"}]}
        cache = Cache(str(tmp_path / "index"))
        for _each in (1, 2):
            assert index.ask(cache, f"{service.url}/simple", {"demo"}, 0.0)["demo"].known
            (name,) = (tmp_path / "index").glob("*.sqlite")
            name.write_bytes(b"x" * 5000)
    finally:
        service.close()


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_a_clock_before_the_advisories_is_told_and_no_age_is_made_up(cache: Cache, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", *(record(f"A-{number}") for number in range(20)))
    database, _notes = cache.mirror(Source("osv", str(path)), NOW.timestamp())
    past = datetime(2020, 1, 1, tzinfo=timezone.utc)
    info = database.info(past)
    assert info.age_days is None and info.date == "2026-11-20T08:00:00Z"
    (note,) = database.notes(past)
    assert "20 of 20 advisories are dated after 2020-01-01T00:00:00Z" in note
    assert policy.judge(policy.read({"max_age_days": 7}), [], [info], (), past.date())[1].reasons


def test_answers_of_a_service_that_are_of_the_future_are_told(tmp_path: Path) -> None:
    service = Service()
    try:
        service.osv(record("A-1"))
        cache, source = Cache(str(tmp_path)), Source("osv_api", service.url)
        services.ask(cache, source, {("demo", "1.5")}, NOW.timestamp())
        database, _unanswered = services.ask(cache, source, {("demo", "1.5")}, NOW.timestamp() - 9e7)
    finally:
        service.close()
    past = datetime.fromtimestamp(NOW.timestamp() - 9e7, timezone.utc)
    assert database.info(past).age_days is None and "the answers are dated after" in database.notes(past)[0]
