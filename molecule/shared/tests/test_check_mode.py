# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode tells the truth: it predicts the real run, and has nothing to say about a converged host.

The records come from the callback plan_record; the runs are those of `molecule test`.
"""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest


class Run(t.NamedTuple):
    """One run of a playbook. `steps` are the planned (module, action, subject) of one host, in their order."""

    playbook: str
    check_mode: bool
    steps: list[tuple[str, str, str]]
    changed: bool


@pytest.fixture
def runs(host: t.Any) -> list[Run]:
    """The recorded runs on this host, oldest first."""
    name = host.backend.get_hostname()
    found = []
    for path in sorted(Path(os.environ["PLAN_RECORD_DIRECTORY"]).glob("*.json")):
        record = json.loads(path.read_text())
        results = [result for result in record["results"] if result["host"] == name]
        assert not any(result["failed"] for result in results), f"a task failed in {path}"
        steps = [(result["module"], step["action"], step["subject"]) for result in results for step in result["plan"]]
        changed = any(result["changed"] for result in results)
        found.append(Run(record["playbook"], record["check_mode"], steps, changed))
    assert len(found) >= 5, "molecule test records five runs: check, converge, idempotence, check, side_effect"
    return found


def test_check_mode_on_a_bare_host_predicts_the_real_run(runs: list[Run]) -> None:
    predicted, real = runs[:2]
    assert (predicted.check_mode, real.check_mode) == (True, False)
    assert predicted.changed
    assert predicted.steps == real.steps


def test_check_mode_on_a_converged_host_finds_nothing_to_do(runs: list[Run]) -> None:
    last_check = [run for run in runs[2:] if run.check_mode][-1]
    assert (last_check.changed, last_check.steps) == (False, [])


def test_drift_was_found_and_repaired(runs: list[Run]) -> None:
    repair = runs[-1]
    assert repair.playbook == "side_effect"
    assert repair.changed
    assert {module for module, _, _ in repair.steps} == {module for module, _, _ in runs[1].steps}
