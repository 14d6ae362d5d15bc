# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts differ from the majority, in what, since when."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.filter.fleet_differences import FilterModule
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._fleet.comparison import compare
from hypothesis import given
from hypothesis import strategies as st

EARLY, LATE = "2026-11-01T10:00:00Z", "2026-11-20T10:00:00Z"


def info(versions, *, at=EARLY, path="/envs/ml", python="3.11.2", built=EARLY, **more):
    """A result of python_env_info with one environment; a version may bring its own time along."""
    packages = []
    for name, version in versions.items():
        number, when = version if isinstance(version, tuple) else (version, at)
        packages.append({"name": name, "version": number, "installed_at": when})
    record = {"record": {"created": built}} if built else {}
    place = {"name": path.rpartition("/")[2], "path": path, "python": {"version": python}}
    return {"environments": [{**place, "packages": packages, **record, **more}]}


def difference_of(result, host):
    [environment] = result["environments"]
    [found] = [one for one in environment["differing"] if one["host"] == host]
    return found


def test_hosts_with_the_same_agree():
    result = compare({host: info({"numpy": "1.24.3"}) for host in ("a", "b", "c")})
    assert (result["agree"], result["lines"]) == (True, [])
    assert result["environments"][0]["majority"] == {"numpy": "1.24.3", "python": "3.11.2"}


def test_another_version_is_told_with_its_time():
    same = info({"numpy": "1.24.3"})
    result = compare({"a": same, "b": same, "c": info({"numpy": ("1.26.4", LATE)})})
    found = difference_of(result, "c")
    assert found["since"] == LATE
    assert found["differences"] == [
        {"name": "numpy", "majority": "1.24.3", "here": "1.26.4", "since": LATE, "hosts": 2, "tied": False}
    ]
    assert result["lines"] == [f"c: ml: numpy is 1.26.4, 2 of 3 hosts have 1.24.3; since {LATE}"]


def test_what_is_missing_and_what_is_more():
    same = info({"numpy": "1.24.3"})
    result = compare({"a": same, "b": same, "c": info({"six": ("1.16.0", LATE)}, built=LATE)})
    assert result["lines"] == [
        f"c: ml: numpy is missing, 2 of 3 hosts have 1.24.3; at the earliest since {LATE}",
        f"c: ml: six 1.16.0 is there, 2 of 3 hosts have none; since {LATE}",
    ]


def test_every_host_with_an_oddity_of_its_own_is_one_fleet_all_the_same():
    result = compare({f"h{n}": info({"numpy": "1.24.3", f"extra{n}": "1"}) for n in range(5)})
    assert [len(one["differences"]) for one in result["environments"][0]["differing"]] == [1] * 5


def test_of_two_halves_the_one_that_came_first_stands():
    result = compare({"a": info({"numpy": ("2.0", LATE)}), "b": info({"numpy": ("1.0", EARLY)})})
    assert difference_of(result, "a")["differences"][0] == {
        "name": "numpy",
        "majority": "1.0",
        "here": "2.0",
        "since": LATE,
        "hosts": 1,
        "tied": True,
    }
    assert [one["host"] for one in result["environments"][0]["differing"]] == ["a"]


def test_another_python_is_a_difference():
    same = info({})
    result = compare({"a": same, "b": same, "c": info({}, python="3.12.3")})
    assert difference_of(result, "c")["differences"][0]["name"] == "python"


def test_an_environment_goes_by_its_name_and_two_of_one_name_by_their_paths():
    assert compare({"a": info({}), "b": info({}, path="/home/u/envs/ml")})["agree"]
    twice = {"environments": [*info({})["environments"], *info({"six": "1"}, path="/home/u/ml")["environments"]]}
    result = compare({"a": twice, "b": twice})
    assert [one["name"] for one in result["environments"]] == ["/envs/ml", "/home/u/ml"]


def test_names_are_compared_as_names_are():
    assert compare({"a": info({"Typing_Extensions": "4"}), "b": info({"typing-extensions": "4"})})["agree"]


def test_results_of_both_modules_are_one_host():
    conda = {"environments": [{"name": "c", "path": "/conda/c", "packages": [{"name": "numpy", "version": "1"}]}]}
    seen = {"environments": [{"name": "ml", "path": "/envs/ml", "standing": "link"}]}  # a venv, to conda_env_info
    assert compare({"a": [info({}), conda], "b": [info({}), conda]})["agree"]
    result = compare({"a": [info({}), seen], "b": [info({"six": "1"}), conda]})
    assert [one["name"] for one in result["environments"]] == ["c", "ml"]
    assert "a: there is no c, which 1 host has" in result["lines"]
    assert [one["host"] for one in compare({"a": [info({}), None], "b": [info({}), seen]})["unheard"]] == ["a"]


def test_builds_of_conda_packages_count():
    def conda(build):
        package = {"name": "numpy", "version": "1.26.4", "build": build, "channel": "conda-forge"}
        return {"environments": [{"name": "ml", "path": "/conda/ml", "packages": [package]}]}

    result = compare({"a": conda("py311h1_0"), "b": conda("py311h1_0"), "c": conda("py311h9_1")})
    assert result["lines"] == ["c: ml: numpy is 1.26.4 py311h9_1, 2 of 3 hosts have 1.26.4 py311h1_0"]


def test_an_environment_that_a_host_lacks_is_told():
    both = {"environments": [*info({})["environments"], *info({}, path="/envs/dev")["environments"]]}
    result = compare({"a": both, "b": both, "c": info({})})
    assert (result["agree"], result["lines"]) == (False, ["c: there is no dev, which 2 hosts have"])


@pytest.mark.parametrize("silent", [None, {}, {"unreachable": True, "msg": "no route"}, "text", {"environments": None}])
def test_a_host_that_was_not_heard_is_never_equal(silent):
    result = compare({"a": info({}), "b": silent})
    assert result["agree"] is False
    assert [one["host"] for one in result["unheard"]] == ["b"]
    assert result["lines"][-1].startswith("b: nothing is known: ")


def test_what_differs_from_a_lock_is_told_beside_what_differs_from_others():
    beside = [
        {"name": "idna", "locked": "3.7", "installed": "3.6", "since": LATE},
        {"name": "six", "locked": "1.16.0", "installed": None, "since": None},
        {"name": "toml", "locked": None, "installed": "0.10", "since": None},
    ]
    result = compare({"a": info({"idna": "3.6"}, lock_differences=beside), "b": info({"idna": "3.6"})})
    assert (result["agree"], result["odd_hosts"], result["environments"][0]["differing"]) == (False, ["a"], [])
    assert result["lines"] == [
        f"a: ml: idna is 3.6, the lock has 3.7; since {LATE}",
        "a: ml: six is missing, the lock has 1.16.0",
        "a: ml: toml 0.10 is there, the lock has none",
    ]


def test_during_a_rollout_the_hosts_that_equal_the_lock_are_not_odd():
    beside = [{"name": "idna", "locked": "3.7", "installed": "3.6", "since": EARLY}]
    before = info({"idna": "3.6", "old": "1"}, lock_differences=beside)
    fleet = {"a": before, "b": before, "new": info({"idna": "3.7"}, at=LATE, lock_differences=[])}
    result = compare(fleet)
    assert result["odd_hosts"] == ["a", "b"]
    assert result["lines"] == [
        f"{host}: ml: idna is 3.6, the lock has 3.7; since 2026-11-01T10:00:00Z" for host in ("a", "b")
    ]
    other = info({"idna": "3.7"}, at=LATE, python="3.12.1", lock_differences=[])
    told = difference_of(compare({**fleet, "new": other}), "new")["differences"]
    assert [one["name"] for one in told] == ["python"]


def test_an_environment_that_could_not_be_read_is_unheard():
    broken = {"environments": [{"path": "/envs/ml", "failed": True, "msg": "Wanted: a look. Found: no python."}]}
    assert compare({"a": info({}), "b": broken})["unheard"] == [
        {"host": "b", "why": "/envs/ml: Wanted: a look. Found: no python."}
    ]


versions = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["1", "2", "3"]), max_size=4)


@given(st.dictionaries(st.sampled_from(["h1", "h2", "h3", "h4", "h5"]), versions, min_size=1))
def test_majority_and_differences_give_back_what_every_host_has(fleet):
    [environment] = compare({host: info(has) for host, has in fleet.items()})["environments"]
    odd = {one["host"]: one["differences"] for one in environment["differing"]}
    for host, has in fleet.items():
        rebuilt = {name: version for name, version in environment["majority"].items() if name != "python"}
        for item in odd.get(host, []):
            rebuilt.pop(item["name"], None)
            if item["here"] is not None:
                rebuilt[item["name"]] = item["here"]
        assert rebuilt == has
    for name, version in environment["majority"].items():
        if name != "python":
            having = sum(has.get(name) == version for has in fleet.values())
            assert having >= sum(name not in has for has in fleet.values())


def test_the_filter_says_what_it_needs():
    filtered = FilterModule().filters()["fleet_differences"]
    assert filtered({"a": info({})})["agree"]
    with pytest.raises(AnsibleFilterError, match="a mapping of hosts to results"):
        filtered(["a"])
