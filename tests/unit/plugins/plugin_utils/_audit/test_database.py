# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import time
import typing as t
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories, database, feeds
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Database
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source

from .conftest import record, write_zip

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def opened(cache: Cache, location: Path, **more: t.Any) -> Database:
    found, notes = cache.mirror(Source("osv", str(location), **more), NOW.timestamp())
    assert notes == []
    return found


def ids(found: Database, package: str = "demo") -> list[str]:
    return [known.advisory.id for known in found.of_package(package)]


def test_a_zip_file_and_a_folder_make_the_same_database(cache: Cache, tmp_path: Path) -> None:
    records = [record("A-1"), record("A-2", "Other_Package"), record("A-3", withdrawn="2026-01-01T00:00:00Z")]
    folder = tmp_path / "records"
    folder.mkdir()
    for item in records:
        (folder / f"{item['id']}.json").write_text(json.dumps(item))
    for found in (opened(cache, write_zip(tmp_path / "all.zip", *records)), opened(cache, folder)):
        assert ids(found) == ["A-1"]
        assert ids(found, "other-package") == ["A-2"]
        info = found.info(NOW)
        assert (info.advisories, info.date, info.age_days) == (2, "2026-11-20T08:00:00Z", 3)


def test_what_did_not_change_is_not_read_again(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "all.zip", record("A-1"), record("A-2"))
    opened(cache, path)
    read: list[str] = []
    real = advisories.read

    def counted(item: t.Any, **more: t.Any) -> t.Any:
        read.append(item["id"])
        return real(item)

    monkeypatch.setattr(advisories, "read", counted)
    opened(cache, path)
    assert read == []
    write_zip(path, record("A-1"), record("A-2", summary="told anew"), record("A-3"))
    os.utime(path, ns=(1, 1))
    found = opened(cache, path)
    assert read == ["A-2", "A-3"]
    assert ids(found) == ["A-1", "A-2", "A-3"]
    write_zip(path, record("A-3"))
    assert ids(opened(cache, path)) == ["A-3"]


@pytest.mark.parametrize("damage", ["cut", "text", "record", "shape", "missing"])
def test_damaged_input_is_refused_and_the_old_database_kept(cache: Cache, tmp_path: Path, damage: str) -> None:
    path = write_zip(tmp_path / "all.zip", record("A-1"))
    opened(cache, path)
    _damage(path, damage)
    found, notes = cache.mirror(Source("osv", str(path)), NOW.timestamp())
    assert ids(found) == ["A-1"]
    assert len(notes) == 1
    assert "The database built before is used." in notes[0]
    assert not [name for name in os.listdir(cache.folder) if name.endswith(".part")]
    _refused(Cache(f"{cache.folder}-fresh"), path)


def test_a_record_whose_checksum_is_wrong_is_refused(cache: Cache, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", record("A-1"))
    _damage(path, "checksum")
    _refused(cache, path)


def _refused(fresh: Cache, path: Path) -> None:
    with pytest.raises(MlstackError) as refused:
        fresh.mirror(Source("osv", str(path)), NOW.timestamp())
    assert refused.value.code == "advisories_unreadable"
    assert str(path) in str(refused.value)
    assert not [name for name in os.listdir(fresh.folder) if not name.endswith(".lock")]


def _damage(path: Path, damage: str) -> None:
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "text":
        path.write_text("<html>not found</html>")
    elif damage == "checksum":
        place = data.index(b'"introduced"')
        path.write_bytes(data[:place] + b'"INTRODUCED"' + data[place + 12 :])
    elif damage == "missing":
        path.unlink()
    else:
        with zipfile.ZipFile(path, "w") as archive:
            content = {"record": "{", "shape": '{"id": "A-1", "affected": [{"package": 5, "versions": 7}, 8]}'}[damage]
            archive.writestr("A-1.json", content)


def test_a_zip_bomb_is_refused(cache: Cache, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("A-1.json", b" " * (17 * 1024 * 1024))
    with pytest.raises(MlstackError, match="no advisory needs"):
        cache.mirror(Source("osv", str(tmp_path / "all.zip")), NOW.timestamp())


def test_a_digest_must_agree(cache: Cache, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", record("A-1"))
    with pytest.raises(MlstackError) as refused:
        cache.mirror(Source("osv", str(path), "0" * 64), NOW.timestamp())
    assert refused.value.code == "digest_mismatch"


def test_a_digest_that_is_given_later_is_compared(cache: Cache, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", record("A-1"))
    opened(cache, path)
    found, notes = cache.mirror(Source("osv", str(path), "0" * 64), NOW.timestamp())
    assert "0000" in notes[0] and ids(found) == ["A-1"], "what was built before is used, and that is said"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert ids(opened(cache, path, sha256=digest)) == ["A-1"]


@pytest.mark.parametrize("records", [[], [{"id": "GO-1", "affected": [{"package": {"ecosystem": "Go", "name": "x"}}]}]])
def test_a_mirror_of_nothing_is_refused(cache: Cache, tmp_path: Path, records: list[dict[str, t.Any]]) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    for location in (folder, write_zip(tmp_path / "all.zip", *records)):
        with pytest.raises(MlstackError, match=r"none of [01] records is about a package of PyPI") as refused:
            cache.mirror(Source("osv", str(location)), NOW.timestamp())
        assert refused.value.code == "advisories_unreadable"


def test_a_folder_may_have_folders_as_those_of_databases_do(cache: Cache, tmp_path: Path) -> None:
    for number, place in enumerate(("2026/10/A-0", "2026/11/A-1", ".git/A-2")):
        file = tmp_path / "records" / place / "A.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(record(f"A-{number}")))
    assert ids(opened(cache, tmp_path / "records")) == ["A-0", "A-1"]
    (tmp_path / "records/2026/10/A-0/B.json").write_text(json.dumps(record("B-1")))
    assert sorted(ids(opened(cache, tmp_path / "records"))) == ["A-0", "A-1", "B-1"]


def test_what_fails_for_one_host_of_a_play_is_not_tried_for_each(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_text("no zip")
    folder, source = str(tmp_path / "cache"), Source("osv", str(path))

    def failed(run: str) -> str:
        with pytest.raises(MlstackError) as refused:
            Cache(folder, run).mirror(source, NOW.timestamp())
        return refused.value.found

    assert "not a zip file" in failed("play 1")
    path.unlink()
    assert "not a zip file" in failed("play 1"), "it was not looked at again"
    assert "No such file" in failed("play 2")
    write_zip(path, record("A-1"))
    assert ids(Cache(folder, "play 3").mirror(source, NOW.timestamp())[0]) == ["A-1"]


def test_a_damaged_database_is_built_anew(cache: Cache, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", record("A-1"))
    found = opened(cache, path)
    found.close()
    Path(found.path).write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    assert ids(opened(cache, path)) == ["A-1"]


def test_concurrent_forks_build_once(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", *(record(f"A-{number}") for number in range(300)))
    folder = str(tmp_path / "cache")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_build_and_count, args=(folder, str(path), queue)) for _each in range(4)]
    for worker in workers:
        worker.start()
    counts = sorted(queue.get(timeout=60) for _each in workers)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert counts == [0, 0, 0, 300]


def _build_and_count(folder: str, path: str, queue: t.Any) -> None:
    count = 0
    real = advisories.read

    def counted(item: t.Any, **more: t.Any) -> t.Any:
        nonlocal count
        count += 1
        return real(item)

    advisories.read = counted
    found, _notes = Cache(folder).mirror(Source("osv", path), NOW.timestamp())
    assert len(found.of_package("demo")) == 300
    queue.put(count)


def test_a_killed_build_leaves_the_old_database(cache: Cache, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "all.zip", record("A-1"))
    opened(cache, path)
    write_zip(path, *(record(f"B-{number}") for number in range(3000)))
    for delay in (0.02, 0.05, 0.1, 0.2):
        child = os.fork()
        if child == 0:
            try:
                Cache(cache.folder).mirror(Source("osv", str(path)), NOW.timestamp())
            finally:
                os._exit(0)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert ids(Database(cache.path(Source("osv", str(path)))))[0] in ("A-1", "B-0")
    assert len(ids(opened(cache, path))) == 3000
    assert not [name for name in os.listdir(cache.folder) if name.endswith(".part")]


@pytest.mark.parametrize(
    ("option", "found"),
    [
        ([], "nothing is asked by itself.*api.osv.dev.*dep_audit_advisories"),
        ([5], "names no location"),
        ([{"kind": "osv"}], "names no location"),
        ([{"location": "/x", "kind": "nvd"}], "the kind 'nvd'"),
        ([{"location": "/x", "sha256": "abc"}], "no SHA-256"),
        ([{"location": "/x", "colour": "red"}], "colour is unknown"),
    ],
)
def test_options_that_cannot_be_meant(option: list[t.Any], found: str) -> None:
    with pytest.raises(MlstackError, match=found):
        feeds.sources(option)


def test_a_file_url_is_a_path() -> None:
    (source,) = feeds.sources(["file:///srv/the%20mirror"])
    assert (source.location, source.remote) == ("/srv/the mirror", False)


def test_a_date_without_a_time_has_no_age() -> None:
    assert database.age_days("", NOW) is None
    assert database.age_days("2026-11-13T12:00:00.123456789Z", NOW) == 10
    assert database.age_days("2027-01-01T00:00:00Z", NOW) == 0
