# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of one's own from files: joined, as text, and refused with the file's name."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.gpufleet.mlstack.plugins.lookup.catalogue import LookupModule
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._stack.asking import minimum_driver


def look(folder, *names):
    loader = DataLoader()
    loader.set_basedir(str(folder))
    (found,) = LookupModule(loader=loader).run(list(names), {})
    return found


def test_a_file_becomes_rows_for_modules_and_filters(tmp_path):
    text = "date: 2027-01-31\ncuda:\n  - {version: 13.10.0, driver: 640.10, minor_driver: 580.65.06}\n"
    (tmp_path / "fleet.yml").write_text(text)
    found = look(tmp_path, "fleet.yml")
    assert found["date"] == "2027-01-31"
    # 640.10 would be 640.1 as a number.
    assert minimum_driver("13.10", rows=found) == "640.10"


def test_files_are_joined_the_later_one_counting(tmp_path):
    (tmp_path / "one.json").write_text(
        json.dumps({"date": "2027-02-01", "branches": [{"branch": "620", "end": "2030-01"}]})
    )
    (tmp_path / "two.yml").write_text("date: 2027-01-01\nbranches: [{branch: '620', end: 2031-01}]\n")
    found = look(tmp_path, "one.json", "two.yml")
    assert found["date"] == "2027-02-01"
    assert [row["end"] for row in found["branches"]] == ["2030-01", "2031-01"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cuda: [{version: '13.9.0', driver: new}]", "row 1 of the table cuda"),
        ("nonsense: []", "the table nonsense"),
        ("date: tomorrow", "of the day tomorrow"),
        ("[1, 2]", "has no tables in it"),
        ("", "has no tables in it"),
        ("a: [", "while parsing"),
        ("!!python/object/apply:os.getcwd []", "has no tables in it"),
    ],
)
def test_what_is_no_catalogue_is_told_with_its_file(tmp_path, text, said):
    (tmp_path / "fleet.yml").write_text(text)
    with pytest.raises(AnsibleLookupError, match=r"fleet\.yml") as caught:
        look(tmp_path, "fleet.yml")
    assert said in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(AnsibleLookupError, match=r"no file absent\.yml"):
        look(tmp_path, "absent.yml")
