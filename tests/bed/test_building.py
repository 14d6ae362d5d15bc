# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bed takes from elsewhere is taken as it should be: apt sources, the pinned wheel, names that stay honest."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import deb, galaxy_collections, host, rocky
from ansible_collections.gpufleet.mlstack.tests.bed.images import HERE, IMAGES, INPUTS
from ansible_collections.gpufleet.mlstack.tests.bed.package_specs import TEST_PACKAGES


@pytest.fixture
def apt_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    monkeypatch.setattr(host, "APT_DIRECTORY", tmp_path)
    monkeypatch.setattr(host, "os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    return tmp_path


def test_sources_of_both_forms_are_taken_for_another_suite_and_strangers_are_not(apt_directory: Path) -> None:
    (apt_directory / "sources.list").write_text(
        "# deb http://commented.invalid/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/usr/share/keyrings/own.gpg] http://one.invalid/debian bookworm main contrib\n"
    )
    (apt_directory / "sources.list.d" / "debian.sources").write_text(
        "# comment\nTypes: deb\nURIs: http://two.invalid/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\n\n"
        "Types: deb\nURIs: http://vendor.invalid/apt\nSuites: stable\nComponents: main\n"
    )
    assert host.debian_sources("bullseye") == (
        "Types: deb\nURIs: http://two.invalid/debian\nSuites: bullseye bullseye-updates\nComponents: main\n\n"
        "Types: deb\nURIs: http://one.invalid/debian\nSuites: bullseye\nComponents: main contrib\n"
        "Signed-By: /usr/share/keyrings/own.gpg\n"
    )


def test_a_machine_without_debian_sources_is_told_so(apt_directory: Path) -> None:
    with pytest.raises(host.BedError, match="No apt source of this machine names bookworm"):
        host.debian_sources("bullseye")


def test_a_wheel_with_another_digest_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / galaxy_collections.WHEEL, "w") as wheel:
        metadata = "Metadata-Version: 2.1\nName: ansible\nVersion: 12.3.0\n"
        wheel.writestr("ansible-12.3.0.dist-info/METADATA", metadata)
        wheel.writestr("ansible-12.3.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("ansible-12.3.0.dist-info/RECORD", "")
        wheel.writestr("ansible_collections/community/docker/MANIFEST.json", "{}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(host.BedError, match="not the pinned"):
        galaxy_collections.ensure()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("a >= 1.0", "a (>= 1.0)"),
        ("a < 2.0", "a (<< 2.0)"),
        ("a > 2", "a (>> 2)"),
        ("a = 1-1", "a (= 1-1)"),
    ],
)
def test_relations_are_written_in_debians_words(text: str, expected: str) -> None:
    assert deb.debian_relation(text) == expected


def test_what_stands_in_says_so() -> None:
    for key, image in IMAGES.items():
        assert bool(image.stand_in_for) == (not key.startswith("debian")), key
        assert bool(image.stand_in_for) == ("stand-in" in image.repository), key
    assert all("stand-in" in release.os_release for release in (rocky.NINE, rocky.TEN))


def test_every_file_that_images_are_made_of_gives_their_tag() -> None:
    only_use_images = {"bed.py", "containers.py", "docker.py", "galaxy_collections.py", "service.py"}
    python_sources = {"distributions.py", "git_server.py", "managed_python.py", "python_index.py"}
    conda_channel = {f"conda_{part}.py" for part in ("archive", "channel", "packages", "python", "server")}
    files = {path.name for path in HERE.glob("*.py") if not path.name.startswith("test_")}
    files -= only_use_images | python_sources | conda_channel
    files |= {f"dockerfiles/{path.name}" for path in (HERE / "dockerfiles").iterdir()}
    assert set(INPUTS) == files


def test_no_two_test_packages_have_one_name_and_version() -> None:
    names = [(package.name, package.full_version) for package in TEST_PACKAGES]
    assert len(names) == len(set(names))
