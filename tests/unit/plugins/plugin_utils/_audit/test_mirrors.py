# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mirror that is fetched, checked, and only then put in the place of the one before."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t
import zipfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import mirrors, records
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.mirrors import Mirror

from .conftest import record, write_zip
from .loopback import Service

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
NONE: dict[str, t.Any] = {"unverified": False, "max_age_days": None}


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


def fetch(tmp_path: Path, location: Path | str, *, check_mode: bool = False, **more: t.Any) -> Mirror:
    given = {**NONE, "location": str(location), "dest": str(tmp_path / "srv/pypi.zip"), **more}
    cache = Cache(str(tmp_path / "cache"))
    return mirrors.fetch(mirrors.wanted_of(given), cache, NOW, check_mode=check_mode)


def lying(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "srv").iterdir()}


def audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many advisories an audit finds in the mirror, which reads no record again for that."""

    def never(_entry: t.Any) -> t.Any:
        raise AssertionError("it is built already")

    with monkeypatch.context() as patch:
        patch.setattr(records, "advisory", never)
        database, notes = Cache(str(tmp_path / "cache")).mirror(
            Source("osv", str(tmp_path / "srv/pypi.zip")), NOW.timestamp()
        )
    assert notes == [] and database.source == f"osv {tmp_path}/srv/pypi.zip"
    return len(database.of_package("demo"))


def test_a_mirror_is_fetched_with_its_digest_and_ready_to_be_used(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_zip(tmp_path / "all.zip", record("A-1"), record("A-2")).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    service.answers["/all.zip"] = data
    done = fetch(tmp_path, f"{service.url}/all.zip", sha256=digest, max_age_days=3)
    assert (done.changed, done.sha256, done.database.advisories, done.notes) == (True, digest, 2, ())
    assert lying(tmp_path) == {"pypi.zip": data, "pypi.zip.sha256": f"{digest}  pypi.zip\n".encode()}
    assert (tmp_path / "srv/pypi.zip").stat().st_mode & 0o777 == 0o644
    assert audited(tmp_path, monkeypatch) == 2
    assert not fetch(tmp_path, f"{service.url}/all.zip", unverified=True).changed
    assert audited(tmp_path, monkeypatch) == 2


def test_a_download_without_a_digest_must_be_asked_for(tmp_path: Path, service: Service) -> None:
    service.answers["/all.zip"] = write_zip(tmp_path / "all.zip", record("A-1")).read_bytes()
    with pytest.raises(MlstackError) as refused:
        fetch(tmp_path, f"{service.url}/all.zip")
    assert refused.value.code == "digest_missing" and service.asked == []
    assert fetch(tmp_path, f"{service.url}/all.zip", unverified=True).changed


@pytest.mark.parametrize(
    ("damage", "code"),
    [("digest", "digest_mismatch"), ("cut", "advisories_unreadable"), ("empty", "advisories_unreadable"),
     ("404", "advisories_unreachable"), ("old", "mirror_old"), ("canary", "advisories_unreadable"),
     ("dateless", "mirror_old")],
)  # fmt: skip
def test_what_does_not_pass_leaves_the_old_mirror(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch, damage: str, code: str
) -> None:
    service.answers["/all.zip"] = write_zip(tmp_path / "all.zip", record("A-1")).read_bytes()
    fetch(tmp_path, f"{service.url}/all.zip", unverified=True)
    before = lying(tmp_path)
    more: dict[str, t.Any] = {"unverified": True, "max_age_days": 7}
    item = record("B-1")
    if damage == "digest":
        more["sha256"] = "0" * 64
    elif damage == "canary":
        more["canary"] = "other==1.0"
    elif damage in ("old", "dateless"):
        item["modified"] = "2026-10-01T00:00:00Z" if damage == "old" else "soon"
    data = write_zip(tmp_path / "all.zip", item).read_bytes()
    service.answers["/all.zip"] = {"cut": data[:50], "empty": b"", "404": 404}.get(damage, data)
    with pytest.raises(MlstackError) as refused:
        fetch(tmp_path, f"{service.url}/all.zip", **more)
    assert refused.value.code == code
    assert lying(tmp_path) == before and audited(tmp_path, monkeypatch) == 1


def test_a_mirror_that_lost_much_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [record(f"A-{number}") for number in range(120)]
    fetch(tmp_path, write_zip(tmp_path / "all.zip", *whole))
    with pytest.raises(MlstackError, match="it has 60 advisories, and had 120"):
        fetch(tmp_path, write_zip(tmp_path / "all.zip", *whole[:60]))
    assert audited(tmp_path, monkeypatch) == 120


def test_what_was_carried_here_is_compared_with_the_digest_beside_it(tmp_path: Path) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    path = write_zip(usb / "pypi.zip", record("A-1"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (usb / "pypi.zip.sha256").write_text(f"{digest}  pypi.zip\n")
    assert fetch(tmp_path, path).changed
    write_zip(path, record("A-2"))
    with pytest.raises(MlstackError) as refused:
        fetch(tmp_path, path)
    assert refused.value.code == "digest_mismatch" and digest in str(refused.value)
    (usb / "pypi.zip.sha256").write_text("nothing\n")
    with pytest.raises(MlstackError, match="no SHA-256 digest"):
        fetch(tmp_path, path)


def test_a_folder_of_json_and_yaml_becomes_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "advisory-database"
    (folder / "vulns/demo").mkdir(parents=True)
    (folder / "vulns/demo/A-1.yaml").write_text(json.dumps(record("A-1")))  # JSON is YAML
    (folder / "A-2.json").write_text(json.dumps(record("A-2")))
    os.mkfifo(folder / "A-3.json")
    done = fetch(tmp_path, folder)
    assert done.database.advisories == 2 and done.database.skipped == 1 and "A-3.json" in done.notes[0]
    with zipfile.ZipFile(tmp_path / "srv/pypi.zip") as archive:
        assert archive.namelist() == ["A-2.json", "A-3.json", "vulns/demo/A-1.yaml"]
    assert audited(tmp_path, monkeypatch) == 2
    assert not fetch(tmp_path, folder).changed, "the same records make the same file"


def test_check_mode_looks_and_leaves_all_as_it_is(tmp_path: Path) -> None:
    done = fetch(tmp_path, write_zip(tmp_path / "all.zip", record("A-1")), check_mode=True)
    assert done.changed and done.database.advisories == 1
    assert lying(tmp_path) == {} and [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "srv").write_text("in the way")
    with pytest.raises(MlstackError) as refused:
        fetch(tmp_path, write_zip(tmp_path / "all.zip", record("A-1")))
    assert refused.value.code == "mirror_not_written" and "/srv" in str(refused.value)
    (tmp_path / "srv").unlink()
    with pytest.raises(MlstackError, match="nowhere"):
        fetch(tmp_path, tmp_path / "nowhere.zip")
