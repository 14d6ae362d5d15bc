# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advisories as a SQLite database: built whole beside the old one, then put in its place by one rename.

An entry is one record of the feed, with a stamp that changes when it does: a newer feed reads only what differs.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import typing as t
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import matching, records
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Advisory, Affected, BadAdvisory
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import DatabaseInfo
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.records import Entry

SCHEMA = 6
_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (name TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE advisory (entry TEXT PRIMARY KEY, modified TEXT NOT NULL, flaw TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE affected (package TEXT NOT NULL, entry TEXT NOT NULL, versions TEXT NOT NULL);
CREATE TABLE skipped (entry TEXT PRIMARY KEY, why TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX advisory_modified ON advisory (modified);
CREATE INDEX affected_package ON affected (package);
CREATE INDEX affected_entry ON affected (entry);
"""
# Kept out of the flaw: they lie in other tables.
_MOVED = ("affected", "odd")
_SHOWN = 5
# Clocks differ by a little, and days begin elsewhere earlier.
_TOMORROW = timedelta(days=1)
# A mirror with so many advisories does not lose a tenth of them, or two days of news, from one day to the next.
_ESTABLISHED = 100
_KEPT = 0.9
_STEP_BACK = timedelta(days=2)


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
                wanted="look advisories up",
                found=f"{path}: {exc}",
                to_fix=f"delete {path}: the next audit builds it anew",
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
        date, later = self._dated(now)
        count = self._count("advisory")
        # One record may be dated wrongly; where many are of the future it is the clock, and no age is to be had.
        known = later * 10 <= count if self._asked is None else not later
        age = age_days(date, now) if known else None
        return DatabaseInfo(self.source, self._about.get("kind", ""), date, age, count, skipped=self._count("skipped"))

    def _dated(self, now: datetime) -> tuple[str, int]:
        """The newest date that is not of the future, the newest of all where all are, and how many are."""
        limit = _text(now + _TOMORROW)
        if self._asked is not None:
            asked = _text(datetime.fromtimestamp(self._asked, timezone.utc))
            return asked, int(asked > limit)
        query = "SELECT max(modified) FROM advisory WHERE modified <= ?"
        later = self._connection.execute("SELECT count(*) FROM advisory WHERE modified > ?", (limit,)).fetchone()[0]
        newest = self._connection.execute(query, (limit,)).fetchone()[0]
        return newest or self._about.get("newest", ""), later

    def notes(self, now: datetime) -> list[str]:
        """What people should know of it: records that were passed over, and dates that cannot be."""
        found = []
        skipped = self._count("skipped")
        if skipped:
            rows = self._connection.execute("SELECT entry, why FROM skipped ORDER BY entry LIMIT ?", (_SHOWN,))
            shown = [f"{name[-80:]}: {why}" for name, why in rows]
            shown += [f"and {skipped - len(shown)} more"] if skipped > len(shown) else []
            found.append(
                f"{skipped} of {self._records()} records of {self.source} were skipped, in whole or in part: "
                + "; ".join(shown)
            )
        later = self._dated(now)[1]
        if later:
            what = "the answers" if self._asked is not None else f"{later} of {self._count('advisory')} advisories"
            found.append(
                f"Of {self.source} {what} are dated after {_text(now)}, which is now by the controller's clock: "
                "one of the two is wrong, and ages and expired entries of 'ignore' with it."
            )
        return found

    def _records(self) -> int:
        query = "SELECT count(*) FROM (SELECT name FROM entry UNION SELECT entry FROM skipped)"
        return int(self._connection.execute(query).fetchone()[0])

    def _count(self, table: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def of_package(self, name: str) -> list[Known]:
        """All advisories about a package, by its normalised name."""
        rows = self._connection.execute(
            "SELECT flaw, versions FROM affected JOIN advisory USING (entry) WHERE package = ? ORDER BY entry", (name,)
        )
        try:
            return [Known(_advisory(json.loads(flaw)), _affected(name, json.loads(text))) for flaw, text in rows]
        except (ValueError, TypeError, KeyError) as exc:
            raise sqlite3.DatabaseError(f"{self.path} has garbled contents ({exc})") from exc

    def below(self, prefix: str) -> list[tuple[str, Known]]:
        """All advisories about packages whose names begin so, with the names."""
        query = "SELECT DISTINCT package FROM affected WHERE substr(package, 1, ?) = ? ORDER BY package"
        rows = self._connection.execute(query, (len(prefix), prefix)).fetchall()
        return [(name, known) for (name,) in rows for known in self.of_package(name)]

    def releases(self) -> frozenset[str]:
        """The releases of distributions that it has advisories of."""
        query = "SELECT DISTINCT substr(package, 1, instr(package, '/') - 1) FROM affected WHERE instr(package, '/')"
        return frozenset(release for (release,) in self._connection.execute(query))

    def close(self) -> None:
        self._connection.close()


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def age_days(date: str, now: datetime) -> int | None:
    """Whole days from an RFC 3339 time to ``now``; None where it is none."""
    then = _time(date)
    return None if then is None else max(0, (now - then).days)


class Expected(t.NamedTuple):
    """What a new database must agree with: a release with a flaw that it must know, if one is named, and the time,
    after which nothing can have happened. ``system`` says that it is about distributions' packages, not Python's."""

    now: datetime
    canary: str = ""
    system: bool = False

    @property
    def limit(self) -> str:
        """The last date that is believed."""
        return _text(self.now + _TOMORROW)


def build(path: str, entries: t.Iterable[Entry], values: t.Mapping[str, str], expected: Expected) -> None:
    """Make ``path`` a database of all entries; whatever stood there is replaced at the end, by rename(2).

    Records that the old database has with the same stamp are not read again. One that cannot be read is skipped, and
    named in the database; what the old one knew of it stays. Raises BadAdvisory where what comes out cannot be a whole
    mirror: then the old database stays.
    """
    part = f"{path}.part"
    listed = list(entries)
    try:
        try:
            _build(path, part, listed, values, expected)
        except sqlite3.DatabaseError:  # pages of the old one that cannot be read
            _discard(path)
            _build(path, part, listed, values, expected)
    except BaseException:
        _discard(part)
        raise
    with open(part, "rb") as stream:
        os.fsync(stream.fileno())
    os.replace(part, path)


def _build(path: str, part: str, entries: t.Sequence[Entry], values: t.Mapping[str, str], expected: Expected) -> None:
    _discard(part)
    old = _old(path, part)
    with contextlib.closing(sqlite3.connect(part)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        if not old:
            connection.executescript(_TABLES)
        before = _measured(connection, expected)
        known = dict(connection.execute("SELECT name, stamp FROM entry"))
        failed = 0
        bad = {name for (name,) in connection.execute("SELECT entry FROM skipped")}
        for entry in entries:
            if known.get(entry.name) != entry.stamp or entry.name in bad:
                failed += not _take(connection, entry, expected)
        for name in (known.keys() | bad) - {entry.name for entry in entries}:
            forget(connection, name)
        if failed == len(entries) or not connection.execute("SELECT 1 FROM advisory LIMIT 1").fetchone():
            raise _nothing(connection, len(entries), expected)
        _compare(_measured(connection, expected), before, path)
        _prove(connection, expected.canary)
        about(connection, values)
        connection.commit()


def _take(connection: sqlite3.Connection, entry: Entry, expected: Expected) -> bool:
    """Put a record in the place of what was known of it, if it can be read."""
    try:
        advisory = records.advisory(entry, system=expected.system)
    except BadAdvisory as exc:
        connection.execute("INSERT OR REPLACE INTO skipped VALUES (?, ?)", (entry.name, str(exc)))
        return False
    forget(connection, entry.name)
    if advisory is not None and advisory.modified > expected.limit:
        later = f"it is of {advisory.modified}, which is to come, and counts for no age"
        advisory = replace(advisory, odd="; ".join(filter(None, (advisory.odd, later))))
    store(connection, entry.name, entry.stamp, advisory)
    return True


def _measured(connection: sqlite3.Connection, expected: Expected) -> tuple[int, str]:
    """How many advisories there are, and the newest date that was not of the future."""
    query = "SELECT count(*), max(CASE WHEN modified <= ? THEN modified END) FROM advisory"
    count, newest = connection.execute(query, (expected.limit,)).fetchone()
    return count, newest or ""


def _nothing(connection: sqlite3.Connection, entries: int, expected: Expected) -> BadAdvisory:
    skipped = connection.execute("SELECT entry, why FROM skipped ORDER BY entry LIMIT 1").fetchone()
    why = f" ({skipped[0]}: {skipped[1]})" if skipped else ""
    of = "a distribution that is known here" if expected.system else "PyPI"
    return BadAdvisory(f"none of {entries} records is about a package of {of}{why}")


def _compare(after: tuple[int, str], before: tuple[int, str], path: str) -> None:
    """See that it is not the rest of a mirror, or one of last year. Raises BadAdvisory."""
    count, newest = after
    if before[0] < _ESTABLISHED:
        return
    accept = f"to take it as it is, delete {path}"
    if count < before[0] * _KEPT:
        raise BadAdvisory(f"it has {count} advisories, and had {before[0]}; {accept}")
    step = _time(before[1]), _time(newest)
    if step[0] and (step[1] is None or step[0] - step[1] > _STEP_BACK):
        raise BadAdvisory(f"its newest advisory is of {newest or 'no date'}, and was of {before[1]}; {accept}")


def _prove(connection: sqlite3.Connection, canary: str) -> None:
    """See that it knows the flaw that it must know, where one is named. Raises BadAdvisory."""
    name, _equals, version = canary.partition("==")
    query = "SELECT versions FROM affected WHERE package = ?"
    rows = connection.execute(query, (names.normalize(name),)).fetchall() if canary else []
    if canary and not any(matching.rule(_affected(name, json.loads(text))).affects(version) for (text,) in rows):
        raise BadAdvisory(f"it knows no flaw of {canary}, the canary that it must know")


def _time(date: str) -> datetime | None:
    with contextlib.suppress(ValueError):
        # Python before 3.11 reads neither a Z nor more than six digits of a second.
        return datetime.strptime(date[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return None


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
    rows = [
        (item.package, entry, json.dumps([item.versions, item.ranges, item.fixed, item.covers]))
        for item in advisory.affected
    ]
    connection.executemany("INSERT INTO affected VALUES (?, ?, ?)", rows)
    if advisory.odd:
        connection.execute("INSERT OR REPLACE INTO skipped VALUES (?, ?)", (entry, advisory.odd))


def forget(connection: sqlite3.Connection, entry: str) -> None:
    """Take one record away."""
    connection.execute("DELETE FROM affected WHERE entry = ?", (entry,))
    connection.execute("DELETE FROM advisory WHERE entry = ?", (entry,))
    connection.execute("DELETE FROM entry WHERE name = ?", (entry,))
    connection.execute("DELETE FROM skipped WHERE entry = ?", (entry,))


def about(connection: sqlite3.Connection, values: t.Mapping[str, str]) -> None:
    """Write down what the database is; the newest date is read from its records."""
    newest = connection.execute("SELECT max(modified) FROM advisory").fetchone()[0] or ""
    rows = {**values, "newest": newest, "schema": str(SCHEMA)}
    connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", list(rows.items()))


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
    return Advisory(**{**flaw, "aliases": tuple(flaw["aliases"]), "covers": tuple(flaw["covers"])})


def _affected(package: str, data: list[t.Any]) -> Affected:
    versions, ranges, fixed, covers = data
    return Affected(
        package,
        tuple(versions),
        tuple(tuple((kind, version) for kind, version in events) for events in ranges),
        tuple(fixed),
        tuple(covers),
    )
