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

# The same words as in prepare.yml.
LIST_PACKAGES = (
    "if test -d /var/lib/dpkg; then dpkg-query -W -f '${Package} ${Version}\\n'; "
    "else rpm -qa --qf '%{NAME} %{EVR}\\n'; fi"
)

PACKAGE_MODULES = {f"gpufleet.mlstack.{name}" for name in ("system_packages", "cuda_toolkit", "nvidia_driver")}


class Run(t.NamedTuple):
    """One run of a playbook on one host. `steps` are the planned ones in their order, with `module` added to each."""

    playbook: str
    check_mode: bool
    steps: list[dict[str, t.Any]]
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
        steps = [{"module": result["module"], **step} for result in results for step in result["plan"]]
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
    assert _modules(repair) == _modules(runs[1])


def test_packages_changed_as_check_mode_said(host: t.Any, runs: list[Run]) -> None:
    """Seen by the package manager itself: what was not there before, in which version, and nothing else."""
    before = _versions(host.check_output("cat /root/packages-before"))
    after = _versions(host.check_output(LIST_PACKAGES))
    predicted = {
        step["subject"]: step["details"]["to"]
        for step in runs[0].steps
        if step["module"] in PACKAGE_MODULES and step.get("details", {}).get("to")
    }
    assert predicted
    assert {name: version for name, version in after.items() if before.get(name) != version} == predicted
    assert not before.keys() - after.keys()


def _modules(run: Run) -> set[str]:
    return {step["module"] for step in run.steps}


def _versions(listing: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in listing.splitlines())
