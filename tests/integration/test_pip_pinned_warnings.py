# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine only mentions: an unknown extra fails, and the rest reaches the result and the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site


class YankingIndex(PythonIndex):
    """beta 1.0 was yanked, as PEP 592 has it."""

    def page(self, project: str) -> str | None:
        page = super().page(project)
        return page and page.replace('">beta-1.0-', '" data-yanked="broken on arm64">beta-1.0-')


@pytest.fixture
def yanking(packages: Path) -> Iterator[PythonIndex]:
    with YankingIndex(packages) as served:
        yield served


def test_a_yanked_release_is_built_and_told(site_of_engine: Site, yanking: PythonIndex) -> None:
    site = site_of_engine
    ran = site.apply({"packages": ["beta==1.0"]}, index_url=yanking.url)
    (line,) = ran.one["warnings"]
    assert "yanked" in line and "broken on arm64" in line
    assert "environment ml: " in str(ran.result["warnings"]) and "broken on arm64" in str(ran.result["warnings"])
    again = site.apply({"packages": ["beta==1.0"]}, index_url=yanking.url)
    assert not again.result["changed"] and again.one["warnings"] == [line]


def test_an_extra_that_is_not_there_fails_and_those_that_are_there_are_named(site_of_engine: Site) -> None:
    site = site_of_engine
    refused = site.refuse("unknown_extra", {"packages": ["delta[moar]==1.0"]})
    assert "delta 1.0 has no extra moar" in refused.result["msg"] and "delta has more" in refused.result["msg"]
    assert not site.path().exists() and site.leftovers() == []
    assert site.apply({"packages": ["delta[More]==1.0", "beta==1.0"]}).one["warnings"] == []
