# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must not be done, found out before the first change. Pure: data in, data out."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    ABSENT,
    ALL,
    Change,
    Desired,
    DesiredPackage,
    Forecast,
    Installed,
    Observed,
    Transaction,
)


def check(desired: Desired, transaction: Transaction, forecast: Forecast) -> None:
    """Refuse a transaction that does what nobody asked for. Raises MlstackError; called before the first change."""
    if forecast.problem:
        raise MlstackError(
            "unsolvable",
            wanted=_in_words(transaction),
            found=f"the package manager cannot do that: {forecast.problem}",
            to_fix="see which named package stands in the way, and name another version, remove it or unhold it",
        )
    _refuse_unwanted(desired, transaction, forecast)
    _refuse_removals(desired, transaction, forecast)
    downgraded = [change for change in forecast.changes if change.action == "downgrade"]
    if downgraded and not desired.allow_downgrade:
        raise MlstackError(
            "downgrade_refused",
            wanted=_in_words(transaction),
            found="newer versions are installed: "
            + ", ".join(f"{change.name} {change.before} would become {change.after}" for change in downgraded),
            to_fix="set allow_downgrade, or ask for a version that is not older",
            would_downgrade=[change.name for change in downgraded],
        )
    held = [name for name in forecast.held if name not in transaction.lifted]
    if held:
        raise MlstackError(
            "held_package",
            wanted=_in_words(transaction),
            found=f"that would change packages that are held: {', '.join(held)}",
            to_fix="name them with the version they should have, or with hold set to false",
            held=held,
        )


def _refuse_removals(desired: Desired, transaction: Transaction, forecast: Forecast) -> None:
    present = {name for package in desired.packages if package.state != ABSENT for name in package.names}
    named = transaction.named
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
            wanted=_in_words(transaction),
            found=f"that would remove packages {which}: {_listed(refused)}",
            to_fix=to_fix,
            would_remove=[change.name for change in refused],
        )


def _refuse_unwanted(desired: Desired, transaction: Transaction, forecast: Forecast) -> None:
    absent = {name for package in desired.packages if package.state == ABSENT for name in package.names}
    coming = [c for c in forecast.changes if c.action == "install"]
    found = [c for c in coming if c.name in absent or (desired.unwanted and re.match(desired.unwanted, c.name))]
    if found:
        to_fix = "name packages that do not need these"
        raise MlstackError(
            "unwanted_package",
            wanted=_in_words(transaction),
            found=f"that would bring in {', '.join(f'{c.name} {c.after}'.rstrip() for c in found)}",
            to_fix=f"{to_fix}, or do not ask for their absence"
            if found[0].name in absent
            else desired.unwanted_why or to_fix,
            would_install=[change.name for change in found],
        )


def unheld(names: t.Sequence[str]) -> None:
    """Refuse an upgrade of the whole host beside the end of a hold: nobody could say before what it would bring."""
    if names:
        raise MlstackError(
            "upgrade_refused",
            wanted=f"upgrade the host, and hold {', '.join(names)} no longer",
            found="these are held, and what the package manager would make of them without that, it does not tell",
            to_fix="end the holds in a task of its own, before the one that upgrades",
            would_upgrade=[],
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


def held_removal(package: DesiredPackage, found: Installed) -> None:
    if found.held and package.hold is not False:
        raise MlstackError(
            "held_package",
            wanted=f"remove {package.requested}",
            found=f"{found.name} {found.version} is held, which protects it",
            to_fix="set hold to false beside state absent if it shall go",
            held=[found.name],
        )


def _in_words(transaction: Transaction) -> str:
    if transaction.upgrade:
        return "upgrade all packages" if transaction.upgrade == ALL else "upgrade what mends security"
    installs = ", ".join(f"{name} {version}".rstrip() for name, version in transaction.install)
    removals = ", ".join(transaction.remove)
    return " and ".join(
        part for part in (installs and f"install {installs}", removals and f"remove {removals}") if part
    )


def _listed(changes: t.Iterable[Change]) -> str:
    return ", ".join(f"{change.name} {change.before}".rstrip() for change in changes)
