# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every form of installation is a package of an audit, or a problem."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit import contents, resources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "v" / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    (tmp_path / "v" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.4\n")
    return folder


def describe(folder: Path, name: str, version: str) -> None:
    folder.mkdir(parents=True)
    (folder / "PKG-INFO").write_text(f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n")


def audited(site: Path) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    told = contents.contents(resources.named(str(site.parents[2])), Commands(Redactor()))
    problems = [(item["kind"], item["package"], item["text"]) for item in told["problems"]]
    return {item["name"]: item for item in told["packages"]}, problems


def test_a_development_install_is_the_package_of_its_sources(site: Path, tmp_path: Path) -> None:
    describe(tmp_path / "src" / "numpy.egg-info", "numpy", "1.13.0")
    (site / "numpy.egg-link").write_text(f"{tmp_path}/src\n.")
    (site / "easy-install.pth").write_text(f"{tmp_path}/src\n")
    packages, problems = audited(site)
    assert packages == {"numpy": {"name": "numpy", "version": "1.13.0", "origin": f"file://{tmp_path}/src"}}
    assert problems == []


@pytest.mark.parametrize("text", ["", "relative\n.", "/nowhere/at/all\n.", "{empty}\n."])
def test_a_development_install_that_leads_nowhere_is_a_problem(site: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "empty").mkdir()
    (site / "Num_Py.egg-link").write_text(text.format(empty=tmp_path / "empty"))
    packages, problems = audited(site)
    assert packages == {}
    assert [problem[:2] for problem in problems] == [("broken_metadata", "num-py")]


def test_an_egg_folder_is_a_package_by_its_metadata(site: Path) -> None:
    describe(site / "bleach-3.0.9-py3.9.egg" / "EGG-INFO", "bleach", "3.1.0")
    packages, problems = audited(site)
    assert (packages["bleach"]["version"], problems) == ("3.1.0", [])


def test_a_zipped_egg_is_a_package_by_its_name(site: Path) -> None:
    for name in ("Mako-1.0.0-py3.9.egg", "my_ext-2.0_1-py3.9-linux-x86_64.egg"):
        with zipfile.ZipFile(site / name, "w") as archive:
            archive.writestr("EGG-INFO/PKG-INFO", "Name: x\nVersion: 1\n")
    packages, problems = audited(site)
    assert {name: item["version"] for name, item in packages.items()} == {"mako": "1.0.0", "my-ext": "2.0-1"}
    assert problems == []


def test_an_egg_without_metadata_is_told_and_matched_by_its_name(site: Path) -> None:
    (site / "bare-1.0-py3.9.egg").mkdir()
    (site / "nameless.egg").mkdir()
    packages, problems = audited(site)
    assert list(packages) == ["bare"]
    assert sorted(text.partition(":")[0] for _kind, _package, text in problems) == [
        "bare-1.0-py3.9.egg",
        "nameless.egg",
        "nameless.egg",
    ]


def test_what_a_pth_file_adds_is_there(site: Path, tmp_path: Path) -> None:
    describe(tmp_path / "more" / "django-3.2.0.dist-info", "django", "3.2.0")
    describe(tmp_path / "eggs" / "flask-1.0-py3.9.egg" / "EGG-INFO", "flask", "1.0")
    describe(site / "inside" / "six-1.0.egg-info", "six", "1.0")
    lines = [
        "# a comment",
        "import sys; raise SystemExit",
        f"{tmp_path}/more",
        f"{tmp_path}/eggs/flask-1.0-py3.9.egg",
        "inside",
        "./nowhere",
        "/etc/hostname",
    ]
    (site / "more.pth").write_text("\n".join(lines))
    packages, problems = audited(site)
    assert {name: item["version"] for name, item in packages.items()} == {
        "django": "3.2.0",
        "flask": "1.0",
        "six": "1.0",
    }
    assert packages["django"]["origin"] == f"file://{tmp_path}/more"
    assert problems == []


def test_a_folder_that_is_called_otherwise_is_what_its_metadata_says(site: Path) -> None:
    describe(site / "pyyaml_old-1.dist-info", "PyYAML", "5.3.1")
    packages, problems = audited(site)
    assert packages["pyyaml"]["version"] == "5.3.1"
    assert problems == [("broken_metadata", "", "pyyaml_old-1.dist-info: its METADATA is that of PyYAML")]


def test_both_versions_of_a_package_that_is_there_twice_are_told(site: Path) -> None:
    for version in ("5.3.1", "6.0"):
        describe(site / f"PyYAML-{version}.dist-info", "PyYAML", version)
    told = contents.contents(resources.named(str(site.parents[2])), Commands(Redactor()))
    assert [(item["name"], item["version"]) for item in told["packages"]] == [("pyyaml", "5.3.1"), ("pyyaml", "6.0")]


def test_metadata_without_a_version_in_its_folders_name(site: Path) -> None:
    describe(site / "plain.egg-info", "plain", "1.0")
    describe(site / "odd.dist-info", "odd", "2.0")
    packages, problems = audited(site)
    assert {name: item["version"] for name, item in packages.items()} == {"plain": "1.0", "odd": "2.0"}
    assert problems == [("broken_metadata", "", "odd.dist-info: its name is not NAME-VERSION")]


def test_what_is_from_a_file_or_version_control_carries_name_version_and_origin(site: Path) -> None:
    """All that the controller needs to match it and to say that it may differ from the release."""
    origins = {
        "wheel": {"url": "file:///srv/wheel-1.0-py3-none-any.whl", "archive_info": {"hash": "sha256=00"}},
        "editable": {"url": "file:///src/editable", "dir_info": {"editable": True}},
        "repository": {"url": "https://example.org/r.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
    }
    for name, url in origins.items():
        describe(site / f"{name}-1.0.dist-info", name, "1.0")
        (site / f"{name}-1.0.dist-info" / "direct_url.json").write_text(json.dumps(url))
    packages, _problems = audited(site)
    assert {name: item["origin"] for name, item in packages.items()} == {
        "wheel": "file:///srv/wheel-1.0-py3-none-any.whl",
        "editable": "file:///src/editable",
        "repository": "git+https://example.org/r.git@abc",
    }
    assert {item["version"] for item in packages.values()} == {"1.0"}


@pytest.mark.parametrize(
    "header",
    [
        "Requires-Dist: " + "(" * 900,
        "Requires-Dist: x ; " + "(" * 900 + "python_version < '3'",
        "Requires-Dist: x>=" + "9" * 5000,
        "License: " + "\n  x" * 200_000,
        "\n".join(f"Requires-Dist: x{number}" for number in range(20_000)),
    ],
    ids=["brackets", "marker", "digits", "folds", "many"],
)
def test_hostile_metadata_are_told_not_stumbled_over(site: Path, header: str) -> None:
    describe(site / "bad-1.0.dist-info", "bad", f"1.0\n{header}")
    packages, _problems = audited(site)
    assert packages["bad"]["version"] == "1.0"
