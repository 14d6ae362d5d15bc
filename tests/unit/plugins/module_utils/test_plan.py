# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan is what check mode and diff show."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


def test_an_empty_plan_changes_and_shows_nothing():
    plan = Plan(before=("a",), after=("b",))
    assert not plan.changed and plan.result() == [] and plan.diff("ml") == []


def test_a_plan_is_told_step_by_step_and_shown_as_a_diff():
    plan = Plan(
        (Action("build", "ml", "build it", {"n": 1}), Action("switch", "ml", "switch")), ("a 1",), ("a 2", "b 1")
    )
    assert plan.changed
    assert plan.result() == [
        {"action": "build", "subject": "ml", "summary": "build it", "details": {"n": 1}},
        {"action": "switch", "subject": "ml", "summary": "switch"},
    ]
    steps, contents = plan.diff("ml")
    assert steps == {"prepared": "ml: build it\nml: switch\n"}
    assert (contents["before"], contents["after"]) == ("a 1\n", "a 2\nb 1\n")


def test_steps_that_change_no_line_show_no_lines():
    plan = Plan((Action("prune", "x", "delete x"),), ("a 1",), ("a 1",))
    assert plan.diff("ml") == [{"prepared": "ml: delete x\n"}]
