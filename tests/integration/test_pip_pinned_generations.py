# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Going back, keeping, removing and adopting."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

ONE, TWO, THREE = ({"packages": [f"beta=={version}"]} for version in ("1.0", "1.1", "2.0"))
BACK = {"state": "rolled_back"}
LATE_IMPORT = "import sys; print('up', flush=True); sys.stdin.read(); import beta; print(beta.__version__)"


def steps(ran):
    return [step["action"] for step in ran.result["plan"]]


def actual_generation(site):
    return os.path.basename(os.readlink(site.path()))


def test_rolling_back_twice_is_rolling_back_once(site):
    old = site.apply(ONE).one["generation"]
    new = site.apply(TWO).one["generation"]
    foretold = site.apply(BACK, check=True, diff=True)
    assert actual_generation(site) == new
    done = site.apply(BACK, diff=True)
    assert foretold.result["plan"] == done.result["plan"] and foretold.result["diff"] == done.result["diff"]
    assert done.one["generation"] == old and site.installed() == {"beta": "1.0"}
    assert done.one["replaced"] == {"beta": {"before": "1.1", "after": "1.0"}}
    again = site.apply(BACK)
    assert not again.result["changed"] and again.one["generation"] == old
    assert done.result["commands_run"] == again.result["commands_run"] == 0


def test_present_after_a_rollback_takes_the_kept_generation_without_building(site):
    site.apply(ONE)
    new = site.apply(TWO).one["generation"]
    site.apply(BACK)
    forward = site.apply(TWO)
    assert forward.one["generation"] == new and steps(forward) == ["switch"]
    assert forward.result["commands_run"] == 0
    assert site.installed() == {"beta": "1.1"}


def test_rolling_back_to_a_generation_by_the_beginning_of_its_name(site):
    ids = [site.apply(desired).one["generation"] for desired in (ONE, TWO, THREE)]
    assert site.apply({**BACK, "rollback_to": ids[0]}).one["generation"] == ids[0]
    assert not site.apply({**BACK, "rollback_to": ids[0]}).result["changed"]
    assert site.apply({**BACK, "rollback_to": ids[2][:-1]}).one["generation"] == ids[2]
    assert "none of that name" in site.refuse("no_such_generation", {**BACK, "rollback_to": "1999"}).result["msg"]
    site.refuse("ambiguous_generation", {**BACK, "rollback_to": "2"})
    site.refuse("environment_invalid", {**ONE, "rollback_to": ids[0]})


def test_a_rollback_from_a_generation_changed_by_hand_goes_back_once(site):
    ids = [site.apply(desired).one["generation"] for desired in (ONE, TWO, THREE)]
    (site.site_packages() / "byhand-1.0.dist-info").mkdir()
    assert site.apply(BACK).one["generation"] == ids[1]
    assert not site.apply(BACK).result["changed"]
    assert actual_generation(site) == ids[1]


def test_rolling_back_needs_something_to_go_back_to(site):
    site.refuse("nothing_to_roll_back_to", BACK)
    assert not site.root.exists()
    site.apply(ONE)
    site.refuse("nothing_to_roll_back_to", BACK)


def test_keep_says_how_many_earlier_generations_stay_and_the_plan_which_go(site):
    desired = {"packages": ["alpha==1.0"], "reinstall": True, "keep": 1}
    ids = [site.apply(desired).one["generation"] for _run in range(2)]
    foretold = site.apply(desired, check=True)
    done = site.apply(desired)
    assert [s["subject"] for s in foretold.result["plan"] if s["action"] == "prune"] == [ids[0]]
    assert foretold.result["plan"] == done.result["plan"]
    assert site.generations() == [ids[1], done.one["generation"]]
    fewer = {"packages": ["alpha==1.0"], "keep": 0}
    foretold = site.apply(fewer, check=True)
    assert steps(foretold) == ["prune"]
    assert steps(site.apply(fewer)) == ["prune"]
    assert site.generations() == [done.one["generation"]] and site.leftovers() == []
    assert not site.apply(fewer).result["changed"]
    rebuilt = site.apply({**fewer, "reinstall": True}, check=True)
    assert steps(rebuilt) == ["build", "switch", "prune"]
    assert site.apply({**fewer, "reinstall": True}).result["plan"] == rebuilt.result["plan"]


def test_a_generation_in_use_is_not_pruned_and_not_removed_unless_forced(site):
    site.apply({**ONE, "keep": 0})
    job = subprocess.Popen(
        [site.path() / "bin" / "python", "-c", LATE_IMPORT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        job.stdout.readline()
        assert steps(site.apply({**TWO, "keep": 0}, check=True)) == ["build", "switch"]
        site.apply({**TWO, "keep": 0})
        assert len(site.generations()) == 2
        assert not site.apply({**TWO, "keep": 0}).result["changed"]
        for check in (True, False):
            refused = site.refuse("in_use", {"state": "absent"}, check=check)
            assert str(job.pid) in refused.result["msg"] and site.installed() == {"beta": "1.1"}
    finally:
        out, _err = job.communicate("")
    assert out == "1.0\n", "the job imports late, and from the generation it began with"
    assert steps(site.apply({**TWO, "keep": 0})) == ["prune"]
    assert site.apply({"state": "absent", "force": True}).result["changed"]
    assert not site.path().exists()


def test_absent_removes_everything_and_says_so_once(site):
    site.apply(ONE)
    site.apply(TWO)
    before = site.snapshot()
    foretold = site.apply({"state": "absent"}, check=True)
    assert site.snapshot() == before
    done = site.apply({"state": "absent"})
    assert foretold.one["removed"] == done.one["removed"] == {"beta": "1.1"}
    assert foretold.result["plan"] == done.result["plan"]
    assert not site.path().is_symlink() and not (site.root / ".generations").exists()
    assert not site.apply({"state": "absent"}).result["changed"]
    assert not site.apply({"name": "never", "state": "absent"}).result["changed"]


def test_absent_also_removes_what_a_killed_first_build_left(site):
    half = site.root / ".generations" / "ml" / "20260101T000000-abcdef" / "prefix"
    half.mkdir(parents=True)
    assert steps(site.apply({"state": "absent"}, check=True)) == ["clean"]
    site.apply({"state": "absent"})
    assert not (site.root / ".generations").exists()
    assert not site.apply({"state": "absent"}).result["changed"]


def test_single_packages_can_be_taken_out(site_of_engine):
    site = site_of_engine
    site.apply({"packages": ["alpha==1.0", "delta==1.0"]})
    out = {"state": "absent", "packages": ["Delta", "never-there"]}
    foretold = site.apply(out, check=True)
    done = site.apply(out)
    assert foretold.one["removed"] == done.one["removed"] == {"delta": "1.0"}
    assert site.installed() == {"alpha": "1.0", "beta": "1.1"}
    assert not site.apply(out).result["changed"]
    back = site.apply({"packages": ["alpha==1.0", "delta==1.0"]})
    assert back.one["added"] == {"delta": "1.0"}


def test_a_package_that_another_needs_is_not_taken_out(site):
    site.apply({"packages": ["alpha==1.0"]})
    refused = site.refuse("broken_requirements", {"state": "absent", "packages": ["beta"]})
    assert "alpha 1.0 needs beta<2" in refused.result["msg"]
    assert refused.result["environments"][0]["conflicts"][0]["package"] == "alpha"
    assert site.installed() == {"alpha": "1.0", "beta": "1.1"} and site.leftovers() == []
    both = site.apply({"state": "absent", "packages": ["beta", "alpha"]})
    assert both.one["removed"] == {"alpha": "1.0", "beta": "1.1"}
    assert site.installed() == {}


def test_packages_taken_out_of_a_hashed_environment_leave_it_hashed(site, packages):
    from ansible_collections.gpufleet.mlstack.tests.bed import distributions

    def hashed(name, version):
        (wheel,) = packages.glob(f"{name}-{version}-*.whl")
        return f"{name}=={version} --hash=sha256:{distributions.sha256(wheel)}"

    lock = site.folder / "lock.txt"
    lock.write_text("\n".join([hashed("alpha", "1.0"), hashed("beta", "1.1"), hashed("delta", "1.0")]))
    site.apply({"requirements": [str(lock)], "remote_src": True, "require_hashes": True})
    site.apply({"state": "absent", "packages": ["delta"]})
    record = site.path() / "mlstack.json"
    assert record.read_text().count("--hash=sha256:") == 2


def test_absent_with_requirements_is_refused_as_it_could_mean_two_things(site):
    site.apply(ONE)
    site.refuse("environment_invalid", {"state": "absent", "requirements": ["/x.txt"], "remote_src": True})
    site.refuse("environment_invalid", {"state": "absent", "packages": ["beta==1.0"]})
    assert site.installed() == {"beta": "1.0"}


def test_a_plain_directory_is_adopted_only_when_asked(site):
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", site.path()], check=True)
    (site.path() / "notes.txt").write_text("mine")
    before = site.snapshot()
    for desired in (ONE, {"state": "absent"}, {"state": "absent", "packages": ["beta"]}, BACK):
        site.refuse("occupied", desired)
        assert site.snapshot() == before
    foretold = site.apply({**ONE, "adopt": True}, check=True)
    assert site.snapshot() == before and "adopt" in steps(foretold)
    done = site.apply({**ONE, "adopt": True})
    assert done.result["plan"] == foretold.result["plan"]
    assert site.installed() == {"beta": "1.0"}
    aside = done.one["adopted"]
    assert Path(aside, "notes.txt").read_text() == "mine"
    assert not site.apply({**ONE, "adopt": True}).result["changed"]


def test_a_directory_in_use_is_not_adopted_and_nothing_is_built(site):
    site.path().mkdir(parents=True)
    job = subprocess.Popen(["sleep", "60"], cwd=site.path())
    try:
        time.sleep(0.1)
        before = site.snapshot()
        for check in (True, False):
            site.refuse("in_use", {**ONE, "adopt": True}, check=check)
            assert {path for path in site.snapshot() if "/.generations/ml/" in path} == set()
        assert set(before) <= set(site.snapshot())
    finally:
        job.kill()
        job.wait()
    assert site.apply({**ONE, "adopt": True}).result["changed"]


def test_an_adoption_that_was_stopped_before_the_switch_is_finished(site):
    """As a process that is killed between the build and the switch leaves it: built, recorded, and not in use."""
    site.apply(ONE)
    site.path().unlink()
    site.path().mkdir()
    (site.path() / "notes.txt").write_text("mine")
    foretold = site.apply({**ONE, "adopt": True}, check=True)
    assert steps(foretold) == ["adopt", "switch"]
    done = site.apply({**ONE, "adopt": True})
    assert done.result["plan"] == foretold.result["plan"] and site.installed() == {"beta": "1.0"}
    assert Path(done.one["adopted"], "notes.txt").read_text() == "mine"


def test_a_link_of_somebody_else_is_left_alone(site):
    site.root.mkdir()
    site.path().symlink_to("/usr")
    for desired in (ONE, {**ONE, "adopt": True}, {"state": "absent"}, BACK):
        site.refuse("occupied", desired)
    assert os.readlink(site.path()) == "/usr"
