# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""python_env_info as a host runs it: environments of ours and of others, beside what pip says of them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import HOST_PYTHON
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

DESIRED = {"packages": ["alpha==1.0", "delta[more]==1.0"]}


def ask(site: Site, **arguments: Any) -> dict[str, Any]:
    """What the module tells, by environment, having changed nothing."""
    before = site.snapshot()
    arguments = {"root": str(site.root), "index_url": site.index.url, **site.options, **arguments}
    told = module_runner.succeed("python_env_info", arguments, env=site.environ()).result
    assert site.snapshot() == before
    assert not told["changed"]
    return told


def one(told: dict[str, Any]) -> dict[str, Any]:
    (environment,) = told["environments"]
    return environment


def test_an_environment_of_ours_is_told_with_its_tree(site):
    built = site.apply(DESIRED).one
    told = ask(site, tree=True)
    assert told["commands_run"] == 0
    ml = one(told)
    assert (ml["name"], ml["standing"], ml["generation"]) == ("ml", "link", built["generation"])
    assert ml["freeze"] == built["freeze"] == ["alpha==1.0", "beta==1.0", "delta==1.0"]
    assert {item["name"]: item["version"] for item in ml["packages"]} == site.installed()
    assert (ml["drift"], ml["conflicts"], ml["broken"]) == ([], [], [])
    assert ml["python"]["version"] == site.python("import platform; print(platform.python_version())")
    beta = {"name": "beta", "version": "1.0", "requires": []}
    # An extra counts where somebody asks for it; here a requirement did, which the metadata does not tell.
    assert ml["tree"] == [
        {"name": "alpha", "version": "1.0", "requires": [beta]},
        {"name": "delta", "version": "1.0", "requires": []},
    ]
    assert "outdated" not in ml and "cache" not in told


def test_newer_versions_are_named_by_both_engines(site_of_engine):
    site_of_engine.apply({"packages": ["alpha==1.0"]})
    ml = one(ask(site_of_engine, outdated=True))
    assert sorted(ml["outdated"], key=lambda item: item["name"]) == [
        {"name": "alpha", "version": "1.0", "latest": "2.0"},
        {"name": "beta", "version": "1.1", "latest": "2.0"},
    ]


def test_what_is_wrong_is_told_by_name(site, uv):
    site.apply(DESIRED)
    python = str(site.path() / "bin" / "python")
    argv = [uv, "pip", "install", "--quiet", "--python", python, "--index-url", site.index.url, "beta==2.0"]
    subprocess.run(argv, check=True, env={**os.environ, **site.environ()})
    (site.site_packages() / "alpha.py").write_text("")
    ml = one(ask(site, verify_files=True))
    assert any("beta" in line and "2.0" in line for line in ml["drift"])
    assert "the file alpha.py was changed" in ml["drift"] or "the file alpha/__init__.py was changed" in ml["drift"]
    assert any(line.startswith("alpha") and "beta<2" in line for line in ml["conflicts"])


@pytest.fixture
def foreign(site: Site) -> Path:
    """A virtual environment that somebody made with Python's own venv, where this machine has one."""
    prefix = site.folder / "elsewhere" / "theirs"
    made = subprocess.run([HOST_PYTHON, "-m", "venv", prefix], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"{HOST_PYTHON} has no venv here: {made.stdout.strip()[:100]}")
    argv = [prefix / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--index-url", site.index.url]
    subprocess.run([*argv, "alpha==1.0"], check=True, env={**os.environ, **site.environ()})
    return prefix


def test_an_environment_of_others_is_told_as_pip_tells_it(site, foreign):
    environ = {**os.environ, **site.environ()}
    argv = [foreign / "bin" / "pip", "list", "--format=json", "--disable-pip-version-check"]
    listed = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True, env=environ).stdout)
    theirs = one(ask(site, names=[], paths=[str(foreign)]))
    assert (theirs["name"], theirs["standing"]) == ("theirs", "venv")
    assert {item["name"]: item["version"] for item in theirs["packages"]} == {
        item["name"]: item["version"] for item in listed
    }
    requested = {item["name"]: item["requested"] for item in theirs["packages"]}
    assert (requested["alpha"], requested["beta"]) == (True, False)
    assert theirs["size"] > 0


def test_what_stands_in_the_root_is_told_whatever_it_is(site):
    site.apply({"name": "ml", "packages": ["beta==1.0"]})
    (site.root / "notes").mkdir()
    (site.root / "gone").symlink_to(".generations/gone/20260101T000000-abcdef")
    told = ask(site, paths=["/nowhere/at/all"])
    standing = {item["name"]: item["standing"] for item in told["environments"]}
    assert standing == {"ml": "link", "notes": "directory", "gone": "dangling", "all": "absent"}
    assert [item["name"] for item in told["environments"] if item["broken"]] == ["gone"]


def test_the_cache_is_measured_when_that_is_asked(site, tmp_path):
    cache = tmp_path / "cache"
    site.apply({"packages": ["alpha==1.0"]}, cache_dir=str(cache))
    told = ask(site, cache=True, cache_dir=str(cache))
    assert told["cache"] and all(item["size"] > 0 for item in told["cache"])
    assert all(item["path"].startswith(str(cache)) for item in told["cache"])


def test_a_comparison_with_the_lock_of_nothing_is_refused(site):
    arguments = {"root": str(site.root), "names": ["ml"], "locks": {"mk": "/x.lock"}, "remote_src": True}
    module_runner.refuse("python_env_info", {**arguments, "index_url": site.index.url}, "lock_of_nothing")
