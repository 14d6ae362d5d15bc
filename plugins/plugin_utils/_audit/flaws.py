# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flaws of one version of one package: advisories of the same flaw merged, and the smallest upgrade out of all."""

from __future__ import annotations

import typing as t
from dataclasses import astuple, dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import matching, orders
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Advisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Known
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.matching import Rule
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import SEVERITIES, Flaw, worst_first
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.orders import Order, Read

# That it is malware must be seen at once. People search for CVE numbers; GitHub's records are the best described of
# the others.
_PREFERRED = ("MAL-", "CVE-", "GHSA-", "PYSEC-")
_LEAST_CRITICAL = 9.0

Told = tuple[Flaw, tuple[str, ...]]


@dataclass(frozen=True)
class Match:
    """What is known of one version. ``known`` says that there are advisories about the package at all, ``flaws`` has
    each flaw with the versions that end it, ``fix`` is the smallest version above with the fewest and least severe
    flaws, none as a rule, ``left`` the ids of those that it has, ``undecided`` are ids of advisories that cannot be
    compared with the version, ``doubtful`` those that are taken to hold for it, with the bounds that nobody can
    compare."""

    known: bool = False
    flaws: tuple[tuple[Flaw, tuple[str, ...]], ...] = ()
    fix: str = ""
    undecided: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def packed(self) -> list[t.Any]:
        """As short data for JSON: most matches of a fleet say nothing, and there are many."""
        if not self.flaws and not self.undecided:
            return [self.known]
        found = [[[*astuple(flaw)], fixed] for flaw, fixed in self.flaws]
        return [self.known, found, self.fix, self.undecided, self.doubtful, self.left]


_SILENT = {known: Match(known) for known in (False, True)}


def unpacked(data: t.Sequence[t.Any]) -> Match:
    """The inverse of Match.packed()."""
    if len(data) == 1:
        return _SILENT[data[0]]
    known, found, fix, undecided, doubtful, left = data
    flaws = tuple((Flaw(flaw[0], tuple(flaw[1]), *flaw[2:]), tuple(fixed)) for flaw, fixed in found)
    return Match(known, flaws, fix, tuple(undecided), tuple(doubtful), tuple(left))


class Rules:
    """All that is known of one package, read once for all of its versions."""

    def __init__(self, known: t.Iterable[Known], order: Order = orders.PEP440) -> None:
        self._order = order
        self._rules = [(item.advisory, matching.rule(item.affected)) for item in known]

    def match(self, version: str, candidates: t.Iterable[str] = ()) -> Match:
        """Judge a version. ``candidates`` are the versions that one may go to, where an index told them."""
        if not self._rules:
            return Match()
        hits = self._hits(version)
        flaws = tuple(sorted((self._flaw(group, version) for group in _groups(hits)), key=_rank))
        outside = self._order.read(version) is None
        undecided = tuple(
            advisory.id
            for advisory, rule in self._rules
            if rule.silent or (outside and rule.ranges and not rule.affects(version))
        )
        doubtful = (f"{advisory.id} ({', '.join(rule.unreadable)})" for advisory, rule in hits if rule.unreadable)
        fix, left = self._fix(version, flaws, candidates) if hits else ("", ())
        return Match(True, flaws, fix, undecided, tuple(doubtful), left)

    def _hits(self, version: str) -> list[tuple[Advisory, Rule]]:
        return [(advisory, rule) for advisory, rule in self._rules if rule.affects(version)]

    def _flaw(self, group: list[tuple[Advisory, Rule]], version: str) -> tuple[Flaw, tuple[str, ...]]:
        advisories = sorted((advisory for advisory, _rule in group), key=lambda item: _preference(item.id))
        ids = sorted({name for item in advisories for name in (item.id, *item.aliases, *item.covers)}, key=_preference)
        # A word without a score is the opinion of a database; a score can be reckoned after.
        rated = [item for item in advisories if item.score is not None] or [
            item for item in advisories if item.severity != "unknown"
        ]
        malware = any(item.malware for item in advisories)
        if malware:  # whatever a lesser score was about
            rated = [item for item in rated if (item.score or 0.0) >= _LEAST_CRITICAL]
        worst = min(rated, key=lambda item: (-(item.score or 0.0), SEVERITIES.index(item.severity)), default=None)
        # The flaw ends where all that tell of it say so.
        fixed = {found for _advisory, rule in group for found in rule.fixes(version)}
        read = [self._order.read(item) for item in fixed if not any(rule.affects(item) for _advisory, rule in group)]
        ends = sorted(item for item in read if item is not None)
        flaw = Flaw(
            id=ids[0],
            aliases=tuple(ids[1:]),
            severity="critical" if malware else worst.severity if worst else "unknown",
            score=worst.score if worst else None,
            vector=worst.vector if worst else "",
            summary=next((item.summary for item in advisories if item.summary), ""),
            url=advisories[0].url,
            published=min((item.published for item in advisories if item.published), default=""),
            modified=max((item.modified for item in advisories), default=""),
            malware=malware,
        )
        return flaw, tuple(str(item) for item in ends)

    def _fix(self, version: str, found: t.Iterable[Told], candidates: t.Iterable[str]) -> tuple[str, tuple[str, ...]]:
        """The best version to go to, and the ids of the flaws that it has. A flaw without an end holds up no other."""
        current = self._order.read(version)
        # Advisories name versions that never came out, or that this index does not have.
        offered = {item for item in map(self._order.read, candidates) if item is not None}
        offered = offered or {item for _advisory, rule in self._rules for item in rule.fixed}
        if current is None:
            return "", ()
        best, weight = "", _weight(found)
        left: tuple[str, ...] = ()
        for item in _upgrades(current, offered):
            hits = self._hits(str(item))
            flaws = [self._flaw(group, str(item)) for group in _groups(hits)]
            if _weight(flaws) < weight:
                best, weight = str(item), _weight(flaws)
                left = tuple(flaw.id for flaw, _ends in sorted(flaws, key=_rank))
            if not hits:
                break
        return best, left


def _upgrades(current: Read, offered: t.Iterable[Read]) -> list[Read]:
    """What one may go to, in the order of preference. Nobody is moved to a pre-release who has none, and who has one
    goes to a final release first."""
    above = [item for item in offered if item > current and (current.is_prerelease or not item.is_prerelease)]
    return sorted(above, key=lambda item: (item.is_prerelease, item))


def _weight(found: t.Iterable[Told]) -> tuple[int, ...]:
    """How many flaws of each severity there are, the worst first: less is better, and malware is never a way out."""
    flaws = [flaw for flaw, _ends in found]
    levels = [flaw.severity for flaw in flaws]
    return (sum(flaw.malware for flaw in flaws), *map(levels.count, SEVERITIES))


def _each(hits: t.Iterable[tuple[Advisory, Rule]]) -> t.Iterator[tuple[Advisory, Rule]]:
    """A notice about several flaws as one advisory of each, which names the notice and is merged by its own id."""
    for advisory, rule in hits:
        covers = rule.covers or advisory.covers
        if not covers:
            yield advisory, rule
        for name in covers:
            yield replace(advisory, id=name, aliases=(), covers=(advisory.id,)), rule


def _groups(hits: list[tuple[Advisory, Rule]]) -> list[list[tuple[Advisory, Rule]]]:
    """Those that share an id or an alias are about one flaw."""
    groups: list[tuple[set[str], list[tuple[Advisory, Rule]]]] = []
    for hit in _each(hits):
        ids = {hit[0].id, *hit[0].aliases}
        members = [hit]
        apart = []
        for other_ids, others in groups:
            if ids & other_ids:
                ids |= other_ids
                members = others + members
            else:
                apart.append((other_ids, others))
        groups = [*apart, (ids, members)]
    return [members for _ids, members in groups]


def _preference(name: str) -> tuple[int, str]:
    order = next((number for number, prefix in enumerate(_PREFERRED) if name.startswith(prefix)), len(_PREFERRED))
    return order, name


def _rank(item: tuple[Flaw, tuple[str, ...]]) -> t.Any:
    return worst_first(item[0])
