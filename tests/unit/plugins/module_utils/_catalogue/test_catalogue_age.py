# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How old the catalogue is, who is warned of it, and what a user's own rows must be."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import day, own_rows
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import TABLES, load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.gpus import known
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import Gpu
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import arguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.resource import Driver
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.info import GpuInfo
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.plugins.module_utils._stack.resource import StackPlan

SHIPPED = datetime.date.fromisoformat(day.DAY)
LATER = SHIPPED + datetime.timedelta(days=181)
STACK = ("driver", "cuda", "torch", "tensorflow", "jax", "python", "facts", "catalogue")
PARAMETERS = {
    GpuInfo: {"ask_driver": False, "detail": False, "catalogue": None},
    StackPlan: {
        **dict.fromkeys(STACK),
        "flavour": "auto",
        "wheel": "auto",
        "compat": False,
        "fail_when_impossible": False,
        "ask_driver": False,
    },
    Driver: {name: option.get("default") for name, option in arguments.SPEC.items()},
}


def test_it_is_as_old_as_its_day():
    assert day.age(None, LATER) == {"date": day.DAY, "age_days": 181, "own_rows": 0}
    assert day.age({}, SHIPPED - datetime.timedelta(days=3))["age_days"] == 0


def test_rows_of_ones_own_bring_it_to_their_day_and_never_back():
    own = {"date": LATER.isoformat(), "cuda": [{"version": "13.9.0"}], "branches": [{"branch": "640"}]}
    assert day.age(own, LATER) == {"date": LATER.isoformat(), "age_days": 0, "own_rows": 2}
    assert day.age({"date": "2020-01-01"}, LATER)["date"] == day.DAY


@pytest.mark.parametrize("text", ["yesterday", "2027-13-01", "20270131", "2027-1-31"])
def test_what_is_no_day_is_refused(text):
    with pytest.raises(InvalidArguments, match=f"of the day {text}"):
        load({"date": text})


@pytest.mark.parametrize(("most", "warned"), [(180, True), (181, False), (0, False)])
def test_a_warning_comes_past_an_age(most, warned):
    said: list[str] = []
    params = {"catalogue": None, "catalogue_max_age": most}
    assert day.looked_at(params, said.append, LATER)["age_days"] == 181
    assert [day.DAY in text and "181 days old" in text for text in said] == [True] * warned


@pytest.mark.parametrize("kind", list(PARAMETERS))
def test_each_module_that_uses_it_warns(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(day, "DAY", "2020-01-01")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=24.04\n")
    said: list[str] = []
    redactor = Redactor([])
    context = Context(Host(str(tmp_path), {"PATH": ""}), Commands(redactor), redactor, preview=False, warn=said.append)
    for most in (180, 0):
        kind().all_desired({**PARAMETERS[kind], "catalogue_max_age": most}, context)
    assert len(said) == 1
    assert "is of 2020-01-01" in said[0]


class TestRowsOfOnesOwn:
    def test_each_table_has_forms_for_all_its_columns(self):
        columns = {name: [*forms, "status", "source"] for name, forms in own_rows.FORMS.items()}
        assert columns == {name: list(load().tables[name][0]) for name in TABLES}

    @pytest.mark.parametrize(
        ("own", "said"),
        [
            (
                {"cuda": [{"version": "13.9.0", "driver": "new"}]},
                "driver is 'new' and must be a driver such as 580.65.06",
            ),
            (
                {"cuda": [{"version": "13.9", "driver": "640"}]},
                "version is '13.9' and must be a release such as 12.4.1",
            ),
            ({"cuda": [{"version": "13.9.0"}]}, "driver is missing: it must be a driver"),
            ({"gpus": [{"id": "20b2"}, {"id": "20b20"}]}, "row 2 of the table gpus"),
            (
                {"gpus": [{"id": "ffff", "product": "X", "capability": "9", "modules": "open"}]},
                "a capability such as 8.0",
            ),
            ({"gpus": [{"id": "20b2", "modules": "closed"}]}, "both, open or proprietary"),
            ({"gpus": [{"id": "20b2", "drivers": "580.1, 590.1"}]}, "with spaces between them"),
            ({"gpus": [{"id": "20b2", "product": "a | b"}]}, "product is 'a | b'"),
            ({"branches": [{"branch": "620", "end": "soon"}]}, "a month such as 2028-06"),
            (
                {"families": [{"id_from": "40ff", "id_to": "4000", "architecture": "X", "capability": "11.0"}]},
                "no id lies",
            ),
            (
                {"wheels": [{"framework": "paddle", "architecture": "x86_64", "release_from": "2.0"}]},
                "torch, tensorflow or jax",
            ),
        ],
    )
    def test_a_cell_that_does_not_have_its_form_is_told(self, own, said):
        with pytest.raises(InvalidArguments, match="of the table") as caught:
            load(own)
        assert said in str(caught.value)
        assert caught.value.code == "catalogue_row"

    def test_a_family_of_ones_own_counts_amid_ours(self):
        own = {"families": [{"id_from": "2a00", "id_to": "2a7f", "architecture": "New", "capability": "12.0"}]}
        assert known(Gpu("2a01"), load(own)).capability == "12.0"
        inside = {"families": [{"id_from": "1d90", "id_to": "1d9f", "architecture": "New", "capability": "7.2"}]}
        assert (known(Gpu("1d99"), load()).capability, known(Gpu("1d99"), load(inside)).capability) == ("7.0", "7.2")

    def test_the_second_row_of_a_key_adds_to_the_first(self):
        rows = [{"version": "13.9.0", "driver": "640.1"}, {"version": "13.9.0", "minor_driver": "580.65.06"}]
        (row,) = [row for row in load({"cuda": rows}).tables["cuda"] if row["version"] == "13.9.0"]
        assert (row["driver"], row["minor_driver"]) == ("640.1", "580.65.06")
