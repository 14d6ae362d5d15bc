# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""find_pip with real interpreters and real pips: which one is taken, and that it works."""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import pip_source


@pytest.fixture
def bare_python(tmp_path):
    """The interpreter of an environment that has no pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    return str(tmp_path / "bare" / "bin" / "python")


@pytest.fixture
def pip_wheel():
    ensurepip = pytest.importorskip("ensurepip", reason="this Python brings no wheel of pip to test with")
    bundled = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")
    wheels = pip_source.pip_wheels([bundled, getattr(ensurepip, "_WHEEL_PKG_DIR", None) or bundled])
    if not wheels:
        pytest.skip("this Python brings no wheel of pip to test with")
    return wheels[0]


def unpack_into(python: str, wheel: str) -> str:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return os.path.join(folder, "pip")


def version_under(source: pip_source.PipSource, python: str) -> str:
    argv = [*source.argv_for(python), "--version"]
    return subprocess.run(argv, check=True, capture_output=True, text=True, env={**os.environ, **source.env}).stdout


def test_takes_a_wheel_where_the_interpreter_has_no_pip(bare_python, pip_wheel, tmp_path):
    source = pip_source.find_pip(bare_python, str(tmp_path / "state"))
    assert source.origin.startswith("the wheel ")
    assert version_under(source, bare_python).startswith(f"pip {source.version} ")


def test_takes_the_interpreters_own_pip_first(bare_python, pip_wheel, tmp_path):
    unpack_into(bare_python, pip_wheel[1])
    source = pip_source.find_pip(bare_python, str(tmp_path / "state"))
    assert source.origin == f"the pip of {bare_python}"
    assert source.version == pip_wheel[0]
    assert not (tmp_path / "state").exists()


def test_a_foreign_pip_does_not_take_its_neighbours_for_installed(bare_python, pip_wheel, tmp_path):
    package = unpack_into(bare_python, pip_wheel[1])
    neighbour = os.path.join(os.path.dirname(package), "neighbour-1.0.dist-info")
    os.mkdir(neighbour)
    with open(os.path.join(neighbour, "METADATA"), "w") as stream:
        stream.write("Metadata-Version: 2.1\nName: neighbour\nVersion: 1.0\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "other")], check=True)
    other = str(tmp_path / "other" / "bin" / "python")
    for runner in (True, False):
        if not runner:  # what a pip before 22.3 looks like
            os.remove(os.path.join(package, "__pip-runner__.py"))
        source = pip_source.find_pip(bare_python, str(tmp_path / "state"))
        listing = subprocess.run(
            [*source.argv_for(other), "list", "--format=json"], check=True, capture_output=True, text=True
        )
        assert "neighbour" not in [item["name"] for item in json.loads(listing.stdout)], source
    assert source.argv[1] == str(tmp_path / "state" / f"pip-{pip_wheel[0]}" / "pip")


def test_the_copy_of_an_older_pip_is_made_once(bare_python, pip_wheel, tmp_path):
    os.remove(os.path.join(unpack_into(bare_python, pip_wheel[1]), "__pip-runner__.py"))
    first = pip_source.find_pip(bare_python, str(tmp_path / "state"))
    made = os.stat(first.argv[1]).st_mtime_ns
    assert pip_source.find_pip(bare_python, str(tmp_path / "state")) == first
    assert os.stat(first.argv[1]).st_mtime_ns == made
    assert os.listdir(tmp_path / "state") == [f"pip-{pip_wheel[0]}"]


def test_a_pip_that_is_too_old_is_passed_over(bare_python, pip_wheel, tmp_path):
    package = unpack_into(bare_python, pip_wheel[1])
    with open(os.path.join(package, "__init__.py"), "w") as stream:
        stream.write('__version__ = "19.3.1"\n')
    assert pip_source.find_pip(bare_python, str(tmp_path / "state")).origin.startswith("the wheel ")


def test_a_broken_pip_is_passed_over(bare_python, pip_wheel, tmp_path):
    package = unpack_into(bare_python, pip_wheel[1])
    os.remove(os.path.join(package, "_internal", "commands", "install.py"))
    assert pip_source.find_pip(bare_python, str(tmp_path / "state")).origin.startswith("the wheel ")


def test_a_wheel_that_was_put_into_the_state_folder_is_found(pip_wheel, tmp_path):
    (tmp_path / "wheels").mkdir()
    os.symlink(pip_wheel[1], tmp_path / "wheels" / os.path.basename(pip_wheel[1]))
    search = pip_source._Search(sys.executable, str(tmp_path), pip_source.run_program, False)
    source = pip_source._lying_wheel(search, {"folders": []})
    assert source is not None
    assert pip_source.parse_version(source.version) >= pip_source.OLDEST_PIP


def installed_pythons():
    found = [*glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python")), "/usr/bin/python3"]
    return [path for path in found if not re.search(r"/3\.[0-8]\.", path) and os.path.exists(path)] or [sys.executable]


@pytest.mark.parametrize("python", installed_pythons())
def test_finds_one_for_every_python_of_this_machine(python, tmp_path):
    source = pip_source.find_pip(python, str(tmp_path))
    assert version_under(source, python).startswith(f"pip {source.version} ")
