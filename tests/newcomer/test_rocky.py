# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""./converge on the stand-in for Rocky Linux 9, whose own Python 3.9 is too old for a controller."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.newcomer.machines import USER, Machine, machine


@pytest.fixture(scope="module")
def rocky(archive) -> Iterator[Machine]:
    yield from machine("rocky9-minimal", archive)


@pytest.fixture
def python_of(rocky) -> str:
    return rocky.host.check(["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()


def test_an_ordinary_user_is_told_which_python_is_needed(rocky, python_of):
    if python_of != "3.9":
        pytest.skip(f"this stand-in has Python {python_of}, which is new enough")
    run = rocky.converge(user=USER)
    assert run.rc == 1
    assert "Wanted: a Python 3.10 or later for the controller." in run.printed
    assert "/usr/bin/python3 is Python 3.9" in run.printed
    assert "To fix: as root, dnf install python3.12" in run.printed
    assert "Traceback" not in run.printed


def test_nothing_was_left_behind_by_that(rocky, python_of):
    if python_of != "3.9":
        pytest.skip(f"this stand-in has Python {python_of}, which is new enough")
    assert rocky.host.run(["ls", f"/home/{USER}/.local"]).rc != 0
