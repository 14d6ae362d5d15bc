# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh environment passes only with what was wanted in it: checked on a real one, made with venv."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_files, verify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import inventory
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._python.environments import contents, desired


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("venv") / "prefix"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    return prefix


@pytest.fixture
def prefix(empty, tmp_path):
    """An environment with alpha 1.0, which needs beta below 2, and beta 1.1."""
    copy = tmp_path / "prefix"
    shutil.copytree(empty, copy, symlinks=True)
    put(copy, "alpha", "1.0", requires=["beta<2", "gone ; python_version < '3'"])
    put(copy, "beta", "1.1")
    return copy


def site_packages(prefix):
    (folder,) = prefix.glob("lib/python3*/site-packages")
    return folder


def put(prefix, name, version, **more):
    shutil.unpack_archive(distributions.wheel(prefix / ".wheels", name, version, **more), site_packages(prefix), "zip")


def check(prefix, packages=("alpha==1.0",), imports=(), commands=None):
    requirements = contents(desired(packages=list(packages))).requirements
    return verify.verify("environment ml", requirements, imports, str(prefix), commands or Commands(), str(prefix))


def refused(code, *arguments, **options):
    with pytest.raises(MlstackError) as error:
        check(*arguments, **options)
    assert error.value.code == code, str(error.value)
    return error.value


def test_a_whole_environment_is_described(prefix):
    found = check(prefix, imports=["alpha", "beta"])
    assert found.installed == {"alpha": "1.0", "beta": "1.1"} and found.freeze == ["alpha==1.0", "beta==1.1"]
    assert [Path(prefix, folder) for folder in found.folders] == [site_packages(prefix)]
    assert found.checks["imports"] == ["alpha", "beta"]


def test_a_version_that_differs_or_is_missing_is_named(prefix):
    assert "beta==1.0 is wanted, and beta 1.1 is installed" in refused("not_as_desired", prefix, ["beta==1.0"]).found
    assert "no gamma is installed" in refused("not_as_desired", prefix, ["gamma==1.0"]).found
    assert check(prefix, ["gamma==1.0 ; python_version < '3'", "ALPHA==1.0.0"])


def test_a_pin_without_a_local_version_takes_any_build_of_it_and_one_with_takes_that(prefix):
    put(prefix, "tensors", "2.0.1+cu118")
    assert check(prefix, ["tensors==2.0.1"]) and check(prefix, ["tensors==2.0.1+cu118"])
    assert "tensors 2.0.1+cu118 is installed" in refused("not_as_desired", prefix, ["tensors==2.0.1+cpu"]).found


def test_the_hashes_of_direct_urls_in_a_requirement_file():
    digest = "ab" * 32
    lines = [f"Alpha[x] @ https://h/a.whl#sha256={digest}", f"b @ git+https://h/b@{'0' * 40}"]
    lines += [f"c @ https://h/c#subdirectory=x&sha256={digest}", "d==1.0", f"e==1.0 --hash=sha256:{digest}"]
    assert verify.url_hashes(requirement_files.of_lines(lines)) == {"alpha": digest, "c": digest}


def test_metadata_that_is_cut_short_is_named(prefix):
    (site_packages(prefix) / "beta-1.1.dist-info" / "METADATA").write_text("")
    assert "beta-1.1.dist-info" in refused("not_as_desired", prefix).found


def test_a_dependency_that_does_not_fit_is_named_as_pip_check_does(prefix):
    shutil.rmtree(site_packages(prefix) / "beta-1.1.dist-info")
    error = refused("broken_requirements", prefix)
    assert error.found == "alpha 1.0 needs beta<2, and it is not installed"
    put(prefix, "beta", "2.0")
    error = refused("broken_requirements", prefix)
    assert error.found == "alpha 1.0 needs beta<2, and version 2.0 is installed"
    assert error.details["conflicts"][0]["wanted_name"] == "beta"


def test_imports_that_fail_are_all_named_with_their_reasons(prefix):
    (site_packages(prefix) / "noisy.py").write_text("print('hello'); import sys; print('x', file=sys.stderr)\n")
    (site_packages(prefix) / "leaving.py").write_text("raise SystemExit(3)\n")
    (site_packages(prefix) / "broken.py").write_text("raise ImportError('libcuda.so.1: cannot open')\n")
    error = refused("import_failed", prefix, imports=["alpha", "noisy", "leaving", "broken", "not_there"])
    assert set(error.details["imports_failed"]) == {"leaving", "broken", "not_there"}
    assert "libcuda.so.1" in error.found and "No module named 'not_there'" in error.found


def test_an_import_that_kills_python_is_told(prefix):
    (site_packages(prefix) / "crashing.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n")
    error = refused("import_failed", prefix, imports=["crashing"])
    assert "Python ended with status -11" in error.found


def test_imports_write_nothing_into_the_home(prefix, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    code = "import os, pathlib; pathlib.Path(os.path.expanduser('~'), '.config-of-mine').write_text('x')\n"
    (site_packages(prefix) / "writing.py").write_text(code)
    check(prefix, imports=["writing"])
    assert list(home.iterdir()) == []


def test_files_that_are_not_what_their_package_says(prefix):
    assert verify.damaged(str(prefix)) == {}
    (site_packages(prefix) / "beta.py").write_text("changed")
    assert verify.damaged(str(prefix)) == {"beta": ["beta.py"]}


@pytest.mark.parametrize(
    ("direct_url", "line"),
    [
        (None, "Alpha==1.0"),
        (
            '{"url": "https://h/a.whl", "archive_info": {"hashes": {"sha256": "00"}}}',
            "Alpha @ https://h/a.whl#sha256=00",
        ),
        ('{"url": "https://h/a.whl", "archive_info": {}}', "Alpha @ https://h/a.whl"),
        (
            '{"url": "https://h/a", "vcs_info": {"vcs": "git", "commit_id": "abc"}, "subdirectory": "x"}',
            "Alpha @ git+https://h/a@abc#subdirectory=x",
        ),
    ],
)
def test_a_distribution_as_a_line_of_a_requirement_file(tmp_path, direct_url, line):
    folder = tmp_path / "alpha-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: Alpha\nVersion: 1.0\n")
    if direct_url:
        (folder / "direct_url.json").write_text(direct_url)
    (found,) = inventory(str(tmp_path)).distributions
    assert verify.frozen(found) == line
