# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question set, questions.tsv: hosts by GPU, owner, system, kernel and driver, a question, and the right answer.

Answers come from the source beside them, not from the code. `0.1` marks what the release before answered wrongly. Where
`today` names something, the code does not answer rightly yet, for that reason: when it does, the test says so, and the
cell is emptied. Columns are separated by tabs.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._catalogue import question_hosts

with (Path(__file__).parent / "questions.tsv").open(encoding="utf-8", newline="") as stream:
    ROWS = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
COLUMNS = ("gpu", "owner", "system", "kernel", "driver", "ask")


def test_the_set_is_long_enough_and_each_answer_has_its_source():
    assert len(ROWS) >= 150
    assert len({tuple(row[column] for column in COLUMNS) for row in ROWS}) == len(ROWS)
    assert all(row["source"] and row["answer"] for row in ROWS)
    assert sum(row["0.1"] == "wrong" for row in ROWS) >= 24
    assert {row["owner"].partition(" ")[0] for row in ROWS} == {"host", "vfio", "vgpu", "driver", "lxc"}


def marked(row):
    reason = row["today"]
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(row, marks=marks, id=" | ".join(row[column] for column in COLUMNS))


@pytest.mark.parametrize("row", [marked(row) for row in ROWS])
def test_the_right_answer_is_given(row, tmp_path):
    assert question_hosts.answer(question_hosts.build(tmp_path, row), row) == row["answer"]
