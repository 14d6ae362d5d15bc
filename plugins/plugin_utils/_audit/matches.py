# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matches of the whole fleet: each distinct (name, version) is judged once, and kept beside the database.

Ansible's workers are processes of their own, a fresh one for every host. What one of them has found out, the others
read from a file; while one works on what is missing, the others wait instead of doing the same. Hosts that have the
same packages, as those of a fleet do, find the answers to all of them in one row.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import flaws, orders
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Database
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.flaws import Match, Rules

Pair = tuple[str, str]
_SCHEMA = "7"
_CHUNK = 400  # SQLite's least limit of variables is 999, and a pair takes two
_TABLES = """
CREATE TABLE about (identity TEXT NOT NULL);
CREATE TABLE match (name TEXT NOT NULL, version TEXT NOT NULL, found TEXT NOT NULL, PRIMARY KEY (name, version))
 WITHOUT ROWID;
CREATE TABLE host (digest TEXT PRIMARY KEY, found TEXT NOT NULL) WITHOUT ROWID;
"""


class Matches:
    """Judgements by a database, kept in ``<database>.matches``."""

    def __init__(self, cache: Cache, database: Database) -> None:
        self._cache = cache
        self._database = database
        self._path = f"{os.path.splitext(database.path)[0]}.matches"
        self._rules: dict[str, Rules] = {}

    def of(
        self, pairs: t.Collection[Pair], candidates: t.Mapping[str, t.Sequence[str]] | None = None
    ) -> dict[Pair, Match]:
        """The match of every (normalised name, version). ``candidates`` are versions that an index offers by name."""
        found = self._kept(sorted(set(pairs)))
        for pair, match in found.items():
            # What an index offers changes from day to day: the upgrade out of flaws is looked for each time.
            if match.flaws and candidates and candidates.get(pair[0]):
                found[pair] = self._judge(*pair, candidates[pair[0]])
        return found

    def _kept(self, wanted: list[Pair]) -> dict[Pair, Match]:
        digest = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
        found = self._same_host(wanted, digest)
        if found is None:
            with self._cache.lock(self._path):
                found = self._same_host(wanted, digest) or self._find_out(wanted, digest)
        return found

    def _judge(self, name: str, version: str, candidates: t.Sequence[str] = ()) -> Match:
        if name not in self._rules:
            self._rules[name] = Rules(self._database.of_package(name), orders.of(name))
        return self._rules[name].match(version, candidates)

    def _find_out(self, wanted: list[Pair], digest: str) -> dict[Pair, Match]:
        found = self._recalled(wanted)
        missing = [pair for pair in wanted if pair not in found]
        found.update((pair, self._judge(*pair)) for pair in missing)
        texts = {pair: json.dumps(found[pair].packed(), separators=(",", ":")) for pair in wanted}
        with (
            contextlib.suppress(sqlite3.Error),
            self._opened(writing=True) as connection,
        ):  # a full disk costs time only
            connection.executemany(
                "INSERT OR REPLACE INTO match VALUES (?, ?, ?)", [(*pair, texts[pair]) for pair in missing]
            )
            whole = f"[{','.join(texts[pair] for pair in wanted)}]"
            connection.execute("INSERT OR REPLACE INTO host VALUES (?, ?)", (digest, whole))
            connection.commit()
        return found

    def _same_host(self, wanted: list[Pair], digest: str) -> dict[Pair, Match] | None:
        # Garbled pages can be read, too, and are no answer.
        with contextlib.suppress(sqlite3.Error, ValueError, TypeError, KeyError), self._opened() as connection:
            row = connection.execute("SELECT found FROM host WHERE digest = ?", (digest,)).fetchone()
            if row is not None:
                return dict(zip(wanted, map(flaws.unpacked, json.loads(row[0]))))
        return None

    def _recalled(self, pairs: list[Pair]) -> dict[Pair, Match]:
        found: dict[Pair, Match] = {}
        with contextlib.suppress(sqlite3.Error, ValueError, TypeError, KeyError), self._opened() as connection:
            for start in range(0, len(pairs), _CHUNK):
                part = pairs[start : start + _CHUNK]
                marks = ",".join(["(?,?)"] * len(part))
                query = f"SELECT name, version, found FROM match WHERE (name, version) IN (VALUES {marks})"
                for name, version, text in connection.execute(query, [text for pair in part for text in pair]):
                    found[name, version] = flaws.unpacked(json.loads(text))
        return found

    @contextlib.contextmanager
    def _opened(self, *, writing: bool = False) -> t.Iterator[sqlite3.Connection]:
        """The file of this database; sqlite3.Error where there is none yet. What an older database said is dropped."""
        identity = f"{_SCHEMA} {self._database.identity}"
        target = self._path if writing else f"file:{self._path}?mode=ro"
        with contextlib.closing(sqlite3.connect(target, timeout=60, uri=not writing)) as connection:
            if _identity(connection) != identity:
                if not writing:
                    raise sqlite3.OperationalError("it belongs to another database")
                for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    connection.execute(f'DROP TABLE "{name}"')
                connection.executescript(_TABLES)
                connection.execute("INSERT INTO about VALUES (?)", (identity,))
            yield connection


def _identity(connection: sqlite3.Connection) -> str:
    with contextlib.suppress(sqlite3.OperationalError):
        row = connection.execute("SELECT identity FROM about").fetchone()
        return str(row[0]) if row else ""
    return ""
