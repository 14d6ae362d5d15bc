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
    Desired,
    DesiredPackage,
    Forecast,
    Installed,
    Observed,
    Transaction,
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


def wanted(name="tool", **fields):
    return DesiredPackage(name, (name,), **fields)


def found(version="1.0-1", name="tool", **fields):
    return Installed(name, "amd64", version, **fields)


def seen(*installed, **fields):
    return Observed(installed={package.name: package for package in installed}, **fields)


def verbs(plan):
    return [(action.verb, action.subject) for action in plan.actions]


@pytest.mark.parametrize(
    ("desired", "version", "fits"),
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
def test_version_matches(desired, version, fits):
    assert version_matches(desired, version) is fits


@pytest.mark.parametrize(
    ("package", "observed", "expected"),
    [
        pytest.param(wanted(), seen(found()), [], id="present"),
        pytest.param(wanted(), seen(), [("install", "tool")], id="missing"),
        pytest.param(wanted(state=ABSENT), seen(), [], id="absent"),
        pytest.param(wanted(state=ABSENT), seen(found()), [("remove", "tool")], id="to-remove"),
        pytest.param(
            wanted(state=ABSENT), Observed(installed={"tool": found(name="other")}), [], id="absent-but-provided"
        ),
        pytest.param(wanted(version="1.0*"), seen(found()), [], id="fitting-version"),
        pytest.param(
            wanted(version="2*"), seen(found(), candidates={"tool": OFFERED}), [("install", "tool")], id="other"
        ),
        pytest.param(
            wanted(version="3*"),
            seen(found(), candidates={"tool": OFFERED}),
            [("refresh", "package lists"), ("install", "tool")],
            id="version-that-only-fresh-lists-may-have",
        ),
        pytest.param(wanted(state=LATEST), seen(found("2.0-1"), candidates={"tool": OFFERED}), [], id="newest"),
        pytest.param(wanted(state=LATEST), seen(found(), candidates={}), [], id="no-repository-has-it"),
        pytest.param(wanted(state=LATEST), seen(found(held=True), candidates={"tool": OFFERED}), [], id="kept-back"),
        pytest.param(
            wanted(state=LATEST, hold=False),
            seen(found(held=True), candidates={"tool": OFFERED}),
            [("unhold", "tool"), ("install", "tool")],
            id="latest-of-what-is-no-longer-held",
        ),
        pytest.param(wanted(hold=True), seen(found()), [("hold", "tool")], id="hold"),
        pytest.param(wanted(hold=True), seen(found(held=True)), [], id="held"),
        pytest.param(
            wanted(hold=True), seen(found(held=True, held_at="0.9-1")), [("hold", "tool")], id="hold-out-of-date"
        ),
        pytest.param(wanted(hold=False), seen(found(held=True)), [("unhold", "tool")], id="unhold"),
        pytest.param(wanted(), seen(found(held=True)), [], id="hold-left-alone"),
        pytest.param(
            wanted(hold=True),
            seen(found(), hold_support=("locker",)),
            [("install", "locker"), ("hold", "tool")],
            id="hold-needs-a-plugin",
        ),
        pytest.param(wanted(), seen(found(status="half-configured")), [("install", "tool")], id="half-there"),
        pytest.param(
            wanted(),
            seen(interrupted="a journal"),
            [("repair", "package manager"), ("install", "tool")],
            id="interrupted",
        ),
        pytest.param(
            wanted(),
            seen(found(), interrupted="a journal"),
            [("repair", "package manager")],
            id="interrupted-and-nothing-else-to-do",
        ),
        pytest.param(
            wanted(), seen(stale="old"), [("refresh", "package lists"), ("install", "tool")], id="stale-lists"
        ),
        pytest.param(wanted(), seen(found(), stale="old"), [], id="stale-lists-do-not-matter"),
        pytest.param(wanted(state=ABSENT), seen(found(), stale="old"), [("remove", "tool")], id="nor-to-a-removal"),
        pytest.param(wanted(), seen(found(), lost_holds=("tool",)), [("hold", "tool")], id="hold-lost-by-a-kill"),
        pytest.param(wanted(version="1.0-1"), seen(found("2.0-1", also=("1.0-1",))), [], id="an-older-kernel-beside"),
    ],
)
def test_plan(package, observed, expected):
    assert verbs(planner.plan(Desired((package,)), observed)) == expected


def test_a_changed_package_is_lifted_over_its_hold():
    observed = seen(found(held=True), candidates={"tool": OFFERED})
    resolution = planner.resolve(Desired((wanted(version="1.1"),)), observed)
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
        planner.plan(Desired((wanted(),), **options), seen(forecast=forecast))
    assert caught.value.code == code


def test_the_packages_of_a_group_are_planned_and_an_unknown_one_is_refused():
    group = DesiredPackage("@Tools", (), group="Tools")
    observed = seen(found("1"), groups={"Tools": ("tool", "other")})
    assert verbs(planner.plan(Desired((group,)), observed)) == [("install", "other")]
    with pytest.raises(MlstackError) as caught:
        planner.plan(Desired((group,)), seen(refreshed=True, groups={"Tools": ()}))
    assert (caught.value.code, caught.value.details["unknown"]) == ("unknown_package", ["@Tools"])
    assert verbs(planner.plan(Desired((group,)), seen(groups={"Tools": ()}))) == [("refresh", "package lists")]


def test_what_an_upgrade_would_do_is_planned_beside_what_is_named_and_refused_likewise():
    whole = Transaction(upgrade="all")
    changes = (
        Change("upgrade", "tool", "1", "2"),
        Change("upgrade", "other", "1", "2"),
        Change("install", "new", "", "1"),
    )
    observed = seen(found("1"), forecast=Forecast(changes[:1]), upgrade=whole, upgrade_forecast=Forecast(changes))
    made = planner.plan(Desired((wanted(version="2"),), upgrade="all"), replace(observed, candidates={"tool": ("2",)}))
    assert [action.summary for action in made.actions] == [
        "upgrade tool 1 -> 2",
        "upgrade other 1 -> 2",
        "install new 1 (dependency)",
    ]
    assert [action.order.upgrade for action in made.actions] == ["", "all", "all"]
    goes = Forecast((Change("remove", "plugin", "1"),))
    with pytest.raises(MlstackError) as caught:
        planner.plan(Desired(upgrade="all"), seen(upgrade=whole, upgrade_forecast=goes))
    assert caught.value.code == "removal_refused"
    assert verbs(planner.plan(Desired(upgrade="all"), seen(upgrade=whole))) == [("upgrade", "packages")]  # nobody knows
    assert verbs(planner.plan(Desired(upgrade="all"), seen(stale="old"))) == [("refresh", "package lists")]


@pytest.mark.parametrize("options", [{"update_cache": False}, {}])
def test_what_nobody_offers_may_come_from_a_repository_that_is_still_to_be_added(options):
    """The lists are as fresh as they get: only without the coming repository is that the last word."""
    coming = Sources((Repository(name="more", url="https://packages.invalid/more"),))
    file = ManagedFile("/etc/apt/sources.list.d/more.sources", "URIs: https://packages.invalid/more\n")
    before = SourcesObservation("apt", files=(file,), texts={file.path: None})
    observed = seen(refreshed=True, forecast=Forecast(unknown=("tool",)))
    with pytest.raises(MlstackError) as caught:
        planner.plan(Desired((wanted(),), **options), observed)
    assert caught.value.code == "unknown_package"
    desired = Desired((wanted(),), sources=coming, **options)
    made = planner.plan(desired, replace(observed, sources=before))
    assert verbs(made)[0] == ("write", file.path)
    # What is unfinished goes on from the sources that it had.
    made = planner.plan(desired, replace(observed, sources=before, interrupted="a journal"))
    assert verbs(made)[:2] == [("repair", "package manager"), ("write", file.path)]
    with pytest.raises(MlstackError):  # it is there by now, and has not got it either
        planner.plan(desired, replace(observed, sources=replace(before, texts={file.path: file.text})))


@pytest.mark.parametrize(
    ("options", "forecast"),
    [
        ({"allow_removal": True}, Forecast((Change("remove", "plugin", "1"),))),
        ({"allow_removal": frozenset({"plugin"})}, Forecast((Change("remove", "plugin", "1"),))),
        ({"allow_downgrade": True}, Forecast((Change("downgrade", "tool", "2", "1"),))),
    ],
)
def test_what_is_permitted_is_planned(options, forecast):
    assert planner.plan(Desired((wanted(),), **options), seen(forecast=forecast)).changed


def test_an_unknown_version_says_what_is_offered():
    observed = seen(candidates={"tool": OFFERED}, refreshed=True)
    with pytest.raises(MlstackError, match=r"tool is offered as 2\.0-1, 1\.1-2") as caught:
        planner.plan(Desired((wanted(version="7*"),)), observed)
    assert caught.value.code == "unknown_package"


def test_an_unknown_name_says_what_looks_like_it():
    observed = seen(forecast=Forecast(unknown=("tol",)), similar={"tol": ("tool",)}, refreshed=True)
    with pytest.raises(MlstackError, match="tol looks like tool"):
        planner.plan(Desired((wanted("tol"),)), observed)


def test_a_held_package_is_not_removed():
    with pytest.raises(MlstackError) as caught:
        planner.plan(Desired((wanted(state=ABSENT),)), seen(found(held=True)))
    assert caught.value.code == "held_package"
    assert planner.plan(Desired((wanted(state=ABSENT, hold=False),)), seen(found(held=True))).changed


def test_the_plan_tells_what_nobody_named():
    forecast = Forecast((Change("install", "tool", "", "2.0-1"), Change("install", "library", "", "2.0-1")))
    plan = planner.plan(Desired((wanted(),)), seen(forecast=forecast))
    assert [action.summary for action in plan.actions] == ["install tool 2.0-1", "install library 2.0-1 (dependency)"]
    assert plan.after == ("tool 2.0-1", "library 2.0-1")


# A model of a host: what a package manager does with a resolution.
NAMES = ("a", "b", "c")
VERSIONS = ("3.0-1", "2.1-1", "2.0-1", "1.0-1")


def carried_out(desired, observed):
    resolution = planner.resolve(desired, observed)
    installed = dict(observed.installed)
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
    return replace(observed, installed=installed, stale="", refreshed=True, interrupted="")


@st.composite
def desired_package_list(draw, name):
    state = draw(st.sampled_from((PRESENT, ABSENT, LATEST)))
    if state == ABSENT:
        return wanted(name, state=state, hold=False)
    version = draw(st.sampled_from(("", "1.0", "2.*", "2.0-1", "3*")))
    return wanted(name, state=state, version=version, hold=draw(st.sampled_from((None, True, False))))


@st.composite
def situations(draw):
    desired = Desired(
        tuple(draw(desired_package_list(name)) for name in draw(st.sets(st.sampled_from(NAMES)))),
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
    observed = Observed(
        installed=installed,
        candidates=dict.fromkeys(NAMES, VERSIONS),
        stale=draw(st.sampled_from(("", "old"))),
        interrupted=draw(st.sampled_from(("", "a journal"))),
    )
    return desired, observed


@given(situations())
def test_a_plan_carried_out_leaves_nothing_to_plan(situation):
    desired, observed = situation
    after = carried_out(desired, observed)
    assert planner.plan(desired, after).actions == ()


@given(situations())
def test_planning_needs_candidates_only_of_what_it_says(situation):
    desired, observed = situation
    asked = planner.names_to_look_up(desired, observed.installed)
    less = replace(observed, candidates={name: observed.candidates[name] for name in asked})
    assert planner.plan(desired, less) == planner.plan(desired, observed)
