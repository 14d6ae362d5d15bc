# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Advisories as a SQLite database: built whole beside the old one, then put in its place by one rename.

An entry is one record of the feed, with a stamp that changes when it does: a newer feed reads only what differs.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import typing as t
from dataclasses import asdict
from datetime import datetime, timezone

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Advisory, Affected, BadAdvisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import DatabaseInfo

SCHEMA = 2
_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (name TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE advisory (entry TEXT PRIMARY KEY, modified TEXT NOT NULL, flaw TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE affected (package TEXT NOT NULL, entry TEXT NOT NULL, versions TEXT NOT NULL);
CREATE INDEX affected_package ON affected (package);
CREATE INDEX affected_entry ON affected (entry);
"""
# Kept out of the flaw: it lies in the other table.
_MOVED = ("affected",)


class Entry(t.NamedTuple):
    """One record of a feed: ``read`` returns its bytes."""

    name: str
    stamp: str
    read: t.Callable[[], bytes]


class Known(t.NamedTuple):
    """An advisory and what it says of one package."""

    advisory: Advisory
    affected: Affected


class Database:
    """A finished database, only read. Raises MlstackError where it is none of ours.

    ``asked`` is when a service answered, in seconds since the epoch. That is how old its word is: the newest advisory
    about a few packages may be of years ago.
    """

    def __init__(self, path: str, asked: float | None = None) -> None:
        self.path = path
        self._asked = asked
        try:
            self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            self._about: dict[str, str] = dict(self._connection.execute("SELECT key, value FROM about"))
        except sqlite3.Error as exc:
            raise MlstackError(
                "database_unreadable",
                wished="look advisories up",
                found=f"{path}: {exc}",
                todo=f"delete {path}: the next audit builds it anew",
            ) from exc

    @property
    def identity(self) -> str:
        """Changes whenever the contents do."""
        return self._about.get("identity", "")

    @property
    def source(self) -> str:
        return self._about.get("source", "")

    @property
    def kind(self) -> str:
        return self._about.get("kind", "")

    def info(self, now: datetime) -> DatabaseInfo:
        """What outputs say of it. ``now`` is an aware time."""
        date = self._about.get("newest", "")
        if self._asked is not None:
            date = datetime.fromtimestamp(self._asked, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        count = self._connection.execute("SELECT count(*) FROM advisory").fetchone()[0]
        return DatabaseInfo(self.source, self._about.get("kind", ""), date, age_days(date, now), count)

    def of_package(self, name: str) -> list[Known]:
        """All advisories about a package, by its normalised name."""
        rows = self._connection.execute(
            "SELECT flaw, versions FROM affected JOIN advisory USING (entry) WHERE package = ? ORDER BY entry", (name,)
        )
        return [Known(_advisory(json.loads(flaw)), _affected(name, json.loads(text))) for flaw, text in rows]

    def close(self) -> None:
        self._connection.close()


def age_days(date: str, now: datetime) -> int | None:
    """Whole days from an RFC 3339 time to ``now``; None where it is none."""
    with contextlib.suppress(ValueError):
        # Python before 3.11 reads neither a Z nor more than six digits of a second.
        then = datetime.strptime(date[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
        return max(0, (now - then).days)
    return None


def build(path: str, entries: t.Iterable[Entry], identity: str, source: str, kind: str) -> None:
    """Make ``path`` a database of all entries; whatever stood there is replaced at the end, by rename(2).

    Records that the old database has with the same stamp are not read again. Raises BadAdvisory, naming the entry,
    when one is no record: then the old database stays.
    """
    part = f"{path}.part"
    _discard(part)
    old = _old(path, part)
    connection = sqlite3.connect(part)
    try:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        if not old:
            connection.executescript(_TABLES)
        known = dict(connection.execute("SELECT name, stamp FROM entry"))
        seen = set()
        for entry in entries:
            seen.add(entry.name)
            if known.get(entry.name) != entry.stamp:
                forget(connection, entry.name)
                store(connection, entry.name, entry.stamp, _record(entry))
        for name in known.keys() - seen:
            forget(connection, name)
        if not connection.execute("SELECT 1 FROM advisory LIMIT 1").fetchone():
            raise BadAdvisory(f"none of {len(seen)} records is about a package of PyPI")
        about(connection, {"identity": identity, "source": source, "kind": kind})
        connection.commit()
    except BaseException:
        connection.close()
        _discard(part)
        raise
    connection.close()
    with open(part, "rb") as stream:
        os.fsync(stream.fileno())
    os.replace(part, path)


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in a new database; sqlite3.DatabaseError says that it is none of this schema."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'entry'").fetchone():
        connection.executescript(_TABLES)
    connection.execute("SELECT entry, modified, flaw FROM advisory LIMIT 1")
    row = connection.execute("SELECT value FROM about WHERE key = 'schema'").fetchone()
    if row is not None and row[0] != str(SCHEMA):
        raise sqlite3.DatabaseError("it is of another schema")


def store(connection: sqlite3.Connection, entry: str, stamp: str, advisory: Advisory | None) -> None:
    """Add one record; one that says nothing of Python packages only leaves its stamp."""
    connection.execute("INSERT INTO entry VALUES (?, ?)", (entry, stamp))
    if advisory is None:
        return
    flaw = {key: value for key, value in asdict(advisory).items() if key not in _MOVED}
    connection.execute("INSERT INTO advisory VALUES (?, ?, ?)", (entry, advisory.modified, json.dumps(flaw)))
    rows = [(item.package, entry, json.dumps([item.versions, item.ranges, item.fixed])) for item in advisory.affected]
    connection.executemany("INSERT INTO affected VALUES (?, ?, ?)", rows)


def forget(connection: sqlite3.Connection, entry: str) -> None:
    """Take one record away."""
    connection.execute("DELETE FROM affected WHERE entry = ?", (entry,))
    connection.execute("DELETE FROM advisory WHERE entry = ?", (entry,))
    connection.execute("DELETE FROM entry WHERE name = ?", (entry,))


def about(connection: sqlite3.Connection, values: t.Mapping[str, str]) -> None:
    """Write down what the database is; the newest date is read from its records."""
    newest = connection.execute("SELECT max(modified) FROM advisory").fetchone()[0] or ""
    rows = {**values, "newest": newest, "schema": str(SCHEMA)}
    connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", list(rows.items()))


def _record(entry: Entry) -> Advisory | None:
    try:
        return advisories.read(json.loads(entry.read()))
    except (ValueError, RecursionError) as exc:  # BadAdvisory and JSON's error are ValueErrors
        raise BadAdvisory(f"{entry.name}: {exc}") from exc


def _old(path: str, part: str) -> bool:
    """Begin with a copy of the old database, where that is whole and of this schema."""
    try:
        source = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    except sqlite3.Error:
        return False
    with contextlib.closing(source):
        try:
            if dict(source.execute("SELECT key, value FROM about")).get("schema") != str(SCHEMA):
                return False
            with contextlib.closing(sqlite3.connect(part)) as target:
                source.backup(target)
        except sqlite3.Error:
            _discard(part)
            return False
    return True


def _discard(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _advisory(flaw: dict[str, t.Any]) -> Advisory:
    return Advisory(**{**flaw, "aliases": tuple(flaw["aliases"])})


def _affected(package: str, data: list[t.Any]) -> Affected:
    versions, ranges, fixed = data
    return Affected(
        package,
        tuple(versions),
        tuple(tuple((kind, version) for kind, version in events) for events in ranges),
        tuple(fixed),
    )
