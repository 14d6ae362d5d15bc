# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import state_file


@pytest.fixture
def prefix(tmp_path):
    (tmp_path / "conda-meta").mkdir()
    return tmp_path


def test_the_file_is_the_one_that_conda_reads(prefix):
    state_file.write(str(prefix), {"OMP_NUM_THREADS": "4"})
    written = json.loads((prefix / "conda-meta" / "state").read_text())
    assert written == {"version": 1, "env_vars": {"OMP_NUM_THREADS": "4"}}
    assert state_file.read(str(prefix)) == {"OMP_NUM_THREADS": "4"}


def test_no_variables_are_no_file(prefix):
    state_file.write(str(prefix), {})
    assert list((prefix / "conda-meta").iterdir()) == []
    assert state_file.read(str(prefix)) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"env_vars": []}', '{"version": 1}', "\x00", "null"])
def test_a_file_that_says_nothing(prefix, text):
    (prefix / "conda-meta" / "state").write_text(text)
    assert state_file.read(str(prefix)) == {}


def test_what_was_done_by_hand_is_told_without_values():
    lines = state_file.drift({"A": "1", "B": "secret", "C": "1"}, {"B": "other", "C": "1", "D": "1"})
    assert lines == [
        "the variable A was removed by hand",
        "the variable B was changed by hand",
        "the variable D was added by hand",
    ]
