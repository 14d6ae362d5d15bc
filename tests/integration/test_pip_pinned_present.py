# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment comes to hold what is wanted, and a converged one costs nothing."""

from __future__ import annotations

import pytest

DESIRED = {"packages": ["alpha==1.0"], "constraints": [], "verify_imports": ["alpha", "beta"]}


def test_both_engines_build_the_desired_state_and_the_second_run_does_nothing(site_of_engine, engine):
    site = site_of_engine
    first = site.apply(DESIRED)
    assert first.result["changed"] and first.one["changed"]
    assert first.one["added"] == {"alpha": "1.0", "beta": "1.1"}
    assert first.one["engine"]["name"] == engine
    assert first.one["freeze"] == ["alpha==1.0", "beta==1.1"]
    assert set(first.one["timings"]) >= {"install", "verify", "seal"}
    assert site.installed() == {"alpha": "1.0", "beta": "1.1"}
    second = site.apply(DESIRED)
    assert not second.result["changed"] and second.result["plan"] == []
    assert second.result["commands_run"] == 0
    assert second.one["generation"] == first.one["generation"]
    assert site.leftovers() == []


def test_check_mode_foretells_the_run_and_leaves_everything_alone(site_of_engine):
    site = site_of_engine
    for desired in (DESIRED, {"packages": ["gamma==1.0"]}, {"packages": ["gamma==1.0", "delta==1.0"]}):
        before = site.snapshot()
        foretold = site.apply(desired, check=True, diff=True)
        assert site.snapshot() == before
        done = site.apply(desired, diff=True)
        for key in ("changed", "added", "removed", "replaced", "drift"):
            assert foretold.one[key] == done.one[key], key
        assert foretold.result["diff"] == done.result["diff"]
        assert foretold.result["plan"] == done.result["plan"]
        again = site.apply(desired, check=True)
        assert not again.result["changed"]


def test_a_change_replaces_adds_and_removes_and_the_diff_says_so(site):
    site.apply({"packages": ["alpha==1.0", "delta==1.0"]})
    done = site.apply({"packages": ["alpha==2.0", "epsilon==1.0"]}, diff=True)
    assert done.one["added"] == {"epsilon": "1.0"}
    assert done.one["removed"] == {"delta": "1.0"}
    assert done.one["replaced"] == {"alpha": {"before": "1.0", "after": "2.0"}}
    steps, contents = done.result["diff"]
    assert "the desired state has changed" in steps["prepared"]
    assert contents["before"] == "alpha 1.0\nbeta 1.1\ndelta 1.0\n"
    assert contents["after"] == "alpha 2.0\nbeta 1.1\nepsilon 1.0\n"


def test_environments_are_independent_and_all_are_reported(site):
    ran = site.refuse(
        "import_failed",
        {"name": "good", "packages": ["alpha==1.0"]},
        {"name": "bad", "packages": ["broken==1.0"], "verify_imports": ["broken"]},
        {"name": "fine", "packages": ["beta==2.0"]},
    )
    good, bad, fine = ran.result["environments"]
    assert (good["failed"], bad["failed"], fine["failed"]) == (False, True, False)
    assert good["changed"] and fine["changed"] and not bad["changed"] and ran.result["changed"]
    assert "libmissing.so.1" in bad["msg"] and bad["code"] == "import_failed"
    assert ran.result["msg"].startswith("1 of 3 failed.") or "[bad]" in ran.result["msg"]
    assert site.installed("good")["alpha"] == "1.0" and site.installed("fine") == {"beta": "2.0"}
    assert not site.path("bad").exists() and site.leftovers("bad") == []


def test_a_failed_build_leaves_the_old_generation_in_use(site):
    site.apply({"packages": ["alpha==1.0"]})
    before = site.snapshot()
    for code, desired in {
        "import_failed": {"packages": ["broken==1.0"], "verify_imports": ["broken"]},
        "build_failed": {"packages": ["failing==1.0"]},
        "no_such_version": {"packages": ["alpha==7.0"]},
    }.items():
        ran = site.refuse(code, desired)
        assert not ran.result["changed"]
        assert site.installed()["alpha"] == "1.0"
        changed = {path for path in {*before, *site.snapshot()} if before.get(path) != site.snapshot().get(path)}
        assert {
            path for path in changed if "/.cache/uv" not in path and not path.endswith((".lock", "/.cache"))
        } == set()


def test_an_equal_desired_state_in_other_words_changes_nothing(site, tmp_path):
    site.apply({"packages": ["alpha==1.0", "delta[more]==1.0"]})
    for same in (
        ["delta[more]==1.0", "alpha==1.0"],
        ["Alpha == 1.0  # a comment", "DELTA[More]==1.0.0"],
    ):
        assert not site.apply({"packages": same}).result["changed"]
    assert not site.apply({"packages": ["delta[more]==1.0", "alpha==1.0"]}, index_url="http://127.0.0.1:9/x").result[
        "changed"
    ]


@pytest.mark.parametrize("missing", ["packages", "both"])
def test_a_desired_state_for_nothing_is_refused(site, missing):
    site.refuse("environment_invalid", {"packages": []} if missing == "packages" else {})


def test_names_that_cannot_be_meant_are_refused_before_anything_happens(site):
    for name in ("../out", "-rf", ".hidden", "", "a/b", "x" * 65):
        ran = site.refuse("bad_name", {"name": name, "packages": ["alpha==1.0"]})
        assert "to_fix" not in ran.result
    site.refuse("environment_twice", {"packages": ["alpha==1.0"]}, {"packages": ["beta==1.0"]})
    assert not site.root.exists() and site.snapshot() == {}


def test_reinstall_always_builds_the_same_again(site):
    first = site.apply({"packages": ["alpha==1.0"]})
    desired = {"packages": ["alpha==1.0"], "reinstall": True}
    assert site.apply(desired, check=True).result["changed"]
    second = site.apply(desired)
    assert second.result["changed"] and second.one["generation"] != first.one["generation"]
    assert second.one["added"] == second.one["removed"] == second.one["replaced"] == {}


def test_freeze_to_writes_the_exact_contents_and_keeps_them(site, tmp_path):
    target = tmp_path / "frozen.txt"
    desired = {"packages": ["alpha==1.0"], "freeze_to": str(target)}
    site.apply(desired)
    assert target.read_text() == "alpha==1.0\nbeta==1.1\n"
    assert not site.apply(desired).result["changed"]
    target.write_text("alpha==9.9\n")
    assert [step["action"] for step in site.apply(desired, check=True).result["plan"]] == ["freeze"]
    assert target.read_text() == "alpha==9.9\n"
    site.apply(desired)
    assert target.read_text() == "alpha==1.0\nbeta==1.1\n"
    assert not site.apply({"requirements": [str(target)], "remote_src": True, "name": "again"}).one["failed"]


def test_a_file_that_cannot_be_written_is_named_before_anything_is_built(site, tmp_path):
    desired = {"packages": ["alpha==1.0"], "freeze_to": str(tmp_path / "no" / "folder" / "frozen.txt")}
    ran = site.refuse("folder_missing", desired)
    assert str(tmp_path / "no" / "folder") in ran.result["msg"]
    site.refuse("not_a_file", {"packages": ["alpha==1.0"], "freeze_to": str(tmp_path)})
    assert not site.root.exists()


def test_extras_and_markers_are_heeded(site_of_engine):
    site = site_of_engine
    packages = [
        "delta[more]==1.0",
        "alpha==1.0 ; python_version < '3'",
        "Under-Score.Dot==1.0 ; sys_platform == 'linux'",
    ]
    done = site.apply({"packages": packages})
    assert done.one["added"] == {"beta": "1.0", "delta": "1.0", "under-score-dot": "1.0"}
    assert not site.apply({"packages": packages}).result["changed"]


def test_entry_points_run_through_the_link(site_of_engine):
    import subprocess

    site = site_of_engine
    site.apply({"packages": ["alpha==1.0"]})
    printed = subprocess.run([site.path() / "bin" / "alpha"], capture_output=True, text=True, check=True).stdout
    assert printed == "1.0\n"
