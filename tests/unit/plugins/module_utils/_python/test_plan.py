# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions over environments: what is done leads to the desired state, once, and spares what must be spared."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import plan as planner
from ansible_collections.gpufleet.mlstack.tests.unit.plugins.module_utils._python.environments import (
    ModelStore,
    desired,
    generation,
    previewed,
)
from hypothesis import given
from hypothesis import strategies as st

names = st.sampled_from(["numpy", "pandas", "six"])
versions = st.sampled_from(["1.0", "1.1", "2.0"])
contents = st.dictionaries(names, versions, max_size=3)


def verbs(plan):
    return [action.verb for action in plan.actions]


@st.composite
def desired_present(draw):
    pins = draw(st.dictionaries(names, versions, min_size=1, max_size=3))
    return desired(
        packages=[f"{name}=={version}" for name, version in pins.items()],
        keep=draw(st.integers(0, 2)),
        reinstall=draw(st.booleans()),
        freeze_to=draw(st.sampled_from([None, "/frozen.txt"])),
    )


@st.composite
def all_desired(draw):
    kind = draw(st.sampled_from(["present", "present", "absent", "without", "rolled_back"]))
    options = {"keep": draw(st.integers(0, 2)), "freeze_to": draw(st.sampled_from([None, "/frozen.txt"]))}
    if kind == "present":
        return draw(desired_present())
    if kind == "without":
        return desired(state="absent", packages=draw(st.lists(names, min_size=1, unique=True)), **options)
    return desired(state=kind, **options)


@st.composite
def by_hand(draw):
    """What somebody does in the environment with a plain pip, or a run that was killed leaves."""
    return draw(st.sampled_from(["nothing", "leftover", "use"])) if draw(st.booleans()) else draw(contents)


def touch(store, hand):
    if isinstance(hand, dict) and store.current:
        store.contents[store.current] = dict(hand)
    elif hand == "leftover":
        store.leftovers = ("/envs/.generations/ml/.trash-x",)
    elif hand == "use":
        store.in_use = frozenset(item.id for item in store.generations)


@given(st.lists(st.tuples(all_desired(), by_hand()), min_size=1, max_size=6))
def test_after_a_plan_is_carried_out_there_is_nothing_left_to_do(story):
    store = ModelStore()
    for asked, hand in story:
        touch(store, hand)
        store.rebuilt = False
        observed = store.observe(asked)
        try:
            plan = planner.RULES.plan(asked, observed)
        except MlstackError as error:
            assert error.code == "nothing_to_roll_back_to"
            continue
        store.apply(asked, observed, plan)
        again = planner.RULES.plan(asked, store.observe(asked))
        assert not again.changed, (verbs(plan), verbs(again))


@given(st.lists(desired_present(), min_size=1, max_size=5), all_desired())
def test_the_plan_names_every_generation_that_goes(history, last):
    store = ModelStore()
    for asked in [*history, last]:
        store.rebuilt = False
        observed = store.observe(asked)
        try:
            plan = planner.RULES.plan(asked, observed)
        except MlstackError:
            return
        store.apply(asked, observed, plan)
        switched = any(verb in ("switch", "prune") for verb in verbs(plan))
        if store.current and switched and asked.state != "rolled_back":
            assert {item.id for item in store.generations} == store.kept_after(asked)


@given(contents, contents)
def test_a_comparison_leads_from_before_to_after(before, after):
    told = planner.comparison(before, after)
    result = {name: version for name, version in before.items() if name not in told["removed"]}
    for name, change in told["replaced"].items():
        assert result[name] == change["before"] != change["after"]
        result[name] = change["after"]
    assert not set(told["added"]) & set(before)
    assert {**result, **told["added"]} == after


@given(contents, contents)
def test_drift_is_empty_only_where_nothing_differs(recorded, installed):
    lines = planner.drift(recorded, installed)
    assert (lines == ()) == (recorded == installed)
    assert len(lines) == len({name for name in {*recorded, *installed} if recorded.get(name) != installed.get(name)})


@given(desired_present(), contents)
def test_a_preview_changes_what_is_shown_and_not_what_is_done(asked, foretold):
    store = ModelStore()
    observed = store.observe(asked)
    plain = planner.RULES.plan(asked, observed)
    shown = planner.RULES.plan(asked, previewed(observed, foretold))
    assert shown.actions == plain.actions
    assert shown.details["added"] == dict(sorted(foretold.items()))


def test_going_back_counts_from_the_newest_even_if_that_was_changed_by_hand():
    store = ModelStore()
    for version in ("1.0", "1.1", "2.0"):
        asked = desired(packages=[f"six=={version}"])
        observed = store.observe(asked)
        store.apply(asked, observed, planner.RULES.plan(asked, observed))
    newest = store.current
    store.contents[newest]["byhand"] = "1.0"
    back = desired(state="rolled_back")
    observed = store.observe(back)
    store.apply(back, observed, planner.RULES.plan(back, observed))
    assert store.contents[store.current] == {"six": "1.1"}
    assert not planner.RULES.plan(back, store.observe(back)).changed


def test_what_stands_in_the_place_is_refused_and_named():
    for standing, words in {"directory": "a directory", "file": "a file", "foreign_link": "a link to"}.items():
        for state in ("present", "absent", "rolled_back"):
            store = ModelStore()
            store.standing = standing
            options = {"packages": ["six==1.0"]} if state == "present" else {}
            asked = desired(state=state, **options)
            with pytest.raises(MlstackError) as refused:
                planner.RULES.plan(asked, store.observe(asked))
            assert refused.value.code == "occupied" and words in refused.value.found


def test_a_directory_is_adopted_before_the_switch_when_asked():
    store = ModelStore()
    store.standing = "directory"
    asked = desired(packages=["six==1.0"], adopt=True)
    assert verbs(planner.RULES.plan(asked, store.observe(asked))) == ["build", "adopt", "switch"]
    # Built already, and stopped before the switch.
    ready = store.observe(asked)
    kept = generation("20260101T000000-abcdef", ready.desired.digest, {"six": "1.0"})
    store.generations, store.contents = [kept], {kept.id: {"six": "1.0"}}
    assert verbs(planner.RULES.plan(asked, store.observe(asked))) == ["adopt", "switch"]


def test_planning_reads_no_clock_and_touches_no_file():
    imported = set()
    for node in ast.walk(ast.parse(inspect.getsource(planner))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    forbidden = {"os", "sys", "time", "datetime", "subprocess", "random", "pathlib", "shutil", "ansible"}
    assert not {name.split(".")[0] for name in imported} & forbidden


def test_a_generation_that_lets_newer_packages_wait_is_not_gone_back_to():
    """It has the digest that is wanted, and would bring the old packages again."""
    store = ModelStore()
    asked = desired(packages=["numpy==1.0"])
    digest = store.observe(asked).desired.digest
    old, new = generation("1", digest, {"numpy": "1.0"}), generation("2", "other", {"numpy": "2.0"})
    store.generations, store.current = [old, new], "2"
    store.contents = {"1": {"numpy": "1.0"}, "2": {"numpy": "2.0"}}
    observed = store.observe(asked)
    assert "build" not in verbs(planner.RULES.plan(asked, observed))
    assert "build" in verbs(planner.RULES.plan(asked, replace(observed, outdated=("numpy 1.1 is out",))))
