# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done to an environment by hand is named, and repaired to what was recorded."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex

# beta is left open: what it was is only in the record.
DESIRED = {"packages": ["alpha==1.0"]}


def by_hand(site, uv, *words):
    """Run uv in the environment as an operator would who knows nothing of generations."""
    argv = [uv, "pip", *words[:1], "--python", site.path() / "bin" / "python", *words[1:]]
    if words[0] == "install":
        argv += ["--default-index", site.index.url]
    subprocess.run(argv, check=True, capture_output=True, env={**os.environ, **site.environ()})


@pytest.mark.parametrize(
    ("hand", "drift", "change"),
    [
        (("install", "delta==1.0"), "delta 1.0 was added by hand", {"removed": {"delta": "1.0"}}),
        (("uninstall", "beta"), "beta 1.1 was removed by hand", {"added": {"beta": "1.1"}}),
        (
            ("install", "beta==1.0"),
            "beta 1.1 was changed to 1.0 by hand",
            {"replaced": {"beta": {"before": "1.0", "after": "1.1"}}},
        ),
    ],
)
def test_what_was_installed_or_removed_by_hand_is_repaired(site, uv, hand, drift, change):
    first = site.apply(DESIRED)
    by_hand(site, uv, *hand)
    foretold = site.apply(DESIRED, check=True)
    repaired = site.apply(DESIRED)
    for ran in (foretold, repaired):
        assert ran.result["changed"]
        assert drift in ran.result["plan"][0]["summary"]
        for kind in ("added", "removed", "replaced"):
            assert ran.one[kind] == change.get(kind, {})
    assert foretold.one["drift"] == [drift] and repaired.one["drift"] == []
    assert site.installed() == {"alpha": "1.0", "beta": "1.1"}
    assert repaired.one["generation"] != first.one["generation"]
    assert not site.apply(DESIRED).result["changed"]


def test_a_repair_brings_back_the_recorded_versions_though_newer_ones_fit(tmp_path, site_of_engine):
    site = site_of_engine
    wheels = tmp_path / "wheels"
    distributions.wheel(wheels, "top", "1.0", requires=["low"])
    distributions.wheel(wheels, "low", "1.0")
    with PythonIndex(wheels) as index:
        desired = {"packages": ["top==1.0"]}
        site.apply(desired, index_url=index.url)
        distributions.wheel(wheels, "low", "2.0")
        assert not site.apply(desired, index_url=index.url).result["changed"]
        (info,) = site.site_packages().glob("top-*.dist-info")
        shutil.rmtree(info)
        foretold = site.apply(desired, index_url=index.url, check=True)
        repaired = site.apply(desired, index_url=index.url)
    assert foretold.one["added"] == repaired.one["added"] == {"top": "1.0"}
    assert foretold.one["drift"] == ["top 1.0 was removed by hand"]
    assert site.installed() == {"top": "1.0", "low": "1.0"}


def test_a_changed_file_is_found_when_files_are_verified(site_of_engine):
    site = site_of_engine
    desired = {**DESIRED, "packages": ["alpha==1.0", "delta==1.0"], "verify_files": True}
    site.apply(desired)
    assert not site.apply(desired).result["changed"]
    packages = site.site_packages()
    (packages / "beta.py").write_text("raise SystemExit('not what was installed')\n")
    (packages / "delta.py").unlink()
    (packages / "stray.py").write_text("")
    assert not site.apply({**desired, "verify_files": False}).result["changed"]
    found = site.apply(desired, check=True)
    drift = " ".join(found.one["drift"])
    for words in ("beta.py was changed", "delta.py is missing", "stray.py belongs to no package"):
        assert words in drift
    repaired = site.apply(desired)
    assert repaired.result["changed"]
    assert site.python("import beta, delta; print(beta.__version__)") == "1.1"
    assert not site.apply(desired).result["changed"]


def test_leftovers_of_an_interrupted_removal_are_drift(site):
    site.apply(DESIRED)
    (site.site_packages() / "~lpha-1.0.dist-info").mkdir()
    drift = site.apply(DESIRED, check=True).one["drift"]
    assert drift == ["~lpha-1.0.dist-info was left by an editable install or an interrupted removal"]
    site.apply(DESIRED)
    assert not site.apply(DESIRED).result["changed"]


def test_an_environment_whose_python_is_gone_is_built_anew(site, tmp_path):
    version = "{}.{}".format(*map(int, site_python_version()))
    copy = tmp_path / "python" / "bin" / f"python{version}"
    copy.parent.mkdir(parents=True)
    shutil.copy2(os.path.realpath("/usr/bin/python3"), copy)
    site.apply({**DESIRED, "python": str(copy)}, env={"PYTHONHOME": ""})
    copy.rename(copy.with_name("gone"))
    found = site.run({**DESIRED, "python": str(copy)})
    assert found.result["failed"] and str(copy) in found.result["msg"]
    assert site.path().is_symlink()


def site_python_version():
    asked = "import sys; print(*sys.version_info[:2])"
    return subprocess.run(["/usr/bin/python3", "-c", asked], capture_output=True, text=True, check=False).stdout.split()


def test_a_record_cut_short_is_damage_that_the_next_run_mends(site):
    first = site.apply(DESIRED).one["generation"]
    record = site.root / ".generations" / "ml" / first / "mlstack.json"
    record.write_text(record.read_text()[:40])
    foretold = site.apply(DESIRED, check=True)
    assert "damaged" in foretold.result["plan"][0]["summary"]
    site.apply(DESIRED)
    assert site.installed() == {"alpha": "1.0", "beta": "1.1"}
    assert not site.apply(DESIRED).result["changed"]
    assert first not in os.listdir(site.root / ".generations" / "ml")


def test_a_root_that_was_moved_is_built_anew_where_it_lies(site):
    site.apply(DESIRED)
    there = replace(site, folder=site.folder / "there")
    there.home.mkdir(parents=True)
    site.root.rename(there.root)
    assert subprocess.run([there.path() / "bin" / "python", "-c", "import alpha"], check=False).returncode != 0
    assert "moved: it was built at" in there.apply(DESIRED, check=True).result["plan"][0]["summary"]
    there.apply(DESIRED)
    assert there.python("import alpha; print(alpha.__version__)").strip() == "1.0"
    assert not there.apply(DESIRED).result["changed"]
