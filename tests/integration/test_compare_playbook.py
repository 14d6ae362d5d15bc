# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/compare.yml over real environments: which hosts differ from most, and from a lock."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.local_fleet import LocalFleet

COMPARE = "gpufleet.mlstack.compare"


@pytest.fixture
def fleet(tmp_path, site):
    made = LocalFleet(tmp_path / "fleet", site, ("one", "two", "three"))
    for host in ("one", "two", "three"):
        made.build(host, "alpha==1.0", "beta==1.0")
    return made


def compared(fleet):
    return json.loads((fleet.folder / "compared.json").read_text())


def test_a_fleet_that_agrees_passes_and_nothing_is_changed(fleet):
    before = sorted(str(path) for path in fleet.folder.rglob("*.dist-info"))
    fleet.write("ml.lock", "alpha==1.0\nbeta==1.0\n")
    done = fleet.play(COMPARE, compare_locks={"ml": str(fleet.folder / "ml.lock")})
    assert done.returncode == 0 and "All hosts have the same." in done.stdout, done.stdout + done.stderr
    assert "changed=1" not in done.stdout
    assert sorted(str(path) for path in fleet.folder.rglob("*.dist-info")) == before


def test_the_host_that_differs_is_named_with_what_and_since_when(fleet):
    python = fleet.root("three") / "ml" / "bin" / "python"
    argv = [fleet.site.options["executable"], "pip", "install", "--python", python, "--index-url"]
    subprocess.run([*argv, fleet.site.index.url, "beta==1.1", "delta==1.0"], check=True, capture_output=True)
    [changed] = (fleet.root("three") / "ml").resolve().rglob("beta-1.1.dist-info")
    os.utime(changed, (1_700_000_000, 1_700_000_000))
    done = fleet.play(COMPARE, compare_to=str(fleet.folder / "compared.json"))
    assert done.returncode == 2, done.stdout + done.stderr
    found = compared(fleet)
    assert found["odd_hosts"] == ["three"]
    assert found["lines"][0] == "three: ml: beta is 1.1, 2 of 3 hosts have 1.0; since 2023-11-14T22:13:20Z"
    assert found["lines"][1].startswith("three: ml: delta 1.0 is there, 2 of 3 hosts have none; since 20")
    assert "three: ml: beta is 1.1, 2 of 3 hosts have 1.0" in done.stdout


def test_the_lock_of_the_repository_and_plain_environments_count_too(fleet):
    fleet.write("ml.lock", 'alpha==1.0\nbeta==1.1\nwin==1 ; sys_platform == "win32"\n')
    fleet.write("other.lock", "delta==1.0\n")
    uv = fleet.site.options["executable"]
    for host in ("one", "two"):  # environments that somebody else made, below the same root
        plain = fleet.root(host) / "plain"
        subprocess.run([uv, "venv", "--quiet", plain], check=True)
        argv = [uv, "pip", "install", "--quiet", "--python", plain, "--index-url", fleet.site.index.url, "delta==1.0"]
        subprocess.run(argv, check=True)
    # Looked for where the playbook is run, as files of a play are.
    locks = {"ml": str(fleet.folder / "ml.lock"), "plain": str(fleet.folder / "other.lock")}
    done = fleet.play(COMPARE, compare_locks=locks, compare_to=str(fleet.folder / "compared.json"))
    assert done.returncode == 2, done.stdout + done.stderr
    found = compared(fleet)
    unlike = [
        (one["host"], one["environment"], one["name"], one["locked"], one["installed"]) for one in found["unlike_lock"]
    ]
    assert unlike == [
        ("one", "ml", "beta", "1.1", "1.0"),
        ("three", "ml", "beta", "1.1", "1.0"),
        ("three", "plain", "delta", "1.0", None),
        ("two", "ml", "beta", "1.1", "1.0"),
    ]
    assert "three: there is no plain, which 2 hosts have" in found["lines"]


def test_a_host_that_cannot_be_reached_is_reported_and_not_taken_for_equal(tmp_path, site):
    fleet = LocalFleet(tmp_path / "fleet", site, ("one",), unreachable=("gone",))
    fleet.build("one", "beta==1.0")
    done = fleet.play(COMPARE, compare_to=str(fleet.folder / "compared.json"))
    assert done.returncode == 4, done.stdout + done.stderr
    found = compared(fleet)
    assert found["agree"] is False and [one["host"] for one in found["unheard"]] == ["gone"]


def test_a_lock_that_cannot_be_read_is_named(fleet):
    done = fleet.play(COMPARE, compare_locks={"ml": "gone.lock"})
    assert done.returncode != 0
    assert "gone.lock" in done.stdout and "requirement_file_unreadable" in done.stdout + done.stderr
