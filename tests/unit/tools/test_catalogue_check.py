# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables: they agree with each other, a planted mistake is found, and users can add rows."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue, load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import (
    DesiredStack,
    Gpu,
    HostFacts,
    Stack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.repositories import folder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, number, rows
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

import catalogue_check

NOBLE = HostFacts(gpus=(Gpu("20b2"),), distribution="ubuntu", version="24.04", today="2026-11-23")


def with_row(table: str, number_of_row: int, **changed: str) -> Catalogue:
    """The catalogue with one row changed."""
    tables = dict(load().tables)
    row = Row({**tables[table][number_of_row], **changed})
    tables[table] = (*tables[table][:number_of_row], row, *tables[table][number_of_row + 1 :])
    return Catalogue(tables)


def test_the_tables_agree():
    assert catalogue_check.problems(load(), catalogue_check.shipped_others()) == []


@pytest.mark.parametrize(
    ("table", "place", "changed", "said"),
    [
        ("cuda", 10, {"driver": "600.10"}, "there is no branch for driver 600.10"),
        ("cuda", 11, {"driver": "580.10"}, "and its installer carries"),
        ("cuda", 10, {"minor_driver": "old"}, "minor_driver is 'old' and must be"),
        ("cuda", 10, {"status": "sure"}, "the status sure is none"),
        ("cuda", 10, {"source": "hearsay"}, "the source hearsay is not known"),
        ("gpus", 60, {"capability": "99.0"}, "nothing is known of capability 99.0"),
        ("gpus", 0, {"modules": "open"}, "open modules, and capability"),
        ("gpus", 60, {"id": "2330"}, "is there twice"),
        ("branches", 20, {"flavours": "open"}, "open instead of both"),
        ("frameworks", 3, {"cuda": "12.7"}, "there is no row for CUDA 12.7"),
        ("frameworks", 3, {"tag": "cu999"}, "the tag cu999 is not for CUDA"),
        ("wheels", 5, {"capabilities": "12.0"}, "has code for 12.0"),
        ("host_gcc", 7, {"gcc": "4"}, "takes 4"),
        ("forward", 1, {"base_branches": "123"}, "there is no branch 123"),
        ("families", 13, {"id_to": "17ff"}, "families: 1500 to 15ff Pascal: is shadowed by 13a0 to 17ff"),
        ("families", 13, {"id_to": "1390"}, "families: 13a0 to 1390: no id lies between"),
        ("wheels", 3, {"release_from": "2.8"}, "wheels: torch cu118 x86_64 2.8: no release gets this row"),
        ("glibc", 1, {"release_from": "9.0"}, "glibc: torch 9.0: no release gets this row"),
        ("host_gcc", 0, {"cuda_up_to": "10.1"}, "host_gcc: 10.1: no release gets this row"),
        ("offers", 0, {"folder": "rhel11/x86_64"}, "offers: rhel11/x86_64: there is no repository"),
        ("kernels", 0, {"branch_up_to": "300"}, "kernels: 300: no branch gets this row"),
        ("forward", 2, {"cuda_major": "99"}, "forward: 99: no release gets this row"),
    ],
)
def test_a_mistake_in_a_table_is_found(table, place, changed, said):
    found = catalogue_check.problems(with_row(table, place, **changed), catalogue_check.shipped_others())
    assert [problem for problem in found if said in problem]


@pytest.mark.parametrize(
    ("table", "place", "changed", "said"),
    [
        ("runfiles", 0, {"sha256": "abc"}, "abc is no SHA-256"),
        ("runfiles", 0, {"sha256": ""}, " is no SHA-256"),
        ("runfiles", 0, {"driver": ""}, "no driver is in an installer's name"),
        ("runfiles", -1, {"architecture": "x86_64", "version": "13.3.0"}, "13.3.0 x86_64 is there twice"),
        ("driver runfiles", 3, {"source": "hearsay"}, "the source hearsay is not known"),
        ("repositories", 0, {"fingerprint": "AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80"}, "NVIDIA withdrew this key"),
        ("repositories", 1, {"key": "8793F200.pub"}, "has another fingerprint"),
        ("repositories", 1, {"fingerprint": "sha256:" + "A" * 64}, "is no fingerprint"),
        ("package names", 1, {"branch_from": "591"}, "there is no branch 591"),
        ("package names", 0, {"branch_from": "535"}, "no name for the branches before"),
        ("package names", 0, {"name": "cuda-drivers-{colour}"}, "is no name of a package"),
    ],
)
def test_a_mistake_in_another_table_is_found(table, place, changed, said):
    others = catalogue_check.shipped_others()
    others[table][place] = Row({**others[table][place], **changed})
    assert [problem for problem in catalogue_check.problems(load(), others) if said in problem]


def test_the_day_that_modules_tell_is_that_of_the_tables(monkeypatch):
    monkeypatch.setattr(catalogue_check.day, "DAY", "2027-01-01")
    found = catalogue_check.problems(load(), catalogue_check.shipped_others())
    assert [problem for problem in found if "and day.py says 2027-01-01" in problem]


def test_every_row_tells_its_source_and_the_day():
    for table in (*load().tables.values(), *catalogue_check.shipped_others().values()):
        assert all("read 2026-" in row.source for row in table)


def test_what_nobody_looked_up_is_not_verified():
    statuses = {row["status"]: row.verified for table in load().tables.values() for row in table}
    assert statuses == {"verified": True, "derived": True, "secondary": False, "memory": False}


def test_a_table_with_a_short_row_is_refused():
    with pytest.raises(ValueError, match="1 columns instead of 2: 1"):
        rows("a | b\n1\n")


@pytest.mark.parametrize(
    ("text", "read"),
    [("580.65.06", (580, 65, 6, 0)), ("12.4", (12, 4, 0, 0)), ("610", (610, 0, 0, 0)), ("", (0, 0, 0, 0))],
)
def test_versions_are_compared_as_numbers(text, read):
    assert number(text) == read


class TestRowsOfOnesOwn:
    def test_a_release_that_is_newer_than_the_tables(self):
        own = {"cuda": [{"version": "13.8.0", "driver": 620.2, "minor_driver": "580.65.06"}]}
        assert solve(NOBLE, DesiredStack(cuda="13.8"), load(own)).driver.branch == "620"
        notes = [note.text for note in solve(NOBLE, DesiredStack(cuda="13.8"), load()).notes]
        assert "CUDA 13.8 is newer than the tables" in notes

    def test_a_row_stands_in_for_ours_and_keeps_what_it_leaves_out(self):
        catalogue = load({"gpus": [{"id": "10DE:20B2", "product": "our A100"}]})
        row = catalogue.gpu("20b2")
        assert (row["product"], row["capability"], row["status"]) == ("our A100", "8.0", "user")
        assert len(catalogue.tables["gpus"]) == len(load().tables["gpus"])

    def test_a_gpu_of_ones_own(self):
        own = {"gpus": [{"id": "ffff", "product": "X1", "capability": "7.0", "modules": "proprietary"}]}
        answer = solve(HostFacts(gpus=(Gpu("ffff"),)), DesiredStack(), load(own))
        assert isinstance(answer, Stack)
        assert answer.driver.flavour == "proprietary"

    @pytest.mark.parametrize(
        ("own", "said"),
        [
            ({"nonsense": []}, "the table nonsense"),
            ({"cuda": {"version": "1"}}, "they are no list of mappings"),
            ({"cuda": [{"driver": "1"}]}, "version missing"),
            ({"cuda": [{"version": "1", "colour": "red"}]}, "colour unknown"),
            ({"cuda": [{"version": "1", "status": "sure"}]}, "a row with the status sure"),
        ],
    )
    def test_a_row_that_nothing_could_mean_is_refused(self, own, said):
        with pytest.raises(InvalidArguments, match=said):
            load(own)


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (("ubuntu", "24.04", "x86_64"), "ubuntu2404/x86_64"),
        (("ubuntu", "22.04", "aarch64"), "ubuntu2204/sbsa"),
        (("almalinux", "9.5", "x86_64"), "rhel9/x86_64"),
        (("rhel", "10.1", "aarch64"), "rhel10/sbsa"),
        (("debian", "12", "x86_64"), "debian12/x86_64"),
        (("arch", "", "x86_64"), ""),
    ],
)
def test_the_repository_of_a_system(system, expected):
    assert folder(*system) == expected


def test_the_tables_stay_small_enough_to_travel():
    """They go to a host with each task that asks the solver."""
    size = sum(len(json.dumps(table)) for table in load().tables.values())
    assert size < 150_000
