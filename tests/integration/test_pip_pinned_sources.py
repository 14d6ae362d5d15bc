# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where requirements are written, and where distributions come from."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex


def wheel_of(packages, name, version):
    (path,) = packages.glob(f"{name}-{version}-*.whl")
    return path


def hashed(packages, *pins):
    lines = []
    for pin in pins:
        name, version = pin.split("==")
        lines.append(f"{pin} \\\n    --hash=sha256:{distributions.sha256(wheel_of(packages, name, version))}\n")
    return "".join(lines)


def on_host(site, text, name="requirements.txt"):
    path = site.folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {"requirements": [str(path)], "remote_src": True}


def test_files_of_the_host_in_every_shape_that_pip_reads(site):
    all_desired = {
        "bom": b"\xef\xbb\xbfalpha==1.0\r\nbeta==1.0\r\n",
        "utf16": "alpha==1.0\nbeta==1.0\n".encode("utf-16"),
        "old-mac": b"alpha==1.0\rbeta==1.0\r",
        "joined": b"alpha==1.0 # why\n# beta==9\nbeta \\\n  == \\\n  1.0\n",
        "variable": b"alpha==${ALPHA}\nbeta==1.0\n",
    }
    first = site.apply({"packages": ["alpha==1.0", "beta==1.0"]})
    for name, content in all_desired.items():
        ran = site.apply(on_host(site, content, f"{name}.txt"), env={"ALPHA": "1.0"})
        assert not ran.result["changed"], name
        assert ran.one["generation"] == first.one["generation"]
    refused = site.refuse("requirement_variable_unset", on_host(site, b"alpha==${NOT_SET_HERE}\n"))
    assert "NOT_SET_HERE" in refused.result["msg"]


def test_unpinned_requirements_are_refused_by_file_line_and_name_before_anything_changes(site):
    site.apply({"packages": ["alpha==1.0"]})
    before = site.snapshot()
    desired = on_host(site, "alpha==1.0\n\nbeta>=1\n# gamma\ngamma\n-e ./here\n", "dev.txt")
    desired["packages"] = ["delta"]
    for check in (True, False):
        ran = site.run(desired, check=check)
        assert ran.result["failed"] and not ran.result["changed"]
        problems = {(p["line"], p["name"]) for p in ran.one["problems"]}
        assert (6, "e") not in problems and any(line == 6 for line, _code in problems)
    desired = on_host(site, "alpha==1.0\n\nbeta>=1\n# gamma\ngamma\n", "dev.txt")
    ran = site.refuse("requirement_unpinned", {**desired, "packages": ["delta"]})
    told = {(os.path.basename(p["file"]), p["line"], p["name"]) for p in ran.one["problems"]}
    # beta is pinned by nothing though alpha needs it.
    assert told == {("packages", 1, "delta"), ("dev.txt", 3, "beta"), ("dev.txt", 5, "gamma")}
    for words in ("dev.txt:3", "beta>=1", "dev.txt:5", "gamma"):
        assert words in ran.result["msg"]
    assert site.snapshot() == before


@pytest.mark.parametrize(
    "smuggled",
    [
        ["-r /etc/passwd"],
        ["--index-url=http://127.0.0.1:1/", "alpha==1.0"],
        ["alpha==1.0 --global-option=x"],
        ["alpha==1.0\n--index-url http://127.0.0.1:1/"],
        ["alpha==1.0 --hash=sha256:00 -i http://127.0.0.1:1/"],
        ["-e git+file:///x@0"],
        ["alpha==1.0\u2028--pre"],
    ],
)
def test_requirements_that_smuggle_options_are_refused(site, smuggled):
    ran = site.run({"packages": smuggled})
    # A line break in a name is refused before anybody reads it.
    code = "control_character" if any(set(text) & {"\n", "\u2028"} for text in smuggled) else "requirement_"
    assert ran.result["failed"] and ran.result["code"].startswith(code)
    assert not site.root.exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("index_url", "http://127.0.0.1:1/ --trusted-host x"),
        ("index_url", "http://127.0.0.1:1/\n--pre"),
        ("extra_index_urls", ["--pre"]),
        ("find_links", ["relative"]),
        ("find_links", ["/here\n--pre"]),
        ("trusted_hosts", ["--config-file"]),
        ("cache_dir", "-x"),
    ],
)
def test_arguments_that_smuggle_options_are_refused(site, option, value):
    site.refuse("argument_invalid", {"packages": ["alpha==1.0"]}, **{option: value})
    assert not site.root.exists()


def test_hashes_are_checked_by_both_engines(site_of_engine, engine, packages):
    site = site_of_engine
    desired = on_host(site, hashed(packages, "alpha==1.0", "beta==1.1"))
    assert site.apply({**desired, "require_hashes": True}).one["added"] == {"alpha": "1.0", "beta": "1.1"}
    assert not site.apply({**desired, "require_hashes": True}).result["changed"]
    right = distributions.sha256(wheel_of(packages, "alpha", "2.0"))
    wrong = on_host(site, hashed(packages, "alpha==2.0", "beta==1.1").replace(right, "0" * 64))
    # uv foretells from metadata alone and downloads nothing, so in check mode only pip can know.
    for check in (True, False) if engine == "pip" else (False,):
        ran = site.refuse("hash_mismatch", {**wrong, "require_hashes": True}, check=check)
        assert "alpha" in ran.result["msg"]
    # beta comes along as a dependency, and nobody vouches for it.
    alone = on_host(site, hashed(packages, "alpha==2.0"))
    assert "beta" in site.refuse("hash_missing", {**alone, "require_hashes": True}).result["msg"]
    site.refuse("requirement_hash_missing", {"packages": ["alpha==1.0"], "require_hashes": True})
    assert site.installed() == {"alpha": "1.0", "beta": "1.1"} and site.leftovers() == []


def test_constraints_pin_what_requirements_leave_open(site_of_engine):
    site = site_of_engine
    limits = site.folder / "constraints.txt"
    limits.write_text("alpha==1.0\nbeta==1.0\ngamma==1.0\n")
    desired = {**on_host(site, "alpha\n"), "constraints": [str(limits)]}
    assert site.apply(desired).one["added"] == {"alpha": "1.0", "beta": "1.0"}
    assert not site.apply(desired).result["changed"]


def test_direct_urls_with_a_hash_and_local_wheels(site_of_engine, packages):
    site = site_of_engine
    url = site.index.file_url("beta-2.0-py3-none-any.whl")
    digest = distributions.sha256(wheel_of(packages, "beta", "2.0"))
    desired = {"packages": [f"beta @ {url}#sha256={digest}", str(wheel_of(packages, "delta", "1.0"))]}
    foretold = site.apply(desired, check=True)
    done = site.apply(desired)
    assert foretold.one["added"] == done.one["added"] == {"beta": "2.0", "delta": "1.0"}
    assert any(line.startswith(f"beta @ {url}") for line in done.one["freeze"])
    assert not site.apply(desired).result["changed"]
    site.refuse("requirement_unpinned", {"packages": [f"beta @ {url}"]})
    site.refuse("hash_mismatch", {"packages": [f"beta @ {url}#sha256={'0' * 64}"]})
    # What a record keeps of it is enough to build the environment again without one of its packages.
    site.apply({"state": "absent", "packages": ["delta"]})
    assert site.installed() == {"beta": "2.0"}


@pytest.fixture
def repository(tmp_path):
    """A git repository with two commits; the first one's id and the path."""
    folder = tmp_path / "repository"
    env = {**os.environ, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    for name in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{name}_NAME": "bed", f"GIT_{name}_EMAIL": "bed@localhost"}

    def git(*words):
        done = subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    folder.mkdir()
    git("init", "--quiet", "--initial-branch=main")
    commits = []
    for version in ("1.0", "2.0"):
        distributions.source_tree(distributions.sdist(tmp_path, "fromgit", version), folder)
        git("add", "--all")
        git("commit", "--quiet", "--message", version)
        commits.append(git("rev-parse", "HEAD"))
    return folder, commits[0]


def test_a_git_repository_at_a_commit(site_of_engine, repository):
    site = site_of_engine
    folder, commit = repository
    desired = {"packages": [f"fromgit @ git+file://{folder}@{commit}"]}
    foretold = site.apply(desired, check=True)
    done = site.apply(desired)
    assert foretold.one["added"] == done.one["added"] == {"fromgit": "1.0"}
    assert done.one["freeze"] == [f"fromgit @ git+file://{folder}@{commit}"]
    assert not site.apply(desired).result["changed"]
    for moving in ("main", commit[:12], ""):
        at = f"@{moving}" if moving else ""
        site.refuse("requirement_unpinned", {"packages": [f"fromgit @ git+file://{folder}{at}"]})


def test_without_an_index_everything_comes_from_find_links(site_of_engine, packages):
    site = site_of_engine
    requests = len(site.index.requests)
    desired = {"packages": ["alpha==1.0"]}
    for options in ({"offline": True, "index_url": None}, {"no_index": True, "index_url": None}):
        options |= {"find_links": [str(packages)]}
        name = "-".join(options)
        foretold = site.apply({**desired, "name": name}, check=True, **options)
        done = site.apply({**desired, "name": name}, **options)
        assert foretold.result["environments"][0]["added"] == done.result["environments"][0]["added"]
        assert site.installed(name) == {"alpha": "1.0", "beta": "1.1"}
    assert len(site.index.requests) == requests
    empty = site.folder / "empty"
    empty.mkdir()
    ran = site.run({**desired, "name": "none"}, offline=True, index_url=None, find_links=[str(empty)])
    assert ran.result["failed"] and ran.result["code"] in ("offline", "no_such_version", "no_such_package")
    assert "alpha" in ran.result["msg"]


def test_a_second_index_completes_the_first_as_pip_has_it(site_of_engine, tmp_path):
    """uv alone would stop at the first index that knows the name, and not find the pinned version."""
    site = site_of_engine
    distributions.wheel(tmp_path / "extra", "beta", "3.0")
    with PythonIndex(tmp_path / "extra") as extra:
        done = site.apply({"packages": ["alpha==1.0", "beta==1.0"]}, extra_index_urls=[extra.url])
        assert done.one["added"] == {"alpha": "1.0", "beta": "1.0"}
        done = site.apply({"packages": ["beta==3.0", "delta==1.0"]}, extra_index_urls=[extra.url])
        assert site.installed() == {"beta": "3.0", "delta": "1.0"}


def test_no_cache_leaves_none_and_cache_dir_has_all_of_it(site_of_engine, engine):
    site = site_of_engine
    site.apply({"packages": ["alpha==1.0"]}, no_cache=True)
    assert list(site.home.iterdir()) == []
    cache = site.folder / "cache"
    site.apply({"packages": ["epsilon==1.0"]}, cache_dir=str(cache))  # built here, which pip keeps too
    assert list(site.home.iterdir()) == [] and any(cache.iterdir())


def test_purging_the_cache(site):
    site.apply({"packages": ["alpha==1.0"]})
    cache = site.home / ".cache" / "uv"
    assert cache.is_dir()
    foretold = site.apply({"packages": ["alpha==1.0"]}, purge_cache=True, check=True)
    assert [s["action"] for s in foretold.result["plan"]] == ["purge"] and cache.is_dir()
    assert site.apply({"packages": ["alpha==1.0"]}, purge_cache=True).result["changed"]
    assert not cache.exists()
    assert not site.apply({"packages": ["alpha==1.0"]}, purge_cache=True).result["changed"]
    assert site.installed()["alpha"] == "1.0"
    precious = site.folder / "precious"
    (precious / "wheels").mkdir(parents=True)
    (precious / "thesis.tex").write_text("only copy")
    site.refuse("not_a_cache", purge_cache=True, cache_dir=str(precious))
    assert (precious / "thesis.tex").exists()


def test_the_same_lock_gives_the_same_set_under_both_engines(tmp_path, index, packages, toolbox):
    from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

    pins = hashed(packages, "alpha==2.0", "beta==1.1", "delta==1.0", "under_score_dot==1.0")
    found = []
    for engine in ("uv", "pip"):
        site = Site(tmp_path / engine, index, {"engine": engine, "toolbox": str(toolbox)})
        site.home.mkdir(parents=True)
        done = site.apply({**on_host(site, pins), "require_hashes": True})
        files = sorted(
            str(path.relative_to(site.site_packages()))
            for path in site.site_packages().rglob("*")
            if path.is_file() and path.suffix != ".pyc" and path.name not in ("INSTALLER", "REQUESTED", "uv_cache.json")
        )
        files = [path for path in files if not path.startswith("_virtualenv")]
        found.append((done.one["freeze"], site.installed(), files))
    assert found[0] == found[1]


def test_pip_itself_can_be_pinned_in_an_environment(site_of_engine, toolbox):
    """The pip that builds must not take itself for installed."""
    site = site_of_engine
    (folder,) = toolbox.glob("pip-*")
    version = folder.name.split("-")[1]
    assert site.apply({"packages": [f"pip=={version}"]}, index_url=None, env=machine_settings()).one["added"] == {
        "pip": version
    }
    assert site.installed() == {"pip": version}


def machine_settings():
    """The settings of pip that this machine needs to reach its index."""
    kept = {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "UV_", "SSL_", "REQUESTS_"))}
    return {**kept, "HOME": os.path.expanduser("~"), "PIP_CONFIG_FILE": os.environ.get("PIP_CONFIG_FILE", "")}


def test_auto_builds_with_pip_and_says_so_where_uv_cannot_be_had(site, toolbox, tmp_path):
    without_uv = tmp_path / "toolbox"
    without_uv.mkdir()
    (pip,) = toolbox.glob("pip-*")
    (without_uv / pip.name).symlink_to(pip)
    del site.options["executable"]
    ran = site.apply({"packages": ["alpha==1.0"]}, toolbox=str(without_uv))
    assert ran.one["engine"]["name"] == "pip"
    assert "pip builds instead" in json.dumps(ran.result["warnings"])
    assert json.loads((site.path() / "mlstack.json").read_text())["engine"]["name"] == "pip"


@pytest.mark.parametrize("check", [True, False])
def test_a_conflict_is_named_as_package_wanted_and_found(site_of_engine, check):
    for pins, requirer, against in (
        (["alpha==1.0", "beta==2.0"], "alpha==1.0", "beta==2.0 is wanted"),
        (["alpha==1.0", "gamma==1.0"], "alpha==1.0", "gamma==1.0"),
    ):
        ran = site_of_engine.refuse("conflict", {"packages": pins}, check=check)
        (conflict,) = ran.one["conflicts"]
        assert conflict["package"] == "beta"
        assert requirer in ran.result["msg"] and against in ran.result["msg"] and "beta<2" in ran.result["msg"]
    assert not site_of_engine.path().exists()


def test_an_index_that_is_gone_is_told(site_of_engine):
    ran = site_of_engine.refuse(
        "index_unreachable", {"packages": ["alpha==1.0"]}, index_url="http://127.0.0.1:9/simple/"
    )
    assert "127.0.0.1" in ran.result["msg"]
    site_of_engine.refuse("no_such_package", {"packages": ["absent-here==1.0"]})


def test_a_pin_without_a_local_version_takes_the_build_that_the_index_has(site_of_engine, tmp_path):
    """As with torch==2.0.1 on an index that has 2.0.1+cu118; the exact build is what is told and kept."""
    distributions.wheel(tmp_path / "wheels", "tensors", "2.0.1+cu118")
    with PythonIndex(tmp_path / "wheels") as index:
        done = site_of_engine.apply({"packages": ["tensors==2.0.1"]}, index_url=index.url)
        assert done.one["added"] == {"tensors": "2.0.1+cu118"}
        assert not site_of_engine.apply({"packages": ["tensors==2.0.1"]}, index_url=index.url).result["changed"]
        exact = site_of_engine.apply({"packages": ["tensors==2.0.1+cu118"]}, index_url=index.url)
        assert exact.one["freeze"] == ["tensors==2.0.1+cu118"]
        site_of_engine.refuse("no_such_version", {"packages": ["tensors==2.0.1+cpu"]}, index_url=index.url)


def test_what_was_frozen_of_a_direct_url_is_pinned_and_builds_the_same(site_of_engine, packages):
    site = site_of_engine
    url = site.index.file_url("beta-2.0-py3-none-any.whl")
    digest = distributions.sha256(wheel_of(packages, "beta", "2.0"))
    frozen = site.folder / "frozen.txt"
    site.apply({"packages": [f"beta @ {url}#sha256={digest}"], "freeze_to": str(frozen)})
    assert frozen.read_text() == f"beta @ {url}#sha256={digest}\n"
    again = site.apply({"name": "again", "requirements": [str(frozen)], "remote_src": True})
    assert again.one["freeze"] == frozen.read_text().splitlines()
