# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""find_pip where there is none, and versions; tests/integration/test_pip_source.py has real interpreters and pips."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import pip_source
from hypothesis import given
from hypothesis import strategies as st


def test_says_each_way_that_failed_and_what_to_do(tmp_path, monkeypatch):
    """A scripted machine: this one has every kind of pip."""
    monkeypatch.setattr(pip_source, "WHEEL_FOLDERS", (str(tmp_path / "no-wheels"),))

    def scripted(argv, env, timeout):
        if argv[1:2] == ["-c"]:
            return 0, json.dumps({"pip": None, "folders": []}), ""
        return 100, "", "E: Could not resolve the host"

    with pytest.raises(pip_source.PipNotFound) as caught:
        pip_source.find_pip("/opt/python", str(tmp_path / "state"), run=scripted)
    text = str(caught.value)
    assert text.startswith(
        "Wanted: a pip for /opt/python. Found: /opt/python has no pip of its own; no wheel of pip in "
    )
    assert f"To fix: {caught.value.to_fix}." in text
    assert str(tmp_path / "state" / "wheels") in text
    assert not (tmp_path / "state" / "apt").exists()


def test_an_interpreter_that_does_not_run_is_named(tmp_path):
    with pytest.raises(pip_source.PipNotFound, match="/nonexistent/python does not run"):
        pip_source.find_pip("/nonexistent/python", str(tmp_path))


def parse(text):
    return pip_source.parse_version(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("23.0.1", (23, 0, 1)), ("23.0.1+dfsg", (23, 0, 1)), ("24.1b2", (24, 1)), ("", ()), ("dev", ())],
)
def test_parse_version(text, numbers):
    assert parse(text) == numbers


@given(st.lists(st.integers(min_value=0, max_value=99), min_size=1, max_size=4))
def test_parse_version_reads_back_what_was_written(numbers):
    assert parse(".".join(map(str, numbers))) == tuple(numbers)
