# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must change on a host so that its system packages are as desired. Pure: data in, data out."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import refusals
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    ABSENT,
    LATEST,
    Change,
    Desired,
    DesiredPackage,
    Installed,
    Observed,
    Transaction,
    version_matches,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

CHANGES = ("install", "upgrade", "downgrade", "reinstall", "remove")  # what a transaction does to a package
VERBS = ("repair", "refresh", "unhold", *CHANGES, "hold")


@dataclass(frozen=True)
class Resolution:
    """A desired state in the package manager's terms: one transaction, holds to set and to lift, and what cannot be
    had.

    ``kept_back`` are held packages that C(latest) leaves alone, ``unresolved`` pairs a name with the version that no
    repository offers.
    """

    transaction: Transaction
    hold: tuple[str, ...] = ()
    unhold: tuple[str, ...] = ()
    kept_back: tuple[str, ...] = ()
    unresolved: tuple[tuple[str, str], ...] = ()


def expanded(desired: Desired, groups: t.Mapping[str, tuple[str, ...]]) -> Desired:
    """The desired state with the packages of its groups, as far as they are known."""
    if not groups:
        return desired
    return replace(
        desired,
        packages=tuple(
            replace(package, names=groups.get(package.group, ())) if package.group else package
            for package in desired.packages
        ),
    )


def names_to_look_up(desired: Desired, installed: t.Mapping[str, Installed]) -> list[str]:
    """The packages whose installable versions must be known to decide anything."""
    wanted = []
    for package, name, found in _entries(desired, installed):
        if package.state == ABSENT:
            continue
        if (package.state == LATEST and found is not None) or (package.version and not _satisfies(package, found)):
            wanted.append(name)
    return wanted


def resolve(desired: Desired, observed: Observed) -> Resolution:
    """Decide for every package. Raises MlstackError for a held package that is to be removed."""
    desired = expanded(desired, observed.groups)
    install: list[tuple[str, str]] = []
    remove, lifted, hold, unhold, kept_back = [], [], [], [], []
    unresolved: list[tuple[str, str]] = []
    for package, name, found in _entries(desired, observed.installed):
        if package.state == ABSENT:
            if found is not None:
                refusals.held_removal(package, found)
                remove.append(name)
        else:
            version = _version_to_install(package, found, observed.candidates.get(name, ()))
            if version is _KEPT_BACK:
                kept_back.append(name)
            elif version is _UNRESOLVED:
                unresolved.append((name, package.version))
            elif version is not None:
                install.append((name, version))
        changing = name in remove[-1:] or any(name == wanted for wanted, _version in install[-1:])
        if found is not None and found.held and changing:
            lifted.append(name)
        if package.hold and _needs_hold(found, changing):
            hold.append(name)
        if package.hold is False and found is not None and found.held:
            unhold.append(name)
    if hold:
        install += [(name, "") for name in observed.hold_support]
    return Resolution(
        Transaction(
            install=tuple(install),
            remove=tuple(remove),
            lifted=tuple(lifted),
            held_again=tuple(name for name in lifted if name not in unhold),
            install_recommends=desired.install_recommends,
            allow_removal=bool(desired.allow_removal),
            allow_downgrade=desired.allow_downgrade,
            purge=desired.purge,
        ),
        hold=tuple(dict.fromkeys((*hold, *(name for name in observed.lost_holds if name not in unhold)))),
        unhold=tuple(unhold),
        kept_back=tuple(kept_back),
        unresolved=tuple(unresolved),
    )


def plan(desired: Desired, observed: Observed) -> Plan:
    """The steps, in the order in which they are taken; with a forecast, every package that it names."""
    desired = expanded(desired, observed.groups)
    resolution = resolve(desired, observed)
    transaction, forecast = resolution.transaction, observed.forecast
    sources = sources_plan(desired, observed)
    refresh = refresh_reason(desired, observed, resolution)
    interrupted = observed.interrupted
    if forecast is not None and not refresh and not interrupted:
        refusals.check(desired, transaction, forecast)
    upgrade = observed.upgrade_forecast
    if observed.upgrade is not None and upgrade is not None and not refresh and not interrupted:
        refusals.check(desired, observed.upgrade, upgrade)
        refusals.unheld(resolution.unhold)
    repair: list[Action] = []
    if interrupted:
        summary = f"finish its interrupted run ({interrupted})"
        repair.append(Action("repair", "package manager", summary, renews=True))
    first = list(sources.actions)
    if refresh:
        first.append(Action("refresh", "package lists", f"refresh the package lists ({refresh})"))
    if first:  # from other sources, or by other lists, the rest may be another
        first[-1] = replace(first[-1], renews=True)
    actions = [Action("unhold", name, f"allow other versions of {name}") for name in resolution.unhold]
    provisional = ""
    if refresh:
        known = forecast is not None and forecast.changes
        provisional = (
            ", going by the present package lists" if known else ", with what fresh package lists say it needs"
        )
    changes = expected_changes(transaction, observed)
    actions += [_change_action(change, transaction, provisional) for change in changes]
    actions += [
        Action("install", name, f"install {name} {version} (once the package lists offer it)", {"to": version})
        for name, version in resolution.unresolved
    ]
    actions += [Action("hold", name, f"hold {name} at its version") for name in resolution.hold]
    if actions and observed.upgrade is not None:  # of what is there, and not held, then
        actions[-1] = replace(actions[-1], renews=True)
    actions += _upgrades(observed, {*(change.name for change in changes), *resolution.hold}, provisional)
    return Plan(
        actions=(*repair, *first, *actions),
        before=(*sources.before, *lines_before(actions)),
        after=(*sources.after, *lines_after(actions)),
    )


def _upgrades(observed: Observed, done: t.Collection[str], provisional: str) -> t.Iterator[Action]:
    """What an upgrade of the whole host changes beyond what was asked for by name."""
    if observed.upgrade is None:
        return
    if observed.upgrade_forecast is None:
        summary = f"upgrade {observed.upgrade.upgrade} packages, which cannot be told from here"
        yield Action("upgrade", "packages", summary, {"from": "", "to": ""}, order=observed.upgrade)
        return
    for change in observed.upgrade_forecast.changes:
        if change.name not in done:
            action = _change_action(change, observed.upgrade, "")
            summary = action.summary
            if change.action == "upgrade":  # it came by no dependency
                summary = summary.replace(" (dependency)", "")
            yield replace(action, summary=summary + (provisional if change.action != "remove" else ""))


def changes_of(actions: t.Iterable[Action]) -> tuple[Change, ...]:
    """What steps do to packages."""
    return tuple(
        Change(action.verb, action.subject, action.details.get("from", ""), action.details["to"])
        for action in actions
        if action.verb in CHANGES
    )


def lines_before(actions: t.Iterable[Action]) -> t.Iterator[str]:
    """What a diff shows of packages and holds that steps take away."""
    for action in actions:
        if action.verb == "unhold":
            yield f"{action.subject} held"
        elif action.verb in CHANGES and action.details.get("from"):
            yield f"{action.subject} {action.details['from']}"


def lines_after(actions: t.Iterable[Action]) -> t.Iterator[str]:
    """What a diff shows of packages and holds that steps bring."""
    for action in actions:
        if action.verb == "hold":
            yield f"{action.subject} held"
        elif action.verb in CHANGES and action.verb != "remove":
            yield f"{action.subject} {action.details['to']}".rstrip()


def sources_plan(desired: Desired, observed: Observed) -> Plan:
    """What changes about the repositories, which comes before everything else."""
    if desired.sources is None or observed.sources is None:
        return Plan()
    # Not every module that plans packages configures repositories.
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan_sources

    return plan_sources.plan(desired.sources, observed.sources)


def refresh_reason(desired: Desired, observed: Observed, resolution: Resolution) -> str:
    """Why the package lists must be fetched before the rest can be decided; empty if they need not be.

    Raises MlstackError for what no repository offers when the lists are as fresh as they get.
    """
    missing = [f"{name} {version}" for name, version in resolution.unresolved]
    missing += [package.requested for package in desired.packages if package.group and not package.names]
    if observed.forecast is not None:
        missing += observed.forecast.unknown
    pending = sources_plan(desired, observed).changed
    if missing and not pending and (observed.refreshed or not desired.update_cache):
        raise refusals.unknown_package(missing, observed)
    if pending and (transaction_installs(resolution) or desired.upgrade) and _lists_change(desired, observed):
        return "the repositories change before"
    wants_lists = (
        resolution.transaction.install
        or desired.upgrade
        or any(package.state == LATEST for package in desired.packages)
    )
    if observed.stale and (wants_lists or missing):
        return observed.stale
    return f"the present ones do not offer {', '.join(missing)}" if missing else ""


def _lists_change(desired: Desired, observed: Observed) -> bool:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan_sources

    if desired.sources is None or observed.sources is None:
        return False
    found = plan_sources.change(desired.sources, observed.sources)
    return plan_sources.changes_lists(found, streams_foreseen=observed.streams_foreseen)


def transaction_installs(resolution: Resolution) -> bool:
    """Whether anything comes from a repository."""
    return bool(resolution.transaction.install or resolution.unresolved)


def expected_changes(transaction: Transaction, observed: Observed) -> tuple[Change, ...]:
    """The forecast's changes, or where there is none, the changes that were asked for."""
    forecast = observed.forecast
    if forecast is not None and forecast.changes:
        return forecast.changes
    changes = []
    for name, version in transaction.install:
        found = observed.installed.get(name)
        changes.append(Change("install", name, found.version if found else "", version))
    for name in transaction.remove:
        changes.append(Change("remove", name, observed.installed[name].version))
    return tuple(changes)


def forecast_changes(observed: Observed) -> tuple[Change, ...]:
    """What the package manager announced for what is named, if it was asked."""
    return observed.forecast.changes if observed.forecast is not None else ()


def announced(desired: Desired, observed: Observed) -> tuple[Change, ...]:
    """What the package manager announced, if it was asked: for what is named, and for the rest of the host."""
    named = forecast_changes(observed)
    more = observed.upgrade_forecast.changes if observed.upgrade_forecast is not None else ()
    done = {*(change.name for change in named), *resolve(desired, observed).hold}
    return (*named, *(change for change in more if change.name not in done))


_UNRESOLVED = "<unresolved>"
_KEPT_BACK = "<kept back>"


def _entries(
    desired: Desired, installed: t.Mapping[str, Installed]
) -> t.Iterator[tuple[DesiredPackage, str, Installed | None]]:
    for package in desired.packages:
        for name in package.names:
            found = installed.get(name)
            if package.state == ABSENT and found is not None and not found.answers_to(name):
                found = None  # another package that merely provides this name is not what was asked away
            yield package, name, found


def _satisfies(package: DesiredPackage, found: Installed | None) -> bool:
    if found is None or not found.complete:
        return False
    return any(version_matches(package.version, version) for version in (found.version, *found.also))


def _version_to_install(package: DesiredPackage, found: Installed | None, candidates: t.Sequence[str]) -> str | None:
    """An exact version, "" for the manager's choice, None to leave it, or one of the two words above."""
    fitting = [version for version in candidates if version_matches(package.version, version)]
    if not _satisfies(package, found):
        if found is not None and package.state == LATEST and fitting:
            return fitting[0]
        if not package.version or (found is not None and version_matches(package.version, found.version)):
            return ""  # absent, or only half there: the version it has is the right one
        return fitting[0] if fitting else _UNRESOLVED
    if package.state != LATEST or found is None or not fitting or fitting[0] == found.version:
        return None
    return _KEPT_BACK if found.held and package.hold is not False else fitting[0]


def _needs_hold(found: Installed | None, changing: bool) -> bool:
    if changing or found is None or not found.held:
        return True
    return bool(found.held_at) and found.held_at != found.version


def _change_action(change: Change, transaction: Transaction, provisional: str) -> Action:
    shown = {
        "install": f"install {change.name} {change.after}".rstrip(),
        "remove": f"remove {change.name} {change.before}",
    }.get(change.action, f"{change.action} {change.name} {change.before} -> {change.after}")
    if change.action == "install" and change.before and change.before != change.after:
        shown = f"change {change.name} {change.before} -> {change.after}"
    if change.name not in transaction.named:
        shown += " (nobody named it)" if change.action == "remove" else " (dependency)"
    shown += provisional if change.action != "remove" else ""
    return Action(change.action, change.name, shown, {"from": change.before, "to": change.after}, order=transaction)
