# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package manager whose packages, lists and holds are dictionaries: for what is true of every package manager."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import PRESENT, Lists, PackageManager
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    Change,
    Forecast,
    Installed,
    Transaction,
)

NEEDS = {"app": "library"}


class MemoryManager(PackageManager):
    """``offered`` is what the lists say, ``published`` what they say after a refresh: versions, newest first."""

    name = "memory"

    def __init__(
        self, present: dict[str, str], held: set[str], offered: dict[str, list[str]], published: dict[str, list[str]]
    ) -> None:
        self.present, self.held, self.offered, self.published = present, held, offered, published
        self.old = self.unfinished = ""

    def installed(self, names: Sequence[str]) -> dict[str, Installed]:
        return {
            name: Installed(name, "amd64", self.present[name], held=name in self.held)
            for name in names
            if name in self.present
        }

    def all_installed(self) -> list[Installed]:
        return list(self.installed(sorted(self.present)).values())

    def interrupted(self, found: Iterable[Installed] = ()) -> str:
        return self.unfinished

    def candidates(self, names: Sequence[str], lists: Lists = PRESENT) -> dict[str, tuple[str, ...]]:
        return {name: tuple(self.offered[name]) for name in names if self.offered.get(name)}

    def similar(self, name: str, lists: Lists = PRESENT) -> list[str]:
        return []

    def upgrade_of(self, what: str, lists: Lists = PRESENT) -> Transaction:
        return Transaction(upgrade=what)

    def simulate(self, transaction: Transaction, lists: Lists = PRESENT) -> Forecast:
        unknown = tuple(name for name, _version in transaction.install if not self.offered.get(name))
        if unknown:
            return Forecast(unknown=unknown)
        after = dict(self.present)
        for name, version in transaction.install:
            after[name] = version or after.get(name) or self.offered[name][0]
        for name in transaction.remove:
            after.pop(name, None)
        if transaction.upgrade:
            newest = {name: self.offered[name][0] for name in after if self.offered.get(name)}
            after.update({n: v for n, v in newest.items() if v > after[n] and n not in self.held})
        for name, needed in NEEDS.items():
            if name in after and needed not in after:
                if needed in transaction.remove or not self.offered.get(needed):
                    if name in transaction.named:
                        return Forecast(problem=f"{name} needs {needed}")
                    del after[name]
                else:
                    after[needed] = self.offered[needed][0]
        changes = tuple(_changes(self.present, after))
        return Forecast(changes, held=tuple(change.name for change in changes if change.name in self.held))

    def apply(self, transaction: Transaction) -> list[str]:
        for change in self.simulate(transaction).changes:
            self.held.discard(change.name)  # as apt does
            if change.action == "remove":
                del self.present[change.name]
            else:
                self.present[change.name] = change.after
        return []

    def stale(self, valid_seconds: float) -> str:
        return self.old

    def refresh(self) -> None:
        self.offered, self.old = self.published, ""

    def repair(self) -> None:
        self.unfinished = ""
        self.present["library"] = "2"

    def hold(self, names: Sequence[str]) -> None:
        self.held.update(names)

    def unhold(self, names: Sequence[str]) -> None:
        self.held.difference_update(names)

    def _not_asked(self, *arguments: Any) -> Any:
        raise AssertionError("nobody asks this of it")

    members = freed_by = lock_holder = upgradable = search = show = _not_asked


def _changes(before: dict[str, str], after: dict[str, str]) -> Any:
    for name in sorted({*before, *after}):
        old, new = before.get(name, ""), after.get(name, "")
        if old != new:
            action = "install" if not old else "remove" if not new else "upgrade" if new > old else "downgrade"
            yield Change(action, name, old, new)
