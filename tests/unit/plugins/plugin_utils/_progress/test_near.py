# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was nearly right is told; what is somebody's own is not."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress import near
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def known():
    return near.known()


def test_the_roles_of_the_collection_are_known(known):
    assert known.options["python_envs_list"] == "list"
    assert known.options["python_envs_engine"] == "str"
    assert "site_has_root" in known.words


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("python_env_list", "python_envs_list"),
        ("system_package_list", "system_packages_list"),
        ("pyhton_envs_list", "python_envs_list"),
        ("nvidia_driver_brnach", "nvidia_driver_branch"),
    ],
)
def test_a_variable_that_nobody_reads_is_told_with_the_one_that_was_meant(known, name, meant):
    (told,) = near.of_variables(known, {"a": {name: []}})
    assert told == f"no role reads the variable {name}; did you mean {meant}?"


@pytest.mark.parametrize(
    "name", ["my_python_envs_list", "python_envs_resolved", "site_name", "plan_torch", "ansible_user"]
)
def test_what_is_known_or_somebodys_own_is_not_told(known, name):
    assert near.of_variables(known, {"a": {name: []}}) == []


def test_no_variable_of_ours_is_told(known):
    assert near.of_variables(known, {"a": dict.fromkeys([*known.words, *known.options], "x")}) == []


def test_a_list_that_is_null_is_told_with_its_hosts(known):
    given_to = {"a": {"python_envs_list": None}, "b": {"python_envs_list": []}}
    assert near.of_variables(known, given_to) == [
        "python_envs_list is null and asks for nothing; write [] where that is meant (a)"
    ]
    assert near.of_variables(known, {"a": {"python_envs_toolbox": None}}) == []


@pytest.mark.parametrize("item", ["build-tool", {"name": "build-tool"}])
def test_a_package_that_is_nearly_one_of_our_names_is_told(item):
    assert near.of_packages({"a": {"system_packages_list": [item]}, "b": {"system_packages_list": [item]}}) == [
        "the package build-tool is in system_packages_list; did you mean build-tools?"
    ]


@pytest.mark.parametrize("packages", [None, "{{ x }}", ["build-tools", "python3-zip", "gcc-headers-of-mine", 7, {}]])
def test_other_packages_are_not_told(packages):
    assert near.of_packages({"a": {"system_packages_list": packages}}) == []


def test_a_tag_that_no_task_has_is_told():
    there = {"python_envs", "always"}
    assert near.of_tags(["python_env"], there) == [
        "no task has the tag python_env, so nothing runs for it; did you mean python_envs?"
    ]
    assert near.of_tags(["x\ny"], there) == ["no task has the tag x y, so nothing runs for it; there are: python_envs"]
    assert near.of_tags(["python_envs", "all", "never"], there) == []


def test_a_collection_that_cannot_be_read_tells_nothing(tmp_path):
    (tmp_path / "roles" / "r" / "meta").mkdir(parents=True)
    (tmp_path / "roles" / "r" / "meta" / "argument_specs.yml").write_text("[}")
    assert near.known(str(tmp_path)).options == {}


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_distance_is_one(one, other):
    forth, back = near.distance(one, other), near.distance(*reversed((one, other)))
    assert forth == back
    assert (near.distance(one, other) == 0) is (one == other)
    assert abs(len(one) - len(other)) <= near.distance(one, other) <= max(len(one), len(other))


@pytest.mark.parametrize(
    ("one", "other", "letters"), [("abc", "acb", 1), ("abc", "ab", 1), ("", "ab", 2), ("a", "b", 1)]
)
def test_distance(one, other, letters):
    assert near.distance(one, other) == letters
