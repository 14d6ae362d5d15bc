# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source builds as machine learning needs them, and sets that do not fit by intent."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site


def source(folder: Path, name: str, build: str, requires: str = "") -> None:
    """A source distribution whose build runs the line ``build``, with ``requires`` in the environment it builds in."""
    path = distributions.sdist(folder, name, "1.0")
    with tarfile.open(path) as archive:
        # Files alone are in it, so that each can be read.
        members = {item.name: archive.extractfile(item).read().decode() for item in archive.getmembers()}  # type: ignore[union-attr]
    for member in members:
        if member.endswith("_wheelwright.py"):
            members[member] = f"{build}\n{members[member]}"
        if member.endswith("pyproject.toml"):
            members[member] = members[member].replace("requires = []", f"requires = [{requires}]")
        if member.endswith("_backend.py"):
            members[member] = members[member].replace(
                "    return", "    _wheelwright.settings(config_settings)\n    return"
            )
    with tarfile.open(path, "w:gz") as archive:
        for member, text in members.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))


NO_SETTINGS = "settings = lambda given: None"


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[PythonIndex]:
    folder = tmp_path / "sources"
    folder.mkdir()
    for version in ("1.0", "1.1", "2.0"):
        distributions.wheel(folder, "beta", version)
    distributions.wheel(folder, "alpha", "1.0", requires=["beta<2"])
    source(folder, "attention", f"import beta; {NO_SETTINGS}")
    source(folder, "picky", f"import beta; assert beta.__version__ == '1.0', beta.__version__; {NO_SETTINGS}", '"beta"')
    source(folder, "tuned", "def settings(given): assert given == {'fast': 'yes'}, given")
    with PythonIndex(folder) as served:
        yield served


def test_a_build_that_imports_others_comes_last_and_finds_them(site_of_engine: Site, sources: PythonIndex) -> None:
    desired = {"packages": ["attention==1.0", "beta==1.1"], "no_build_isolation": ["Attention"]}
    foretold = site_of_engine.apply(desired, check=True, index_url=sources.url)
    assert foretold.one["added"] == {"attention": "1.0", "beta": "1.1"}
    site_of_engine.apply(desired, index_url=sources.url)
    assert site_of_engine.installed() == {"attention": "1.0", "beta": "1.1"}
    assert not site_of_engine.apply(desired, index_url=sources.url).result["changed"]
    without = {**desired, "no_build_isolation": []}
    assert site_of_engine.run({**without, "name": "isolated"}, index_url=sources.url, no_cache=True).result["failed"]


def test_what_builds_use_is_bounded(site_of_engine: Site, sources: PythonIndex) -> None:
    desired = {"packages": ["picky==1.0"], "build_constraints": ["beta<1.1"]}
    site_of_engine.apply(desired, index_url=sources.url)
    assert site_of_engine.installed() == {"picky": "1.0"}
    unbounded = {"name": "unbounded", "packages": ["picky==1.0"]}
    assert site_of_engine.run(unbounded, index_url=sources.url, no_cache=True).result["failed"]


def test_settings_behind_a_requirement_reach_its_build(site_of_engine: Site, sources: PythonIndex) -> None:
    site_of_engine.apply({"packages": ["tuned==1.0 --config-settings=fast=yes"]}, index_url=sources.url)
    assert site_of_engine.installed() == {"tuned": "1.0"}


def test_no_dependencies_is_told_and_does_not_fail(site_of_engine: Site, sources: PythonIndex) -> None:
    ran = site_of_engine.apply({"packages": ["alpha==1.0"], "no_deps": True}, index_url=sources.url)
    assert site_of_engine.installed() == {"alpha": "1.0"}
    assert ran.one["warnings"] == ["alpha 1.0 needs beta<2, and it is not installed"]


def test_an_override_counts_in_place_of_what_dependencies_ask_for(site: Site, sources: PythonIndex) -> None:
    desired = {"packages": ["alpha==1.0"], "overrides": ["beta==2.0"]}
    ran = site.apply(desired, index_url=sources.url)
    assert site.installed() == {"alpha": "1.0", "beta": "2.0"}
    assert ran.one["warnings"] == ["alpha 1.0 needs beta<2, and version 2.0 is installed"]
    assert not site.apply(desired, index_url=sources.url).result["changed"]
    also = {**desired, "packages": ["alpha==1.0", "beta==1.0"]}  # of what is listed, too
    site.apply(also, index_url=sources.url)
    assert site.installed() == {"alpha": "1.0", "beta": "2.0"}
    site.refuse("requirement_unpinned", {**desired, "overrides": ["beta>1"]}, index_url=sources.url)


def test_pip_has_no_overrides_and_says_so(site: Site, sources: PythonIndex, toolbox: Path) -> None:
    desired = {"packages": ["alpha==1.0"], "overrides": ["beta==2.0"]}
    options = {"engine": "pip", "toolbox": str(toolbox), "executable": None, "index_url": sources.url}
    site.refuse("overrides_need_uv", desired, **options)
