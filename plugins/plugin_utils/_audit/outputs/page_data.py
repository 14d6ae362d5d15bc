# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as the data of the page: what many environments have in common stands there once.

Packages, flaws, problems and whole sets of packages are numbered; environments name them by number. A thousand hosts
with three hundred packages are thus a few megabytes at most, and a few hundred kilobytes where hosts are alike.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Flaw, Package, Problem
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import grouped
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.context import Context, run
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import TOOL, Fleet, Placed

Item = t.TypeVar("Item", bound=t.Hashable)


class Numbered(t.Generic[Item]):
    """Things in the order in which they were first seen, each with its number."""

    def __init__(self) -> None:
        self.items: dict[Item, int] = {}

    def number(self, item: Item) -> int:
        return self.items.setdefault(item, len(self.items))


def page_data(fleet: Fleet, context: Context | None = None) -> dict[str, t.Any]:
    """What html_page.render() takes."""
    return _Collector(fleet, context or Context()).data()


class _Collector:
    def __init__(self, fleet: Fleet, context: Context) -> None:
        self._fleet, self._context = fleet, context
        self._flaws: Numbered[Flaw] = Numbered()
        self._packages: Numbered[Package] = Numbered()
        self._problems: Numbered[Problem] = Numbered()
        self._sets: Numbered[tuple[int, ...]] = Numbered()
        self._requested: Numbered[tuple[int, ...]] = Numbered()
        self._found: dict[int, dict[int, str]] = {}
        self._seen: dict[int, int] = {}
        self._kept: list[Package] = []  # so that no other object gets the identity of one that was seen

    def data(self) -> dict[str, t.Any]:
        fleet = self._fleet
        numbers = {host.name: number for number, host in enumerate(fleet.hosts)}
        environments = [self._environment(item, numbers[item.host]) for item in fleet.environments()]
        todo = [self._upgrade(item, numbers) for item in grouped.upgrades(grouped.flaws(fleet))]
        return {
            "title": fleet.title,
            "made": fleet.made,
            "tool": TOOL,
            "databases": [
                {"source": one.source, "date": one.date, "age_days": one.age_days, "advisories": one.advisories}
                for one in fleet.databases()
            ],
            "index_asked": fleet.index_asked,
            "verdict": {"checked": fleet.judged, "reasons": fleet.reasons()},
            "notes": fleet.notes(),
            "hosts": [{"name": host.name, "failed": host.failed} for host in fleet.hosts],
            "packages": [self._package(item, number) for item, number in self._packages.items.items()],
            "flaws": [self._flaw(item) for item in self._flaws.items],
            "todo": todo,
            "trend": [*self._context.runs, run(fleet)] if self._context.runs else [],
            "sets": [list(item) for item in self._sets.items],
            "requested": [list(item) for item in self._requested.items],
            "environments": environments,
            "problems": [
                {"kind": item.kind.replace("_", " "), "text": item.text, "ignored": item.ignored}
                for item in self._problems.items
            ],
        }

    def _environment(self, placed: Placed, host: int) -> dict[str, t.Any]:
        item = placed.environment
        packages = tuple(self._number(package) for package in item.packages)
        asked = tuple(number for number, package in zip(packages, item.packages) if package.requested)
        ignored: dict[int, str] = {}
        for finding, package in placed.found():
            flaw = self._flaws.number(finding.flaw)
            self._found.setdefault(self._number(package), {})[flaw] = ", ".join(finding.fixed)
            if finding.ignored:
                ignored[flaw] = finding.ignored
        generation = item.generation if item.in_use or not item.generation else f"{item.generation}, not in use"
        return {
            "host": host,
            "name": item.name,
            "path": item.path,
            "kind": item.kind,
            "python": item.python,
            "generation": generation,
            "set": self._sets.number(packages),
            "requested": self._requested.number(asked),
            "problems": [self._problems.number(problem) for problem in item.problems],
            "ignored": [[flaw, why] for flaw, why in ignored.items()],
            "failed": item.failed,
        }

    def _upgrade(self, item: grouped.Upgrade, numbers: t.Mapping[str, int]) -> dict[str, t.Any]:
        return {
            "package": item.package,
            "fix": item.fix,
            "kind": item.kind,
            "ends": [self._flaws.number(flaw) for flaw in item.ends.values()],
            "hosts": [numbers[name] for name in item.hosts],
            "environments": list(item.environments),
            "commands": item.commands,
        }

    def _flaw(self, item: Flaw) -> dict[str, t.Any]:
        found = _flaw(item)
        more = {
            "seen": self._context.seen(item),
            "due": self._context.due(item),
            "epss": self._context.chance(item),
            "kev": self._context.exploited(item),
        }
        return {**found, **{key: value for key, value in more.items() if value}}

    def _number(self, package: Package) -> int:
        """The number of a package, whether or not somebody asked for it. Objects that many environments share are told
        by their identity, which is quicker than to compare them."""
        number = self._seen.get(id(package))
        if number is None:
            number = self._seen[id(package)] = self._packages.number(replace(package, requested=False))
            self._kept.append(package)
        return number

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
            item.why or "no database can tell" if item.status == "unknown" else "",
        ]


def _flaw(item: Flaw) -> dict[str, t.Any]:
    return {
        "id": item.id,
        "aliases": list(item.aliases),
        "severity": item.severity,
        "malware": item.malware,
        "score": item.score,
        "vector": item.vector,
        "summary": item.summary,
        "url": item.url,
        "published": item.published,
    }
