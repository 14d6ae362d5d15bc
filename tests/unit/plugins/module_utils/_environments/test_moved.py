# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies elsewhere than it was built does not run, and is built anew; a link or a mount is no move."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._environments.file_environments import (
    Contents,
    Desired,
    run,
)


def present(root: Path, **pins: str) -> Desired:
    return Desired(str(root), "present", Contents(pins or {"six": "1"}))


def verbs(outcome) -> list[str]:
    assert outcome.error is None, outcome.error
    return [action.verb for action in outcome.plan.actions]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two generations, the second one in use."""
    made = tmp_path / "envs"
    run(present(made, six="1"), check=False)
    run(present(made, six="2"), check=False)
    return made


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_root_at_another_path_is_drift_and_built_anew(root: Path, tmp_path: Path, how: str) -> None:
    there = tmp_path / "elsewhere"
    shutil.copytree(root, there, symlinks=True)
    if how == "moved":
        shutil.rmtree(root)
    shown = run(present(there, six="2"), check=True)
    assert f"moved: it was built at {root}" in shown.plan.actions[0].summary
    assert verbs(run(present(there, six="2"), check=False))[:2] == ["build", "switch"]
    assert verbs(run(present(there, six="2"), check=False)) == []
    assert (there / "ml" / "prefix" / "six").read_text() == "2"


def test_another_way_to_the_same_root_is_none(root: Path, tmp_path: Path) -> None:
    os.symlink(root, tmp_path / "link")
    assert verbs(run(present(tmp_path / "link", six="2"), check=False)) == []


def test_a_rollback_goes_to_nothing_that_would_not_run(root: Path, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    shutil.move(root, there)
    before = os.readlink(there / "ml")
    newest, oldest = sorted(os.listdir(there / ".generations" / "ml"), reverse=True)[:2]
    for to in ("", oldest):
        outcome = run(Desired(str(there), "rolled_back", rollback_to=to), check=False)
        assert outcome.error is not None and oldest in outcome.error.found
        assert "state: present" in outcome.error.to_fix or newest in outcome.error.found
    assert os.readlink(there / "ml") == before


def test_an_old_generation_is_no_reason_to_switch_back_to_it_where_it_lies_elsewhere(
    root: Path, tmp_path: Path
) -> None:
    there = tmp_path / "elsewhere"
    shutil.move(root, there)
    assert verbs(run(present(there, six="1"), check=False))[0] == "build"
