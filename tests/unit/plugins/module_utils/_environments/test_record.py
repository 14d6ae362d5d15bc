# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import record as records
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from hypothesis import given
from hypothesis import strategies as st

NAME = "20261122T201530-3f9c2a"
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(timezone.utc))
DIGESTS = st.text("0123456789abcdef", min_size=6, max_size=64)


def whole(**changes: object) -> str:
    return json.dumps({"schema": records.SCHEMA, "id": NAME, "digest": "3f9c2a00", "previous": "", **changes})


def test_what_is_rendered_is_read_back() -> None:
    text = records.render({"engine": "uv", "id": "forged"}, id=NAME, digest="3f9c2a00")
    assert records.parse(text, NAME) == {"engine": "uv", "id": NAME, "digest": "3f9c2a00", "schema": records.SCHEMA}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        whole(schema=None),
        whole(schema="1"),
        whole(schema=True),
        whole(schema=0),
        whole(id="20200101T000000-abcdef"),
        whole(digest=None),
        whole().replace("}", ""),
        "\0" * 4096,
    ],
)
def test_a_damaged_record_is_named_as_such(text: str) -> None:
    with pytest.raises(records.DamagedRecord):
        records.parse(text, NAME)


@given(cut=st.integers(0, len(whole()) - 1))
def test_no_half_of_a_record_passes_for_whole(cut: int) -> None:
    with pytest.raises(records.DamagedRecord):
        records.parse(whole()[:cut], NAME)


def test_a_record_of_a_newer_release_is_an_error_that_says_so() -> None:
    with pytest.raises(MlstackError) as caught:
        records.parse(whole(schema=records.SCHEMA + 1), NAME)
    assert caught.value.code == "record_newer"
    assert "release" in str(caught.value)


def test_a_directory_without_a_record_was_never_finished(tmp_path: Path) -> None:
    assert records.load(str(tmp_path)) is None


def test_a_record_that_is_a_directory_is_damaged(tmp_path: Path) -> None:
    (tmp_path / records.FILE).mkdir()
    with pytest.raises(records.DamagedRecord):
        records.load(str(tmp_path))


@given(now=MOMENTS, digest=DIGESTS)
def test_an_id_tells_when_and_what(now: datetime, digest: str) -> None:
    new = records.next_id(now, digest, [])
    assert records.is_id(new)
    assert new == f"{now:%Y%m%dT%H%M%S}-{digest[:6]}"


@given(builds=st.lists(st.tuples(MOMENTS, DIGESTS), min_size=2, max_size=8))
def test_ids_sort_by_age_even_when_the_clock_is_set_back(builds: list[tuple[datetime, str]]) -> None:
    made: list[str] = []
    for now, digest in builds:
        made.append(records.next_id(now, digest, [*made, "adopted-20991231T000000", ".trash-x"]))
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_two_builds_in_one_second_differ() -> None:
    now = datetime(2026, 11, 22, 20, 15, 30, tzinfo=timezone.utc)
    first = records.next_id(now, "3f9c2a", [])
    second = records.next_id(now + timedelta(milliseconds=5), "3f9c2a", [first])
    assert second == "20261122T201531-3f9c2a"
