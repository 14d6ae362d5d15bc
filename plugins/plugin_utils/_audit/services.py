# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Advisories from services that answer about one package: OSV's API, and the JSON API of a package index.

What they answer is kept in a database of the same form as a mirror's, so that matching is the same for all.
Sources: U(https://google.github.io/osv.dev/post-v1-query/), and the JSON API as the index's own documentation has it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import typing as t
from urllib.parse import quote

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories, database, feeds
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Advisory, Affected, BadAdvisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Database
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache, Source

Pair = tuple[str, str]
_AT_ONCE = 8
_MOST_PAGES = 50
_ASKED = "CREATE TABLE IF NOT EXISTS asked (question TEXT PRIMARY KEY, time REAL NOT NULL) WITHOUT ROWID"


def ask(cache: Cache, source: Source, pairs: t.Collection[Pair], now: float) -> Database:
    """A database with what the service knows of the packages, asked at most every C(source.hours).

    ``now`` is in seconds since the epoch. Raises MlstackError where the service does not answer.
    """
    # The API of OSV tells all advisories of a package at once, an index those of one release.
    questions = sorted({name if source.kind == "osv_api" else f"{name}/{version}" for name, version in pairs})
    path = cache.path(source)
    with cache.lock(path), contextlib.closing(_opened(path)) as connection:
        fresh = now - source.hours * 3600
        known = {name for (name,) in connection.execute("SELECT question FROM asked WHERE time > ?", (fresh,))}
        missing = [question for question in questions if question not in known]
        if missing:
            from concurrent.futures import ThreadPoolExecutor  # a mirror that is near needs none of it

            with cache.tried_once(path), ThreadPoolExecutor(_AT_ONCE) as pool:
                answers = list(pool.map(lambda question: _answer(source, question), missing))
            for question, found in zip(missing, answers):
                _keep(connection, question, found, now)
            identity = f"{now} {len(missing)}"
            database.about(connection, {"identity": identity, "source": str(source), "kind": source.kind})
            connection.commit()
        times = dict(connection.execute("SELECT question, time FROM asked"))
    return Database(path, min((times[question] for question in questions), default=now))


def _opened(path: str) -> sqlite3.Connection:
    """Open a service's database to add to it; one that is damaged is begun anew."""
    for attempt in (1, 2):
        connection = sqlite3.connect(path)
        try:
            connection.execute(_ASKED)
            database.prepare(connection)
            return connection
        except sqlite3.DatabaseError:
            connection.close()
            if attempt == 2:
                raise
            os.unlink(path)
    raise AssertionError("unreachable")


def _keep(connection: sqlite3.Connection, question: str, found: list[Advisory], now: float) -> None:
    names = connection.execute("SELECT name FROM entry WHERE name GLOB ?", (f"{_escaped(question)}|*",)).fetchall()
    for (name,) in names:
        database.forget(connection, name)
    for advisory in found:
        database.store(connection, f"{question}|{advisory.id}", "", advisory)
    connection.execute("INSERT OR REPLACE INTO asked VALUES (?, ?)", (question, now))


def _escaped(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)


def _answer(source: Source, question: str) -> list[Advisory]:
    base = source.location.rstrip("/")
    try:
        if source.kind == "osv_api":
            return list(_of_osv(base, question))
        return list(_of_index(base, *question.split("/", 1)))
    except BadAdvisory as exc:
        raise feeds.unreachable(source.location, exc) from exc


def _of_osv(base: str, name: str) -> t.Iterator[Advisory]:
    question: dict[str, t.Any] = {"package": {"name": name, "ecosystem": advisories.ECOSYSTEM}}
    for _page in range(_MOST_PAGES):
        answer = feeds.get_json(f"{base}/v1/query", question)
        if answer is None:
            return
        if not isinstance(answer, dict):
            raise BadAdvisory(f"the answer about {name} is not a JSON object")
        for record in answer.get("vulns") or ():
            found = advisories.read(record)
            if found is not None:
                yield _only(found, name)
        if not answer.get("next_page_token"):
            return
        question["page_token"] = answer["next_page_token"]


def _only(advisory: Advisory, name: str) -> Advisory:
    """Without what it says of other packages: about those nobody asked yet."""
    affected = tuple(item for item in advisory.affected if item.package == name)
    return Advisory(**{**advisory.__dict__, "affected": affected})


def _of_index(base: str, name: str, version: str) -> t.Iterator[Advisory]:
    answer = feeds.get_json(f"{base}/{quote(name)}/{quote(version, safe='')}/json")
    if answer is None:
        return
    if not isinstance(answer, dict) or not isinstance(answer.get("vulnerabilities", []), list):
        raise BadAdvisory(f"the answer about {name} {version} has no list of vulnerabilities")
    for item in answer.get("vulnerabilities", ()):
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            raise BadAdvisory(f"a vulnerability of {name} {version} has no id")
        if item.get("withdrawn"):
            continue
        text = str(item.get("summary") or item.get("details") or "")
        yield Advisory(
            id=item["id"],
            aliases=tuple(alias for alias in item.get("aliases") or () if isinstance(alias, str)),
            summary=" ".join(text.partition("\n")[0].split())[:240],
            url=str(item.get("link") or ""),
            affected=(Affected(name, (version,), (), tuple(map(str, item.get("fixed_in") or ()))),),
        )
