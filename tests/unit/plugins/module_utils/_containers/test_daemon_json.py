# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemon.json: what is ours goes in and out, and nothing else changes, whatever stands in the file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import daemon_json
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.daemon_json import NotMergeable
from hypothesis import given
from hypothesis import strategies as st

ENTRY = {"path": "nvidia-container-runtime", "args": []}
USERS = """{
  "log-driver": "journald",
  "features": {"containerd-snapshotter": true},
  "runtimes": {
    "crun": {"path": "/usr/bin/crun"}
  },
  "default-runtime": "crun",
  "insecure-registries": ["réseau.example:5000", "a&b<c>"]
}
"""


def refused(text: str | None, **options: Any) -> NotMergeable:
    with pytest.raises(NotMergeable) as caught:
        daemon_json.merged(text, **options)
    return caught.value


@pytest.mark.parametrize("text", [None, "", "  \n", "{}", "\ufeff", "\ufeff{}\n"])
def test_a_file_that_holds_nothing_gets_the_runtime(text: str | None) -> None:
    merged = daemon_json.merged(text)
    assert merged is not None
    assert json.loads(merged.removeprefix("\ufeff")) == {"runtimes": {"nvidia": ENTRY}}
    assert merged.startswith("\ufeff") == (text or "").startswith("\ufeff")
    assert daemon_json.merged(merged) == merged


def test_all_of_the_users_stays_in_its_order_and_manner() -> None:
    merged = daemon_json.merged(USERS, cdi=True)
    assert merged is not None
    before, after = json.loads(USERS), json.loads(merged)
    assert after.pop("runtimes") == {"crun": {"path": "/usr/bin/crun"}, "nvidia": ENTRY}
    assert after.pop("features") == {"containerd-snapshotter": True, "cdi": True}
    del before["runtimes"], before["features"]
    assert after == before
    assert list(json.loads(merged)) == list(json.loads(USERS))
    assert '\n  "log-driver"' in merged and "réseau" in merged and "a&b<c>" in merged and merged.endswith("}\n")


@pytest.mark.parametrize("text", ['{\n\t"a": 1\n}', '{"a": 1}', '{\r\n   "a": 1\r\n}\r\n', '{"a": "\\ud800"}'])
def test_indentation_line_ends_and_marks_stay(text: str) -> None:
    merged = daemon_json.merged(text)
    assert merged is not None and json.loads(merged)["a"] == json.loads(text)["a"]
    assert ("\n\t" in merged, "\r\n   " in merged, "\n" in merged, merged.endswith("\n")) == (
        "\n\t" in text,
        "\r\n   " in text,
        "\n" in text,
        text.endswith("\n"),
    )
    assert merged.count("\n") == merged.count("\r\n") or "\r" not in text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{\n  // mine\n  "a": 1\n}', "comments"),
        ('# mine\n{"a": 1}', "comments"),
        ('{"a": 1,}', "Expecting"),
        ('{"a": 1, "a": 2}', '"a" comes twice'),
        ('{"runtimes": {"crun": {}, "crun": {}}}', '"crun" comes twice'),
        ("[]", "list"),
        ("null", "NoneType"),
        ('{"a": NaN}', "NaN"),
        ('{"a": 1e999}', "too large"),
        ('{"runtimes": []}', "runtimes"),
        ('{"features": "cdi"}', "features"),
        ("[" * 100_000, "deep"),
        ('{"a": 1} x', "Extra data"),
    ],
)
def test_what_docker_would_not_read_or_we_would_lose_is_refused(text: str, word: str) -> None:
    error = refused(text)
    assert error.code == "daemon_json_invalid" and word in error.found


@pytest.mark.parametrize(
    "entry", [{"path": "/usr/local/nvidia/toolkit/nvidia-container-runtime"}, {"runtimeType": "x"}, "x", None, {}]
)
def test_a_runtime_of_others_under_that_name_is_refused(entry: Any) -> None:
    if entry is None:  # as good as none for Docker, but somebody wrote it
        assert daemon_json.merged('{"runtimes": {"nvidia": null}}') != '{"runtimes": {"nvidia": null}}'
        return
    assert refused(json.dumps({"runtimes": {"nvidia": entry}})).code == "runtime_of_others"


def test_the_packages_runtime_with_arguments_of_the_users_stays() -> None:
    text = '{"runtimes": {"nvidia": {"path": "/usr/bin/nvidia-container-runtime", "runtimeArgs": ["--x"]}}}'
    assert daemon_json.merged(text) == text


def test_a_default_runtime_is_set_taken_back_and_left() -> None:
    assert refused(USERS, default=True).code == "default_runtime_taken"
    with_default = daemon_json.merged("{}", default=True)
    assert with_default is not None and json.loads(with_default)["default-runtime"] == "nvidia"
    assert daemon_json.merged(with_default) == with_default
    without = daemon_json.merged(with_default, default=False)
    assert without is not None and "default-runtime" not in json.loads(without)
    assert json.loads(daemon_json.merged(USERS, default=False) or "")["default-runtime"] == "crun"


def test_cdi_that_somebody_switched_off_stays_off() -> None:
    text = '{"runtimes": {"nvidia": {"path": "nvidia-container-runtime", "args": []}}, "features": {"cdi": false}}'
    assert daemon_json.merged(text, cdi=True) == text


@pytest.mark.parametrize("before", [None, "", USERS, '{"features": {}, "runtimes": {}}', '{"a":1}'])
def test_taking_back_gives_the_very_text_that_was_there(before: str | None) -> None:
    default = "default-runtime" not in (before or "")
    merged = daemon_json.merged(before, default=default or None, cdi=True)
    assert merged != before
    assert daemon_json.without_ours(merged, before, known=True) == before


def test_taking_back_leaves_what_came_meanwhile() -> None:
    merged = json.loads(daemon_json.merged(None, default=True, cdi=True) or "")
    merged["debug"], merged["runtimes"]["mine"] = True, {"path": "/mine"}
    left = daemon_json.without_ours(json.dumps(merged), None, known=True)
    assert json.loads(left or "") == {"debug": True, "runtimes": {"mine": {"path": "/mine"}}}


def test_what_was_there_before_us_is_the_users() -> None:
    before = '{"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}, "default-runtime": "nvidia"}'
    merged = daemon_json.merged(before, cdi=True)
    assert merged is not None and '"cdi": true' in merged
    assert daemon_json.without_ours(merged, before, known=True) == before


def test_a_users_default_keeps_the_runtime_from_going() -> None:
    before = '{"default-runtime": "nvidia"}'
    with pytest.raises(NotMergeable) as caught:
        daemon_json.without_ours(daemon_json.merged(before), before, known=True)
    assert caught.value.code == "default_runtime_taken"


def test_what_a_cut_off_run_told_the_daemon_does_not_stay() -> None:
    words = daemon_json.spelt_out(None, runtimes=True, default=True)
    assert words is not None and json.loads(words) == {"runtimes": {}, "default-runtime": "runc"}
    assert daemon_json.without_ours(words, None, known=True) is None
    assert daemon_json.spelt_out(words, runtimes=True, default=True) is None


def test_without_a_note_only_what_cannot_work_any_more_goes() -> None:
    ours = '"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}, "default-runtime": "nvidia"'
    text = f'{{{ours}, "features": {{"cdi": true}}}}'
    left = daemon_json.without_ours(text, None, known=False)
    assert json.loads(left or "") == {"features": {"cdi": True}}
    assert daemon_json.without_ours(USERS, None, known=False) == USERS
    assert daemon_json.without_ours(None, None, known=False) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FILES = st.dictionaries(st.text(max_size=8).filter(lambda key: key not in ("runtimes", "features")), VALUES, max_size=4)


@given(FILES, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_whatever_is_in_the_file_comes_through(data: dict[str, Any], indent: Any, cdi: bool) -> None:
    text = json.dumps(data, indent=indent)
    merged = daemon_json.merged(text, cdi=cdi)
    assert merged is not None
    after = json.loads(merged)
    assert after.pop("runtimes") == {"nvidia": ENTRY}
    assert after.pop("features", None) == ({"cdi": True} if cdi else None)
    assert after == data
    assert daemon_json.merged(merged, cdi=cdi) == merged
    assert daemon_json.without_ours(merged, text, known=True) == text
