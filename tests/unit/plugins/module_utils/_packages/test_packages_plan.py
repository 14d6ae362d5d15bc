# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned and refused, and that a plan carried out leaves nothing to plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._managed_files import ManagedFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    ABSENT,
    LATEST,
    PRESENT,
    Change,
    Forecast,
    Installed,
    Observation,
    PackageWish,
    Wish,
    version_matches,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import (
    Repository,
    Sources,
    SourcesObservation,
)
from hypothesis import given
from hypothesis import strategies as st

OFFERED = ("2.0-1", "1.1-2", "1.1-1", "1.0-1")


def wished(name="tool", **fields):
    return PackageWish(name, (name,), **fields)


def found(version="1.0-1", name="tool", **fields):
    return Installed(name, "amd64", version, **fields)


def seen(*installed, **fields):
    return Observation(installed={package.name: package for package in installed}, **fields)


def verbs(plan):
    return [(action.verb, action.subject) for action in plan.actions]


@pytest.mark.parametrize(
    ("wish", "version", "fits"),
    [
        ("", "1.0-1", True),
        ("1.0-1", "1.0-1", True),
        ("1.0", "1.0-1", True),
        ("1.0", "1.0.1-1", False),
        ("1.0*", "1.0.1-1", True),
        ("1.0.*", "1.0-1", False),
        ("2:4.0.2-3", "2:4.0.2-3", True),
        ("4.0.2-3", "2:4.0.2-3", True),
        ("4.0.2", "2:4.0.2-3", True),
        ("2:4.0.2", "2:4.0.2-3", True),
        ("1:4.0.2", "2:4.0.2-3", False),
        ("0:1.0", "1.0-1", True),
        ("1.2", "1.2", True),
        ("1.0-2", "1.0-1", False),
        ("*", "1.0-1", True),
    ],
)
def test_version_matches(wish, version, fits):
    assert version_matches(wish, version) is fits


@pytest.mark.parametrize(
    ("package", "observation", "expected"),
    [
        pytest.param(wished(), seen(found()), [], id="present"),
        pytest.param(wished(), seen(), [("install", "tool")], id="missing"),
        pytest.param(wished(state=ABSENT), seen(), [], id="absent"),
        pytest.param(wished(state=ABSENT), seen(found()), [("remove", "tool")], id="to-remove"),
        pytest.param(
            wished(state=ABSENT), Observation(installed={"tool": found(name="other")}), [], id="absent-but-provided"
        ),
        pytest.param(wished(version="1.0*"), seen(found()), [], id="fitting-version"),
        pytest.param(
            wished(version="2*"), seen(found(), candidates={"tool": OFFERED}), [("install", "tool")], id="other"
        ),
        pytest.param(
            wished(version="3*"),
            seen(found(), candidates={"tool": OFFERED}),
            [("refresh", "package lists"), ("install", "tool")],
            id="version-that-only-fresh-lists-may-have",
        ),
        pytest.param(wished(state=LATEST), seen(found("2.0-1"), candidates={"tool": OFFERED}), [], id="newest"),
        pytest.param(wished(state=LATEST), seen(found(), candidates={}), [], id="no-repository-has-it"),
        pytest.param(wished(state=LATEST), seen(found(held=True), candidates={"tool": OFFERED}), [], id="kept-back"),
        pytest.param(
            wished(state=LATEST, hold=False),
            seen(found(held=True), candidates={"tool": OFFERED}),
            [("unhold", "tool"), ("install", "tool")],
            id="latest-of-what-is-no-longer-held",
        ),
        pytest.param(wished(hold=True), seen(found()), [("hold", "tool")], id="hold"),
        pytest.param(wished(hold=True), seen(found(held=True)), [], id="held"),
        pytest.param(
            wished(hold=True), seen(found(held=True, held_at="0.9-1")), [("hold", "tool")], id="hold-out-of-date"
        ),
        pytest.param(wished(hold=False), seen(found(held=True)), [("unhold", "tool")], id="unhold"),
        pytest.param(wished(), seen(found(held=True)), [], id="hold-left-alone"),
        pytest.param(
            wished(hold=True),
            seen(found(), hold_support=("locker",)),
            [("install", "locker"), ("hold", "tool")],
            id="hold-needs-a-plugin",
        ),
        pytest.param(wished(), seen(found(status="half-configured")), [("install", "tool")], id="half-there"),
        pytest.param(
            wished(),
            seen(interrupted="a journal"),
            [("repair", "package manager"), ("install", "tool")],
            id="interrupted",
        ),
        pytest.param(
            wished(),
            seen(found(), interrupted="a journal"),
            [("repair", "package manager")],
            id="interrupted-and-nothing-else-to-do",
        ),
        pytest.param(
            wished(), seen(stale="old"), [("refresh", "package lists"), ("install", "tool")], id="stale-lists"
        ),
        pytest.param(wished(), seen(found(), stale="old"), [], id="stale-lists-do-not-matter"),
        pytest.param(wished(state=ABSENT), seen(found(), stale="old"), [("remove", "tool")], id="nor-to-a-removal"),
        pytest.param(wished(), seen(found(), lost_holds=("tool",)), [("hold", "tool")], id="hold-lost-by-a-kill"),
        pytest.param(wished(version="1.0-1"), seen(found("2.0-1", also=("1.0-1",))), [], id="an-older-kernel-beside"),
    ],
)
def test_plan(package, observation, expected):
    assert verbs(planner.plan(Wish((package,)), observation)) == expected


def test_a_changed_package_is_lifted_over_its_hold():
    observation = seen(found(held=True), candidates={"tool": OFFERED})
    resolution = planner.resolve(Wish((wished(version="1.1"),)), observation)
    assert resolution.transaction.install == (("tool", "1.1-2"),)
    assert resolution.transaction.lifted == ("tool",)


REFUSALS = [
    pytest.param({}, Forecast((Change("remove", "plugin", "1.0-1"),)), "removal_refused", id="removal"),
    pytest.param(
        {"allow_removal": frozenset({"x"})}, Forecast((Change("remove", "plugin", "1"),)), "removal_refused", id="other"
    ),
    pytest.param({}, Forecast((Change("downgrade", "tool", "2", "1"),)), "downgrade_refused", id="downgrade"),
    pytest.param({}, Forecast(held=("kept",)), "held_package", id="hold"),
    pytest.param({"allow_removal": True}, Forecast(held=("kept",)), "held_package", id="hold-all-the-same"),
    pytest.param({}, Forecast(problem="tool : Depends: x"), "unsolvable", id="problem"),
    pytest.param({"update_cache": False}, Forecast(unknown=("tool",)), "unknown_package", id="unknown"),
]


@pytest.mark.parametrize(("options", "forecast", "code"), REFUSALS)
def test_refusals_come_from_the_plan(options, forecast, code):
    with pytest.raises(MlstackError) as caught:
        planner.plan(Wish((wished(),), **options), seen(forecast=forecast))
    assert caught.value.code == code


@pytest.mark.parametrize("options", [{"update_cache": False}, {}])
def test_what_nobody_offers_may_come_from_a_repository_that_is_still_to_be_added(options):
    """The lists are as fresh as they get: only without the coming repository is that the last word."""
    coming = Sources((Repository(name="more", url="https://packages.invalid/more"),))
    file = ManagedFile("/etc/apt/sources.list.d/more.sources", "URIs: https://packages.invalid/more\n")
    before = SourcesObservation("apt", files=(file,), texts={file.path: None})
    observation = seen(refreshed=True, forecast=Forecast(unknown=("tool",)))
    with pytest.raises(MlstackError) as caught:
        planner.plan(Wish((wished(),), **options), observation)
    assert caught.value.code == "unknown_package"
    wish = Wish((wished(),), sources=coming, **options)
    made = planner.plan(wish, replace(observation, sources=before))
    assert verbs(made)[0] == ("write", file.path)
    with pytest.raises(MlstackError):  # it is there by now, and has not got it either
        planner.plan(wish, replace(observation, sources=replace(before, texts={file.path: file.text})))


@pytest.mark.parametrize(
    ("options", "forecast"),
    [
        ({"allow_removal": True}, Forecast((Change("remove", "plugin", "1"),))),
        ({"allow_removal": frozenset({"plugin"})}, Forecast((Change("remove", "plugin", "1"),))),
        ({"allow_downgrade": True}, Forecast((Change("downgrade", "tool", "2", "1"),))),
    ],
)
def test_what_is_permitted_is_planned(options, forecast):
    assert planner.plan(Wish((wished(),), **options), seen(forecast=forecast)).changed


def test_an_unknown_version_says_what_is_offered():
    observation = seen(candidates={"tool": OFFERED}, refreshed=True)
    with pytest.raises(MlstackError, match=r"tool is offered as 2\.0-1, 1\.1-2") as caught:
        planner.plan(Wish((wished(version="7*"),)), observation)
    assert caught.value.code == "unknown_package"


def test_an_unknown_name_says_what_looks_like_it():
    observation = seen(forecast=Forecast(unknown=("tol",)), similar={"tol": ("tool",)}, refreshed=True)
    with pytest.raises(MlstackError, match="tol looks like tool"):
        planner.plan(Wish((wished("tol"),)), observation)


def test_a_held_package_is_not_removed():
    with pytest.raises(MlstackError) as caught:
        planner.plan(Wish((wished(state=ABSENT),)), seen(found(held=True)))
    assert caught.value.code == "held_package"
    assert planner.plan(Wish((wished(state=ABSENT, hold=False),)), seen(found(held=True))).changed


def test_the_plan_tells_what_nobody_named():
    forecast = Forecast((Change("install", "tool", "", "2.0-1"), Change("install", "library", "", "2.0-1")))
    plan = planner.plan(Wish((wished(),)), seen(forecast=forecast))
    assert [action.summary for action in plan.actions] == ["install tool 2.0-1", "install library 2.0-1 (dependency)"]
    assert plan.after == ("tool 2.0-1", "library 2.0-1")


# A model of a host: what a package manager does with a resolution.
NAMES = ("a", "b", "c")
VERSIONS = ("3.0-1", "2.1-1", "2.0-1", "1.0-1")


def carried_out(wish, observation):
    resolution = planner.resolve(wish, observation)
    installed = dict(observation.installed)
    for name in resolution.unhold:
        installed[name] = replace(installed[name], held=False, held_at="")
    for name, version in resolution.transaction.install:
        kept = installed.get(name)
        held = bool(kept and kept.held)
        newest = VERSIONS[0] if kept is None else kept.version
        installed[name] = Installed(name, "amd64", version or newest, held=held)
    for name in resolution.transaction.remove:
        del installed[name]
    for name in resolution.hold:
        installed[name] = replace(installed[name], held=True, held_at=installed[name].version)
    return replace(observation, installed=installed, stale="", refreshed=True, interrupted="")


@st.composite
def package_wishes(draw, name):
    state = draw(st.sampled_from((PRESENT, ABSENT, LATEST)))
    if state == ABSENT:
        return wished(name, state=state, hold=False)
    version = draw(st.sampled_from(("", "1.0", "2.*", "2.0-1", "3*")))
    return wished(name, state=state, version=version, hold=draw(st.sampled_from((None, True, False))))


@st.composite
def situations(draw):
    wish = Wish(
        tuple(draw(package_wishes(name)) for name in draw(st.sets(st.sampled_from(NAMES)))),
        allow_downgrade=True,
        allow_removal=True,
    )
    installed = {}
    for name in draw(st.sets(st.sampled_from(NAMES))):
        status = draw(st.sampled_from(("installed", "installed", "half-configured")))
        version = draw(st.sampled_from(VERSIONS))
        held = draw(st.booleans())
        held_at = draw(st.sampled_from(("", version, "0.1-1"))) if held else ""
        installed[name] = Installed(name, "amd64", version, status, held, held_at)
    observation = Observation(
        installed=installed,
        candidates=dict.fromkeys(NAMES, VERSIONS),
        stale=draw(st.sampled_from(("", "old"))),
        interrupted=draw(st.sampled_from(("", "a journal"))),
    )
    return wish, observation


@given(situations())
def test_a_plan_carried_out_leaves_nothing_to_plan(situation):
    wish, observation = situation
    after = carried_out(wish, observation)
    assert planner.plan(wish, after).actions == ()


@given(situations())
def test_planning_needs_candidates_only_of_what_it_says(situation):
    wish, observation = situation
    asked = planner.names_to_look_up(wish, observation.installed)
    less = replace(observation, candidates={name: observation.candidates[name] for name in asked})
    assert planner.plan(wish, less) == planner.plan(wish, observation)
