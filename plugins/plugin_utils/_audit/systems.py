# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of distributions: judged by what their distribution says, in its order of versions, and by nothing else.

A distribution mends flaws without taking the release that mends them, so what advisories of Python's index say of the
version would be wrong. Where no mirror has the distribution's own advisories, nothing is known of its packages.
"""

from __future__ import annotations

import typing as t
from datetime import datetime

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import (
    distributions,
    nvidia_bulletins,
    nvidia_matches,
    orders,
)
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Database
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.flaws import Match
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.matches import Matches, Pair
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import DatabaseInfo, worst_first
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.sources import Source

Told = t.Mapping[str, t.Any]
NVIDIA = "nvidia"
KINDS = ("deb", "rpm", NVIDIA)


def owned(told: Told) -> Told:
    """An environment in which what belongs to packages of the distribution is those packages.

    One package may have several projects of Python's; they are named in ``provides``.
    """
    if told["kind"] == "os":
        return _operating_system(told)
    packages = told.get("packages", ())
    if not any("owner" in item for item in packages):
        return told
    release = distributions.release_on(told.get("system", {}))
    called = {names.normalize(item["name"]): item["owner"]["package"] for item in packages if "owner" in item}
    kept = [dict(item) for item in packages if "owner" not in item]
    by_owner: dict[tuple[str, str], dict[str, t.Any]] = {}
    for item in packages:
        if "owner" in item:
            owner = item["owner"]
            one = by_owner.setdefault((owner["package"], owner["version"]), _package(owner, release, told))
            one["provides"].append(f"{item['name']} {item['version']}")
            one["needs"] = sorted({*one["needs"], *item.get("needs", ())})
            one["licence"] = one["licence"] or item.get("licence", "")
            one["requested"] = one["requested"] or bool(item.get("requested"))
    found = [*kept, *by_owner.values()]
    for item in found:
        needs = dict.fromkeys(called.get(name, name) for name in item.get("needs", ()))
        item["needs"] = [name for name in needs if name != item["name"]]
    return {**told, "packages": sorted(found, key=lambda item: (item["name"], item["version"]))}


def _operating_system(told: Told) -> Told:
    """The operating system as an environment: its packages, and NVIDIA's products."""
    release = distributions.release_on(told.get("system", {}))
    found = [_package(owner, release, told) for owner in told.get("owned", ())]
    for item in told.get("products", ()):
        pair = (nvidia_bulletins.key(item["product"], item["version"]), item["version"])
        name = f"nvidia-{item['product']}".replace("nvidia-cuda", "cuda")
        found.append({"name": name, "version": item["version"], "kind": NVIDIA, "judged_by": (pair,)})
    return {**told, "packages": sorted(found, key=lambda item: (item["name"], item["version"]))}


def _package(owner: Told, release: str, told: Told) -> dict[str, t.Any]:
    """A package as environments tell of packages; ``judged_by`` are the names under which advisories may know it."""
    keys: list[Pair] = []
    system = told.get("system", {})
    why = ""
    if not release:
        why = (
            f"nobody publishes advisories of {system.get('name') or 'this distribution'} in the form that is read here"
        )
    elif owner["kind"] == "deb" and owner.get("vendor"):
        why = f"it is {owner['vendor']}'s, of whose bulletins those about driver and toolkits are read"
    elif not distributions.is_of(release, owner.get("vendor", "")):
        why = f"{owner.get('vendor') or 'nobody'} made it, and {release}'s advisories are about its own packages"
    else:
        keys.append((distributions.key(release, owner["source"]), owner["source_version"]))
        if owner["kind"] == "rpm":
            keys.append((distributions.key(release, owner["package"]), owner["version"]))
    return {
        "name": owner["package"],
        "version": owner["version"],
        "kind": owner["kind"],
        "system": f"{system.get('id', '')}-{system.get('version', '')}",
        "source": owner["source"],
        "provides": [],
        "needs": [],
        "licence": "",
        "requested": False,
        "judged_by": tuple(dict.fromkeys(keys)),
        "why": why,
    }


class Systems:
    """The mirrors of distributions' advisories, all of them: a fleet has several distributions."""

    def __init__(self, sources: t.Sequence[Source], cache: Cache, now: datetime) -> None:
        self._sources, self._cache, self._now = sources, cache, now
        self._opened: list[tuple[Database, Matches, frozenset[str]]] | None = None
        self._notes: list[str] = []

    def of(self, inventory: t.Iterable[Told]) -> tuple[dict[Pair, Match], list[DatabaseInfo], list[str]]:
        """What is known of the packages of environments as owned() tells them; of a release that no mirror has,
        nothing is in it. The databases are those that were asked."""
        asked = {
            pair
            for item in inventory
            for package in item.get("packages", ())
            if package.get("kind") in KINDS
            for pair in package.get("judged_by", ())
        }
        if not asked:
            return {}, [], []
        found, used = self._of_nvidia([pair for pair in asked if pair[0].startswith(nvidia_bulletins.PREFIX)])
        notes: list[str] = []
        for database, matches, releases in self._open():
            wanted = [pair for pair in asked.difference(found) if pair[0].partition("/")[0] in releases]
            if wanted:
                found.update(matches.of(wanted))
                used.append(database.info(self._now))
                notes += database.notes(self._now)
        return found, used, [*self._notes, *notes]

    def _of_nvidia(self, asked: t.Sequence[Pair]) -> tuple[dict[Pair, Match], list[DatabaseInfo]]:
        if not asked:
            return {}, []
        mirrors = [(item, item.below(nvidia_bulletins.PREFIX)) for item, _matches, _releases in self._open()]
        used = [database.info(self._now) for database, knowns in mirrors if knowns]
        knowns = nvidia_matches.everything([known for _database, found in mirrors for known in found])
        found = {pair: nvidia_matches.judge(*pair, knowns) for pair in asked}
        return found, used or [nvidia_matches.info(self._now)]

    def _open(self) -> list[tuple[Database, Matches, frozenset[str]]]:
        if self._opened is None:
            self._opened = []
            for source in self._sources:
                try:
                    database, notes = self._cache.mirror(source, self._now.timestamp())
                except MlstackError as exc:
                    self._notes.append(f"{exc} Nothing is known of the packages of its distribution.")
                    continue
                self._notes += notes
                self._opened.append((database, Matches(self._cache, database), database.releases()))
        return self._opened

    def discard(self) -> None:
        """Take away databases that turned out to be damaged, so that they are built anew."""
        for database, _matches, _releases in self._opened or ():
            database.close()
            self._cache.discard(database.path)
        self._opened = None
        self._notes = []


def match_of(package: Told, known: t.Mapping[Pair, Match]) -> Match | None:
    """What is known of a package of a distribution under all of its names; None where nobody could tell."""
    found = [known[pair] for pair in package.get("judged_by", ()) if pair in known]
    if len(found) < 2:
        return found[0] if found else None
    flaws = {flaw.id: (flaw, ends) for match in found for flaw, ends in match.flaws}
    order = orders.of(package["judged_by"][0][0])
    fixes = [match.fix for match in found if match.fix]
    return Match(
        known=any(match.known for match in found),
        flaws=tuple(sorted(flaws.values(), key=lambda item: worst_first(item[0]))),
        fix=max(fixes, key=order.read, default=""),
        undecided=tuple(dict.fromkeys(one for match in found for one in match.undecided)),
        doubtful=tuple(dict.fromkeys(one for match in found for one in match.doubtful)),
        left=tuple(dict.fromkeys(one for match in found for one in match.left)),
    )
