# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The fleet as the data of the page: what many environments have in common stands there once.

Packages, flaws, problems and whole sets of packages are numbered; environments name them by number. A thousand hosts
with three hundred packages are thus a few megabytes at most, and a few hundred kilobytes where hosts are alike.
"""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import (
    Environment,
    Flaw,
    Fleet,
    Package,
    Problem,
    tool,
)

Item = t.TypeVar("Item", bound=t.Hashable)


class Numbered(t.Generic[Item]):
    """Things in the order in which they were first seen, each with its number."""

    def __init__(self) -> None:
        self.items: dict[Item, int] = {}

    def number(self, item: Item) -> int:
        return self.items.setdefault(item, len(self.items))


def page_data(fleet: Fleet) -> dict[str, t.Any]:
    """What html_page.render() takes."""
    return _Collector(fleet).data()


class _Collector:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._flaws: Numbered[Flaw] = Numbered()
        self._packages: Numbered[Package] = Numbered()
        self._problems: Numbered[Problem] = Numbered()
        self._sets: Numbered[tuple[int, ...]] = Numbered()
        self._requested: Numbered[tuple[int, ...]] = Numbered()
        self._found: dict[int, dict[int, str]] = {}

    def data(self) -> dict[str, t.Any]:
        fleet = self._fleet
        numbers = {host.name: number for number, host in enumerate(fleet.hosts)}
        environments = [self._environment(item, numbers[item.host]) for item in fleet.environments()]
        return {
            "title": fleet.title,
            "made": fleet.made,
            "tool": tool(),
            "databases": [
                {"source": one.source, "date": one.date, "age_days": one.age_days, "advisories": one.advisories}
                for one in fleet.databases
            ],
            "index_asked": fleet.index_asked,
            "verdict": {"checked": fleet.judged, "reasons": list(fleet.reasons)},
            "notes": list(fleet.notes),
            "hosts": [{"name": host.name, "failed": host.failed} for host in fleet.hosts],
            "packages": [self._package(item, number) for item, number in self._packages.items.items()],
            "flaws": [_flaw(item) for item in self._flaws.items],
            "sets": [list(item) for item in self._sets.items],
            "requested": [list(item) for item in self._requested.items],
            "environments": environments,
            "problems": [{"kind": item.kind.replace("_", " "), "text": item.text} for item in self._problems.items],
        }

    def _environment(self, item: Environment, host: int) -> dict[str, t.Any]:
        packages = tuple(self._packages.number(package) for package in item.packages)
        asked = tuple(
            number for number, package in zip(packages, item.packages) if package.name.lower() in item.requested
        )
        ignored: dict[int, str] = {}
        for finding in item.findings:
            flaw = self._flaws.number(finding.flaw)
            of_package = self._found.setdefault(self._packages.number(finding.package), {})
            of_package[flaw] = ", ".join(finding.fixed)
            if finding.ignored:
                ignored[flaw] = finding.ignored
        return {
            "host": host,
            "name": item.name,
            "path": item.path,
            "kind": item.kind,
            "python": item.python,
            "set": self._sets.number(packages),
            "requested": self._requested.number(asked),
            "problems": [self._problems.number(problem) for problem in item.problems],
            "ignored": [[flaw, why] for flaw, why in ignored.items()],
            "failed": item.failed,
        }

    def _package(self, item: Package, number: int) -> list[t.Any]:
        found = [[flaw, fixed] for flaw, fixed in self._found.get(number, {}).items()]
        return [
            item.name,
            item.version,
            item.kind,
            list(item.needs),
            item.licence,
            item.latest,
            item.yanked,
            found,
            item.fix,
        ]


def _flaw(item: Flaw) -> dict[str, t.Any]:
    return {
        "id": item.id,
        "aliases": list(item.aliases),
        "severity": item.severity,
        "score": item.score,
        "vector": item.vector,
        "summary": item.summary,
        "url": item.url,
        "published": item.published,
    }
