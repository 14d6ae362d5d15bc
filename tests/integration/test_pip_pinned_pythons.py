# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python an environment gets, and what is said when none will do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions, managed_python
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import HOST_PYTHON

DESIRED = {"packages": ["alpha==1.0"]}


def version_of(python: str | Path, parts: int = 2) -> str:
    code = f"import sys; print('.'.join(map(str, sys.version_info[:{parts}])))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


HERE = version_of(HOST_PYTHON)
# Another minor version, of which this machine has no interpreter on PATH that may be taken by chance.
ELSEWHERE = "3.14" if HERE != "3.14" else "3.13"


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> managed_python.Mirror:
    """A list of managed builds with one in it: a stand-in made of a Python of this machine."""
    return managed_python.mirror(tmp_path_factory.mktemp("mirror"), str(another_python()))


@pytest.fixture
def lonely(site):
    """A site whose PATH has no other Python than the distribution's."""
    site.env["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    return site


def test_a_path_and_a_version_on_the_host(site_of_engine):
    site = site_of_engine
    by_path = site.apply({**DESIRED, "python": HOST_PYTHON})
    assert by_path.one["python"]["path"] == os.path.realpath(HOST_PYTHON)
    assert by_path.one["python"]["version"] == version_of(HOST_PYTHON, 3)
    by_version = site.apply({**DESIRED, "name": "version", "python": HERE})
    assert by_version.one["python"]["version"].startswith(HERE)
    assert not site.apply({**DESIRED, "name": "version", "python": HERE}).result["changed"]
    moved = site.apply({**DESIRED, "name": "version", "python": version_of(HOST_PYTHON, 3)}, check=True)
    assert moved.result["changed"]


@pytest.mark.parametrize(
    ("python", "code"),
    [
        ("2.7", "python_invalid"),
        ("three", "python_invalid"),
        ("-x", "python_invalid"),
        ("3.1", "python_too_old"),
        ("/bin/true", "python_unusable"),
        ("/nowhere/python3", "command_missing"),
    ],
)
def test_pythons_that_cannot_be_meant(lonely, python, code):
    for check in (True, False):
        refused = lonely.refuse(code, {**DESIRED, "python": python}, check=check)
        assert python in refused.result["msg"]
    assert lonely.installed.__self__.generations() == [] and lonely.leftovers() == []


def test_a_version_that_is_not_here_is_named_with_the_ways_to_get_it(lonely):
    for check in (True, False):
        refused = lonely.refuse("python_missing", {**DESIRED, "python": ELSEWHERE}, python_downloads=False, check=check)
        for words in (f"Python {ELSEWHERE}", "downloads are switched off", f"python{ELSEWHERE}", "python_mirror"):
            assert words in refused.result["msg"]
    assert lonely.generations() == []


def test_a_managed_python_comes_from_a_mirror_and_stays_for_the_next_environment(lonely, mirror):
    options = {"python_downloads_json": mirror.list_url}
    desired = {**DESIRED, "python": mirror.version}
    foretold = lonely.apply(desired, check=True, **options)
    assert foretold.one["added"]["alpha"] == "1.0" and lonely.snapshot() == {}
    done = lonely.apply(desired, **options)
    assert done.one["python"]["origin"] == "managed"
    assert str(lonely.root / ".toolbox" / "python") in done.one["python"]["path"]
    assert lonely.python("import sys, alpha; print('%d.%d.%d' % sys.version_info[:3])") == mirror.version
    again = lonely.apply({**desired, "name": "second"}, python_downloads=False)
    assert again.one["python"]["path"] == done.one["python"]["path"]
    foretold = lonely.apply({**desired, "name": "third"}, check=True, python_downloads=False)
    assert foretold.result["changed"]


def test_auto_takes_the_newest_python_that_has_wheels(lonely, tmp_path):
    """As with the guide's pins on Ubuntu 24.04: no wheel for the host's own Python, and one for another here."""
    other = another_python()
    tag = "cp" + version_of(other).replace(".", "")
    distributions.wheel(tmp_path / "wheels", "binary", "1.0", tag=f"{tag}-{tag}-manylinux1_x86_64")
    distributions.sdist(tmp_path / "wheels", "source", "1.0")
    distributions.wheel(tmp_path / "wheels", "pure", "1.0")
    lonely.env["PATH"] += f":{other.parent}"
    linked = distributions.sdist(tmp_path / "wheels", "linked", "1.0")
    with PythonIndex(tmp_path / "wheels") as index:
        url = f"linked @ {index.file_url(linked.name)}#sha256={distributions.sha256(linked)}"
        desired = {"packages": ["binary==1.0", "pure==1.0", "source==1.0", url], "verify_imports": ["binary", "source"]}
        foretold = lonely.apply(desired, index_url=index.url, check=True)
        done = lonely.apply(desired, index_url=index.url)
        assert foretold.one["added"] == done.one["added"]
        assert done.one["python"]["version"].startswith(version_of(other) + ".")
        assert not lonely.apply(desired, index_url=index.url).result["changed"]


def another_python() -> Path:
    """An interpreter of another minor version than the host's, wherever this machine keeps such."""
    for path in sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3.*")):
        name = path.name.removeprefix("python")
        if name.replace(".", "").isdigit() and name != HERE and int(name.split(".")[1]) >= 9:
            return path
    pytest.skip("this machine has one Python only")


def test_pins_without_a_wheel_for_any_python_here_are_told_before_anything_is_built(lonely, tmp_path):
    tag = "cp" + ELSEWHERE.replace(".", "")
    distributions.wheel(tmp_path / "wheels", "binary", "1.0", tag=f"{tag}-{tag}-manylinux1_x86_64")
    distributions.sdist(tmp_path / "wheels", "source", "1.0")
    with PythonIndex(tmp_path / "wheels") as index:
        for check in (True, False):
            refused = lonely.refuse(
                "python_needed",
                {"packages": ["binary==1.0", "source==1.0"]},
                index_url=index.url,
                python_downloads=False,
                check=check,
            )
            assert refused.one["pythons_that_fit"] == [ELSEWHERE] and refused.one["without_wheel"] == ["binary"]
            for words in ("no wheel for binary", f"Python {ELSEWHERE}", "python_mirror"):
                assert words in refused.result["msg"]
        assert not [path for path in index.requests if path.endswith(".whl")]
    assert lonely.generations() == [] and lonely.leftovers() == []
