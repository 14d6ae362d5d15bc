# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One audit: sources in their order, matching, the index, and the policy."""

from __future__ import annotations

import os
import sqlite3
import typing as t
from dataclasses import replace
from datetime import datetime

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import (
    assess,
    feeds,
    index,
    policy,
    services,
    systems,
)
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.assess import Pair, Told
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Database
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.index import Project
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.matches import Matches
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Environment, HostAudit, Verdict
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.policy import Policy
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.sources import Source


class Auditor:
    """Audits by the validated arguments of a task, as of ``now``. ``run`` names the play that this host is of, as
    Cache has it. Raises InvalidArguments for sources that cannot be."""

    def __init__(self, arguments: t.Mapping[str, t.Any], now: datetime, run: str = "") -> None:
        self._sources = feeds.sources(arguments["advisories"])
        self._cache = feeds.Cache(os.path.expanduser(arguments["cache_dir"]), run)
        self._systems = systems.Systems(feeds.systems(arguments.get("system_advisories") or ()), self._cache, now)
        self._index = arguments["index"] or ""
        self._now = now
        self._matches: Matches | None = None
        self._database: Database | None = None
        self._notes: list[str] = []
        self._unanswered: dict[Pair, str] = {}

    def audit(self, inventory: t.Sequence[Told], judged: Policy | None, groups: t.Collection[str]) -> HostAudit:
        """Judge all that one host told. Raises MlstackError where no source of advisories can be had."""
        try:
            return self._audit(inventory, judged, groups)
        except sqlite3.DatabaseError:
            self._discard()
        try:
            return self._audit(inventory, judged, groups)
        except sqlite3.DatabaseError as exc:
            raise MlstackError(
                "database_unreadable",
                wanted="look advisories up",
                found=f"{self._cache.folder}: {exc}, and a new database is no better",
                to_fix="see that the disk has room and is sound, or set cache_dir",
            ) from exc

    def _discard(self) -> None:
        """Take away a database that turned out to be damaged, so that it is built anew."""
        if self._database is not None:
            self._database.close()
            self._cache.discard(self._database.path)
        self._database = self._matches = None
        self._systems.discard()

    def _audit(self, inventory: t.Sequence[Told], judged: Policy | None, groups: t.Collection[str]) -> HostAudit:
        inventory = [systems.owned(item) for item in inventory]
        pairs = assess.pairs_of(inventory)
        matches, database = self._open(pairs)
        projects, index_notes = self._projects(assess.released(inventory))
        found = matches.of(pairs, {name: project.offered for name, project in (projects or {}).items()})
        of_system, system_databases, system_notes = self._systems.of(inventory)
        environments = [assess.assess(item, found, projects, self._unanswered, of_system) for item in inventory]
        if judged is not None:
            environments = [_with_policy(item, told, judged) for item, told in zip(environments, inventory)]
        info = replace(database.info(self._now), unanswered=len(self._unanswered))
        audit = HostAudit(
            environments=tuple(environments),
            database=info,
            notes=(*self._notes, *database.notes(self._now), *index_notes, *system_notes),
            index_asked=projects is not None,
            system_databases=tuple(system_databases),
        )
        if judged is None:
            reasons = tuple(policy.malware_reasons(environments))
            return replace(audit, verdict=Verdict(bool(reasons), reasons))
        marked, verdict = policy.judge(judged, environments, audit.databases, groups, self._now.date())
        used, unused = policy.uses(judged, marked, groups)
        return replace(audit, environments=marked, verdict=verdict, ignores_used=used, ignores_unused=unused)

    def _open(self, pairs: t.Collection[Pair]) -> tuple[Matches, Database]:
        """The first source that answers. What was opened stays open for the next host of the same process."""
        if self._matches is not None and self._database is not None and self._database.kind == "osv":
            return self._matches, self._database
        failures: list[MlstackError] = []
        for source in self._sources:
            self._unanswered = {}
            try:
                database, notes = self._answered(source, pairs)
            except MlstackError as exc:
                failures.append(exc)
                continue
            self._notes = [*(f"{exc} The next source was used." for exc in failures), *notes]
            self._database, self._matches = database, Matches(self._cache, database)
            return self._matches, database
        if len(failures) == 1:
            raise failures[0]
        raise MlstackError(
            "no_advisories",
            wanted="advisories from one of the sources",
            found="; ".join(f"{exc.wanted}: {exc.found}" for exc in failures),
            to_fix="mend one of them, or name a mirror that this controller reaches in the option advisories",
        )

    def _answered(self, source: Source, pairs: t.Collection[Pair]) -> tuple[Database, list[str]]:
        if source.kind == "osv":
            return self._cache.mirror(source, self._now.timestamp())
        database, self._unanswered = services.ask(self._cache, source, pairs, self._now.timestamp())
        if not self._unanswered:
            return database, []
        first = next(iter(self._unanswered.values()))
        return database, [
            f"Of {len(self._unanswered)} of {len(pairs)} packages nothing, or not everything, is known: {first}."
        ]

    def _projects(self, names: t.Collection[str]) -> tuple[dict[str, Project] | None, list[str]]:
        if not self._index:
            return None, []
        try:
            return index.ask(self._cache, self._index, names, self._now.timestamp()), []
        except MlstackError as exc:
            return None, [f"{exc} What is outdated or yanked is not known."]


def _with_policy(item: Environment, told: Told, judged: Policy) -> Environment:
    more = [
        *policy.licence_problems(judged, item.packages),
        *policy.origin_problems(judged, item, told.get("indexes", ())),
    ]
    return replace(item, problems=(*item.problems, *more))
