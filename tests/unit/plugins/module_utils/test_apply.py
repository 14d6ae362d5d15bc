# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan is executed as it stands, in order, by one handler a verb; then the host is looked at again."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import (
    Change,
    execute,
    repeated,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import ROUNDS, Context, Resource, converge
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


def actions(*verbs):
    return tuple(Action(verb, f"{verb}{count}", verb) for count, verb in enumerate(verbs))


def test_consecutive_actions_of_one_handler_are_one_call_and_the_order_stays():
    calls = []

    def work(group, change):
        calls.append([action.verb for action in group])

    def hold(group, change):
        calls.append([action.verb for action in group])

    change = Change("observed")
    plan = Plan(actions("install", "remove", "hold", "install"))
    execute(plan, {"install": work, "remove": work, "hold": hold}, change)
    assert calls == [["install", "remove"], ["hold"], ["install"]]
    assert tuple(change.done) == plan.actions


def test_what_follows_a_step_that_renews_waits_for_another_plan():
    change = Change("observed")
    plan = Plan((Action("refresh", "lists", "refresh", renews=True), *actions("install")))
    handlers = {"refresh": lambda group, change: None, "install": lambda group, change: None}
    assert execute(plan, handlers, change)
    assert [action.verb for action in change.done] == ["refresh"]
    assert not execute(Plan(actions("install")), handlers, change)


def test_a_handler_says_what_was_really_done():
    change = Change("observed")
    execute(Plan(actions("prune", "prune")), {"prune": lambda group, change: group[1:]}, change)
    assert [action.subject for action in change.done] == ["prune1"]


def test_a_verb_without_a_handler_is_a_defect_before_anything_is_done():
    change = Change("observed")
    with pytest.raises(KeyError):
        execute(Plan(actions("install", "unheard")), {"install": lambda group, change: None}, change)
    assert not change.done


def test_a_plan_that_asks_again_makes_no_progress():
    done = list(actions("refresh"))
    assert repeated(Plan(actions("refresh")), done)
    assert not repeated(Plan(actions("install")), done)


class Host(Resource):
    """A host on which each thing that is installed shows the next that is to come."""

    def __init__(self, *offers, fails="", stubborn=False):
        self.offers, self.installed = offers, []
        self.fails, self.stubborn = fails, stubborn

    def title(self, desired):
        return "host"

    def observe(self, desired, context):
        return tuple(self.installed)

    def plan(self, desired, observed):
        coming = self.offers[len(observed) : len(observed) + 1]
        return Plan(tuple(Action("install", name, name) for name in coming))

    def handlers(self, desired, context):
        return {"install": self._install}

    def _install(self, group, change):
        for action in group:
            if action.subject == self.fails:
                raise MlstackError("cannot", wanted="w", found="f", to_fix="t")
            if not self.stubborn:
                self.installed.append(action.subject)


def change(host):
    context = Context(None, None, None, False, lambda text: None)
    return converge(host, "desired", context, check_mode=False)


def test_what_a_step_brings_to_light_is_done_in_the_next_round():
    outcome = change(Host("a", "b"))
    assert outcome.error is None and outcome.changed
    assert [action.subject for action in outcome.plan.actions] == ["a", "b"]


def test_a_failure_tells_whether_anything_was_done_before_it():
    outcomes = [change(Host("a", "b", fails=name)) for name in ("a", "b")]
    assert [outcome.error.code for outcome in outcomes] == ["cannot", "cannot"]
    assert [outcome.changed for outcome in outcomes] == [False, True]


def test_a_step_that_does_not_hold_is_told_and_not_tried_for_ever():
    outcome = change(Host("a", stubborn=True))
    assert outcome.error is not None and outcome.error.code == "not_settled" and outcome.changed


def test_rounds_end_even_where_there_is_always_something_new():
    host = Host(*"abcdefghij")
    outcome = change(host)
    assert outcome.error is not None and outcome.error.code == "not_settled"
    assert len(host.installed) == ROUNDS


class Undivided(Host):
    """Executes a plan as a whole, and knows only then what it changed."""

    handlers = Resource.handlers

    def apply(self, desired, observed, plan, context):
        self.installed.append("a")
        return {"plan": Plan(plan.actions, ("a 1",), ("a 2",)), "fresh": True}


def test_a_plan_that_is_executed_as_a_whole_shows_what_it_really_changed():
    outcome = change(Undivided("a"))
    assert (outcome.plan.before, outcome.plan.after) == (("a 1",), ("a 2",))
    assert [action.subject for action in outcome.plan.actions] == ["a"] and outcome.details["fresh"] is True
