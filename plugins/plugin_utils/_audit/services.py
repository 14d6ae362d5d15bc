# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advisories from services that answer about one package: OSV's API, and the JSON API of a package index.

What they answer is kept in a database of the same form as a mirror's, so that matching is the same for all. What they
did not answer is kept beside it: nothing is known of that, which is not that nothing is wrong with it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import database, web
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Database
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.sources import Source

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.osv_api import Found

Pair = tuple[str, str]
_SOON = 300.0  # seconds until a question that was not answered is put again
_ASKED = (
    "CREATE TABLE IF NOT EXISTS asked (question TEXT PRIMARY KEY, time REAL NOT NULL, why TEXT NOT NULL) WITHOUT ROWID"
)


class Answer(t.NamedTuple):
    """``unanswered`` says why nothing, or not everything, is known of a (name, version)."""

    database: Database
    unanswered: dict[Pair, str]


def ask(cache: Cache, source: Source, pairs: t.Collection[Pair], now: float) -> Answer:
    """What the service knows of the packages, asked at most every C(source.hours).

    ``now`` is in seconds since the epoch. Raises MlstackError where the service tells nothing at all.
    """
    # The API of OSV tells all advisories of a package at once, an index those of one release.
    questions = {pair: pair[0] if source.kind == "osv_api" else "/".join(pair) for pair in pairs}
    path = cache.path(source)
    with cache.lock(path), contextlib.closing(_opened(path)) as connection:
        query = "SELECT question FROM asked WHERE time > CASE why WHEN '' THEN ? ELSE ? END"
        known = {name for (name,) in connection.execute(query, (now - source.hours * 3600, now - _SOON))}
        missing = sorted(set(questions.values()) - known)
        if missing:
            with cache.tried_once(path):
                found = _asked(connection, source, missing)
            for question, item in found.items():
                _keep(connection, question, item, now)
            identity = f"{now} {len(missing)}"
            database.about(connection, {"identity": identity, "source": str(source), "kind": source.kind})
            connection.commit()
        asked = {name: (time, why) for name, time, why in connection.execute("SELECT question, time, why FROM asked")}
    unanswered = {
        pair: f"{source} did not tell: {asked[name][1]}" for pair, name in questions.items() if asked[name][1]
    }
    return Answer(Database(path, min((asked[name][0] for name in questions.values()), default=now)), unanswered)


def _asked(connection: sqlite3.Connection, source: Source, missing: list[str]) -> dict[str, Found]:
    # They import much, and a mirror that is near needs none of it.
    from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import json_index, osv_api

    stamps = dict(connection.execute("SELECT name, stamp FROM entry"))
    with web.Client(source) as client:
        if source.kind == "osv_api":
            found = osv_api.ask(client, source, missing, lambda name, one: stamps.get(f"{name}|{one}", ""))
        else:
            found = json_index.ask(client, source, missing)
    if all(item.why and not item.advisories and not item.kept for item in found.values()):
        raise web.unreachable(source.location, next(iter(found.values())).why)
    return found


def _opened(path: str) -> sqlite3.Connection:
    """Open a service's database to add to it; one that is damaged, or of another schema, is begun anew."""
    for attempt in (1, 2):
        connection = sqlite3.connect(path)
        try:
            connection.execute(_ASKED)
            connection.execute("SELECT why FROM asked LIMIT 1")
            database.prepare(connection)
            return connection
        except sqlite3.DatabaseError:
            connection.close()
            if attempt == 2:
                raise
            os.unlink(path)
    raise AssertionError("unreachable")


def _keep(connection: sqlite3.Connection, question: str, found: Found, now: float) -> None:
    kept = {f"{question}|{one}" for one in found.kept}
    names = connection.execute("SELECT name FROM entry WHERE name GLOB ?", (f"{_escaped(question)}|*",)).fetchall()
    # Where not all came, what was known before still counts: a flaw does not end because nobody answers.
    replaced = {f"{question}|{one.id}" for one in found.advisories}
    for (name,) in names:
        if name in replaced or (name not in kept and not found.why):
            database.forget(connection, name)
    for advisory in found.advisories:
        database.store(connection, f"{question}|{advisory.id}", advisory.modified, advisory)
    connection.execute("INSERT OR REPLACE INTO asked VALUES (?, ?, ?)", (question, now, found.why))


def _escaped(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)
