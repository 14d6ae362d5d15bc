# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conda environments beside their locks."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.filter.fleet_differences import fleet_differences

CHANNEL = "https://conda.example.com/conda-forge/linux-64"
MD5 = "a502d7aad449a1206efb366d6a12c52d"
LOCK = f"""\
@EXPLICIT
{CHANNEL}/numpy-1.26.4-py311h64a7726_0.conda#{MD5}
{CHANNEL}/python-3.11.7-hab00c5b_1_cpython.conda#{MD5}
"""
BUILT = "2026-11-22T20:15:30Z"


def package(name, version, build):
    return {"name": name, "version": version, "build": build}


NUMPY = package("numpy", "1.26.4", "py311h64a7726_0")
PYTHON = package("python", "3.11.7", "hab00c5b_1_cpython")


def info(*packages, pip=(), name="ml"):
    item = {"name": name, "path": f"/conda/{name}", "packages": list(packages), "pip": list(pip)}
    return {"environments": [{**item, "record": {"created": BUILT}}], "platform": "linux-64"}


def lines(*results, lock=LOCK):
    hosts = {f"h{number}": result for number, result in enumerate(results)}
    return fleet_differences(hosts, {"ml": lock})["lines"]


def test_what_is_as_locked_agrees():
    assert lines(info(NUMPY, PYTHON), info(NUMPY, PYTHON)) == []


def test_a_build_a_version_and_what_no_lock_has():
    other = package("numpy", "1.26.4", "py311h0000000_9")
    told = lines(info(other, package("six", "1.16.0", "0")))
    assert told == [
        f"h0: ml: numpy is 1.26.4 py311h0000000_9, the lock has 1.26.4 py311h64a7726_0; since {BUILT}",
        "h0: ml: python is missing, the lock has 3.11.7 hab00c5b_1_cpython",
        f"h0: ml: six 1.16.0 0 is there, the lock has none; since {BUILT}",
    ]


def test_what_pip_put_there_counts_but_what_every_environment_has():
    pip = [{"name": "Einops", "version": "0.7.0"}, {"name": "pip", "version": "24.0"}]
    assert lines(info(NUMPY, PYTHON, pip=pip)) == [
        f"h0: ml: einops (pip) 0.7.0 is there, the lock has none; since {BUILT}"
    ]


def test_an_environment_that_is_not_there_lacks_all_of_the_lock():
    told = lines(info(NUMPY, name="other"))
    assert [line for line in told if "is missing, the lock has" in line] == [
        "h0: ml: numpy is missing, the lock has 1.26.4 py311h64a7726_0",
        "h0: ml: python is missing, the lock has 3.11.7 hab00c5b_1_cpython",
    ]


def test_results_of_both_modules_and_of_silent_hosts_go_through():
    python = {"environments": [{"name": "venv", "path": "/envs/venv", "packages": []}]}
    found = fleet_differences({"a": (python, info(NUMPY)), "b": ["", ""]}, {"ml": LOCK})
    assert [one["host"] for one in found["unheard"]] == ["b"]
    assert [one["name"] for one in found["unlike_lock"]] == ["python"]


@pytest.mark.parametrize("text", ["name: ml\ndependencies: [numpy]\n", "@EXPLICIT\nnot a url\n", "]["])
def test_what_is_no_lock_is_refused(text):
    with pytest.raises(AnsibleFilterError, match=r"fleet_differences: .*lock of ml"):
        lines(info(NUMPY), lock=text)
