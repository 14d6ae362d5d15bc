# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Development ranges become production pins with hashes."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex

RANGES = ["alpha>=1,<2", "delta[more]"]


def locking(site, **more):
    return {"state": "locked", "packages": RANGES, "lock_to": str(site.folder / "prod.lock"), **more}


def test_ranges_become_a_lock_that_builds_an_environment(site):
    before = site.snapshot()
    foretold = site.apply(locking(site), check=True, diff=True)
    assert site.snapshot() == before and not (site.folder / "prod.lock").exists()
    done = site.apply(locking(site), diff=True)
    assert foretold.result["diff"] == done.result["diff"] and foretold.one["added"] == done.one["added"]
    assert done.one["added"] == {"alpha": "1.0", "beta": "1.0", "delta": "1.0"}
    assert done.one["path"] == str(site.folder / "prod.lock")
    text = (site.folder / "prod.lock").read_text()
    assert text.count("--hash=sha256:") == 3 and "mlstack-" not in text and "/tmp" not in text
    built = site.apply(
        {"name": "prod", "requirements": [str(site.folder / "prod.lock")], "remote_src": True, "require_hashes": True}
    )
    assert built.one["added"] == done.one["added"]


def test_a_lock_stays_until_an_upgrade_is_asked_for(site, tmp_path):
    wheels = tmp_path / "wheels"
    distributions.wheel(wheels, "top", "1.0", requires=["low"])
    distributions.wheel(wheels, "low", "1.0")
    lock = site.folder / "prod.lock"
    desired = {"state": "locked", "packages": ["top>=1"], "lock_to": str(lock)}
    with PythonIndex(wheels) as index:
        site.apply(desired, index_url=index.url)
        text = lock.read_text()
        distributions.wheel(wheels, "low", "2.0")
        distributions.wheel(wheels, "top", "2.0", requires=["low"])
        assert not site.apply(desired, index_url=index.url, no_cache=True).result["changed"]
        assert lock.read_text() == text
        newer = site.apply({**desired, "upgrade": True}, index_url=index.url, no_cache=True)
        assert newer.one["replaced"]["top"] == {"before": "1.0", "after": "2.0"}
        assert not site.apply({**desired, "upgrade": True}, index_url=index.url).result["changed"]
        # What no longer fits moves, and only that.
        lock.write_text(text)
        moved = site.apply({**desired, "packages": ["top>=2"]}, index_url=index.url)
        assert set(moved.one["replaced"]) == {"top"}


def test_a_universal_lock_has_markers_for_other_pythons(site, tmp_path):
    lock = site.folder / "prod.lock"
    requirements = site.folder / "dev.txt"
    requirements.write_text("alpha>=1,<2\nbeta>=1 ; python_version < '3.11'\ndelta ; sys_platform == 'win32'\n")
    desired = {
        "state": "locked",
        "requirements": [str(requirements)],
        "remote_src": True,
        "lock_to": str(lock),
        "universal": True,
        "python_version": "3.9",
    }
    site.apply(desired)
    assert "delta==1.0 ; sys_platform == 'win32'" in lock.read_text()
    here = {"requirements": [str(lock)], "remote_src": True, "require_hashes": True}
    assert site.apply({**here, "name": "here"}).one["added"] == {"alpha": "1.0", "beta": "1.1"}
    assert not site.apply(desired).result["changed"]


def test_what_cannot_be_locked_is_said_and_nothing_is_written(site, toolbox):
    lock = site.folder / "prod.lock"
    ran = site.refuse("conflict", locking(site, packages=["alpha>=1", "gamma"]))
    assert "beta" in ran.result["msg"]
    site.refuse("environment_invalid", {"state": "locked", "packages": RANGES})
    site.refuse("environment_invalid", {"packages": ["alpha==1.0"], "lock_to": str(lock)})
    site.refuse("folder_missing", locking(site, lock_to=str(site.folder / "no" / "prod.lock")))
    site.refuse("argument_invalid", locking(site, lock_to="relative.lock"))
    site.refuse("argument_invalid", locking(site, python_version="--upgrade"))
    site.refuse("lock_needs_uv", locking(site), engine="pip", toolbox=str(toolbox))
    assert not lock.exists()
