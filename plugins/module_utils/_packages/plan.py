# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What must change on a host so that its system packages are as desired. Pure: data in, data out."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    ABSENT,
    LATEST,
    Change,
    Desired,
    DesiredPackage,
    Forecast,
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
    install: list[tuple[str, str]] = []
    remove, lifted, hold, unhold, kept_back = [], [], [], [], []
    unresolved: list[tuple[str, str]] = []
    for package, name, found in _entries(desired, observed.installed):
        if package.state == ABSENT:
            if found is not None:
                _refuse_held_removal(package, found)
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
    resolution = resolve(desired, observed)
    transaction, forecast = resolution.transaction, observed.forecast
    sources = sources_plan(desired, observed)
    refresh = refresh_reason(desired, observed, resolution)
    interrupted = observed.interrupted
    if forecast is not None and not refresh and not interrupted:
        check(desired, resolution, forecast)
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
    actions += [_change_action(change, transaction, provisional) for change in expected_changes(transaction, observed)]
    actions += [
        Action("install", name, f"install {name} {version} (once the package lists offer it)", {"to": version})
        for name, version in resolution.unresolved
    ]
    actions += [Action("hold", name, f"hold {name} at its version") for name in resolution.hold]
    return Plan(
        actions=(*repair, *first, *actions),
        before=(*sources.before, *lines_before(actions)),
        after=(*sources.after, *lines_after(actions)),
    )


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
    if observed.forecast is not None:
        missing += observed.forecast.unknown
    pending = sources_plan(desired, observed).changed
    if missing and not pending and (observed.refreshed or not desired.update_cache):
        raise unknown_package(missing, observed)
    if pending and transaction_installs(resolution) and _lists_change(desired, observed):
        return "the repositories change before"
    wants_lists = resolution.transaction.install or any(package.state == LATEST for package in desired.packages)
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
    """What the package manager announced, if it was asked."""
    return observed.forecast.changes if observed.forecast is not None else ()


def check(desired: Desired, resolution: Resolution, forecast: Forecast) -> None:
    """Refuse a transaction that does what nobody asked for. Raises MlstackError; called before the first change."""
    if forecast.problem:
        raise MlstackError(
            "unsolvable",
            wanted=_in_words(resolution.transaction),
            found=f"the package manager cannot do that: {forecast.problem}",
            to_fix="see which named package stands in the way, and name another version, remove it or unhold it",
        )
    _refuse_unwanted(desired, resolution, forecast)
    _refuse_removals(desired, resolution, forecast)
    downgraded = [change for change in forecast.changes if change.action == "downgrade"]
    if downgraded and not desired.allow_downgrade:
        raise MlstackError(
            "downgrade_refused",
            wanted=_in_words(resolution.transaction),
            found="newer versions are installed: "
            + ", ".join(f"{change.name} {change.before} would become {change.after}" for change in downgraded),
            to_fix="set allow_downgrade, or ask for a version that is not older",
            would_downgrade=[change.name for change in downgraded],
        )
    held = [name for name in forecast.held if name not in resolution.transaction.lifted]
    if held:
        raise MlstackError(
            "held_package",
            wanted=_in_words(resolution.transaction),
            found=f"that would change packages that are held: {', '.join(held)}",
            to_fix="name them with the version they should have, or with hold set to false",
            held=held,
        )


def _refuse_removals(desired: Desired, resolution: Resolution, forecast: Forecast) -> None:
    present = {name for package in desired.packages if package.state != ABSENT for name in package.names}
    named = resolution.transaction.named
    removed = [c for c in forecast.changes if c.action == "remove" and c.name not in named]
    refused = [c for c in removed if c.name in present]
    to_fix = "ask for one or the other"
    if not refused and desired.allow_removal is not True:
        allowed = desired.allow_removal or frozenset()
        refused = [change for change in removed if change.name not in allowed]
        to_fix = "name them with state absent, or permit it with allow_removal"
    if refused:
        which = "that shall be present" if refused[0].name in present else "nobody named"
        raise MlstackError(
            "removal_refused",
            wanted=_in_words(resolution.transaction),
            found=f"that would remove packages {which}: {_listed(refused)}",
            to_fix=to_fix,
            would_remove=[change.name for change in refused],
        )


def _refuse_unwanted(desired: Desired, resolution: Resolution, forecast: Forecast) -> None:
    absent = {name for package in desired.packages if package.state == ABSENT for name in package.names}
    coming = [c for c in forecast.changes if c.action == "install"]
    found = [c for c in coming if c.name in absent or (desired.unwanted and re.match(desired.unwanted, c.name))]
    if found:
        to_fix = "name packages that do not need these"
        raise MlstackError(
            "unwanted_package",
            wanted=_in_words(resolution.transaction),
            found=f"that would bring in {', '.join(f'{c.name} {c.after}'.rstrip() for c in found)}",
            to_fix=f"{to_fix}, or do not ask for their absence"
            if found[0].name in absent
            else desired.unwanted_why or to_fix,
            would_install=[change.name for change in found],
        )


def unknown_package(missing: t.Sequence[str], observed: Observed) -> MlstackError:
    """The error for names or versions that no repository offers; what is offered instead is in the candidates."""
    offered = {name: list(observed.candidates.get(name.split()[0], ())) for name in missing}
    hints = [f"{name.split()[0]} is offered as {', '.join(some[:5])}" for name, some in offered.items() if some]
    hints += [f"{name} looks like {', '.join(some)}" for name, some in observed.similar.items() if some]
    return MlstackError(
        "unknown_package",
        wanted=f"install {', '.join(missing)}",
        found="no enabled repository offers that" + (f"; {'; '.join(hints)}" if hints else ""),
        to_fix="correct the name or the version, or enable the repository that has it",
        unknown=list(missing),
        offered=offered,
        similar={name: list(some) for name, some in observed.similar.items()},
    )


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


def _refuse_held_removal(package: DesiredPackage, found: Installed) -> None:
    if found.held and package.hold is not False:
        raise MlstackError(
            "held_package",
            wanted=f"remove {package.requested}",
            found=f"{found.name} {found.version} is held, which protects it",
            to_fix="set hold to false beside state absent if it shall go",
            held=[found.name],
        )


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


def _in_words(transaction: Transaction) -> str:
    installs = ", ".join(f"{name} {version}".rstrip() for name, version in transaction.install)
    removals = ", ".join(transaction.remove)
    return " and ".join(
        part for part in (installs and f"install {installs}", removals and f"remove {removals}") if part
    )


def _listed(changes: t.Iterable[Change]) -> str:
    return ", ".join(f"{change.name} {change.before}".rstrip() for change in changes)
