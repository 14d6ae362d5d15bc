# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan is executed as it stands: in order, by one handler a verb, up to what a step reveals, and back on failure."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import (
    Change,
    execute,
    repeated,
    until_revealed,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import ROUNDS, Context, Subject, converge
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


def actions(*verbs, reveals=()):
    return tuple(Action(verb, f"{verb}{count}", verb, reveals=verb in reveals) for count, verb in enumerate(verbs))


def test_consecutive_actions_of_one_handler_are_one_call_and_the_order_stays():
    calls = []

    def work(group, change):
        calls.append([action.verb for action in group])

    def hold(group, change):
        calls.append([action.verb for action in group])

    change = Change("desired", "observed", "observed")
    plan = Plan(actions("install", "remove", "hold", "install"))
    execute(plan, {"install": work, "remove": work, "hold": hold}, change)
    assert calls == [["install", "remove"], ["hold"], ["install"]]
    assert tuple(change.done) == plan.actions


def test_a_handler_says_what_was_really_done():
    change = Change("desired", "observed", "observed")
    execute(Plan(actions("prune", "prune")), {"prune": lambda group, change: group[1:]}, change)
    assert [action.subject for action in change.done] == ["prune1"]


def test_a_verb_without_a_handler_is_a_defect_before_anything_is_done():
    change = Change("desired", "observed", "observed")
    with pytest.raises(KeyError):
        execute(Plan(actions("install", "unheard")), {"install": lambda group, change: None}, change)
    assert not change.done


def test_what_is_known_ends_behind_the_last_of_the_first_steps_that_reveal_something():
    found = until_revealed(actions("add", "refresh", "install", reveals=("add", "refresh")))
    assert [action.verb for action in found] == ["add", "refresh"]
    found = until_revealed(actions("repair", "install", "hold", reveals=("install",)))
    assert [action.verb for action in found] == ["repair", "install"]
    assert until_revealed(()) == ()


def test_a_plan_that_asks_again_makes_no_progress():
    done = list(actions("refresh"))
    assert repeated(Plan(actions("refresh")), done)
    assert not repeated(Plan(actions("install")), done)


class Host(Subject):
    """A host whose repository must be added before it is known what can be installed from it."""

    def __init__(self, offers=("tool",), fails=False, stubborn=False):
        self.repository, self.installed, self.noted = False, [], []
        self.offers, self.fails, self.stubborn = list(offers), fails, stubborn

    def title(self, wish):
        return "host"

    def observe(self, wish, context):
        return self.repository, tuple(self.offers) if self.repository else (), tuple(self.installed)

    def plan(self, wish, observation):
        repository, offers, installed = observation
        if not repository:
            return Plan((Action("add", "repository", "add it", reveals=True), Action("install", "?", "install")))
        return Plan(tuple(Action("install", name, name) for name in offers if name not in installed))

    def handlers(self, wish, context):
        return {"add": self._add, "install": self._install}

    def _add(self, group, change):
        self.repository = True
        change.during(self._taken_back_on_failure())

    @contextlib.contextmanager
    def _taken_back_on_failure(self):
        try:
            yield
        except BaseException:
            self.repository = False
            raise

    def _install(self, group, change):
        if self.fails:
            raise MlstackError("cannot", wished="w", found="f", todo="t", changed=False)
        if not self.stubborn:
            self.installed += [action.subject for action in group]
        if self.offers == ["endless"] or self.offers[0].isdigit():
            self.offers = [str(len(self.noted))]
            self.noted.append(1)


def change(host):
    context = Context(None, None, None, False, lambda text: None)
    return converge(host, "wish", context, check_mode=False)


def test_the_host_is_planned_for_anew_after_a_step_that_reveals_what_follows():
    outcome = change(Host(["a", "b"]))
    assert outcome.error is None and outcome.changed
    assert [(action.verb, action.subject) for action in outcome.plan.actions] == [
        ("add", "repository"),
        ("install", "a"),
        ("install", "b"),
    ]


def test_what_an_earlier_step_did_is_taken_back_when_a_later_one_fails():
    host = Host(fails=True)
    outcome = change(host)
    assert outcome.error is not None and outcome.error.code == "cannot"
    assert not host.repository and not outcome.changed


def test_a_step_that_does_not_hold_is_told_and_not_tried_for_ever():
    outcome = change(Host(stubborn=True))
    assert outcome.error is not None and outcome.error.code == "not_settled" and outcome.changed


def test_rounds_end_even_where_there_is_always_something_new():
    host = Host(["endless"])
    outcome = change(host)
    assert outcome.error is not None and outcome.error.code == "not_settled"
    assert len(host.noted) == ROUNDS - 1
