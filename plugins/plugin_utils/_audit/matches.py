# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Matches of the whole fleet: each distinct (name, version) is judged once, and kept beside the database.

Ansible's workers are processes of their own, a fresh one for every host. What one of them has found out, the others
read from a file; while one works on what is missing, the others wait instead of doing the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import flaws
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Database
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.feeds import Cache
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.flaws import Match, Rules

Pair = tuple[str, str]
_SCHEMA = "1"
_CHUNK = 400  # SQLite's least limit of variables is 999, and a pair takes two


class Matches:
    """Judgements by a database, kept in ``<database>.matches``."""

    def __init__(self, cache: Cache, database: Database) -> None:
        self._cache = cache
        self._database = database
        self._path = f"{os.path.splitext(database.path)[0]}.matches"
        self._memory: dict[Pair, Match] = {}
        self._rules: dict[str, Rules] = {}

    def of(
        self, pairs: t.Collection[Pair], candidates: t.Mapping[str, t.Sequence[str]] | None = None
    ) -> dict[Pair, Match]:
        """The match of every (normalised name, version). ``candidates`` are versions that an index offers by name."""
        wanted = set(pairs)
        missing = wanted - self._memory.keys()
        if missing and candidates:
            # What an index offers changes from day to day, so that nothing of it is kept.
            for name, version in missing:
                self._memory[name, version] = self._judge(name, version, candidates.get(name, ()))
        elif missing:
            self._recall(missing)
            missing = wanted - self._memory.keys()
            if missing:
                self._find_out(missing)
        return {pair: self._memory[pair] for pair in wanted}

    def _judge(self, name: str, version: str, candidates: t.Sequence[str] = ()) -> Match:
        if name not in self._rules:
            self._rules[name] = Rules(self._database.of_package(name))
        return self._rules[name].match(version, candidates)

    def _find_out(self, missing: set[Pair]) -> None:
        with self._cache.lock(self._path):
            self._recall(missing)
            rows = []
            for name, version in sorted(missing - self._memory.keys()):
                match = self._judge(name, version)
                self._memory[name, version] = match
                rows.append((name, version, json.dumps(match.plain(), separators=(",", ":"))))
            with contextlib.suppress(sqlite3.Error), self._opened() as connection:  # a full disk costs time, no more
                connection.executemany("INSERT OR REPLACE INTO match VALUES (?, ?, ?)", rows)
                connection.commit()

    def _recall(self, pairs: set[Pair]) -> None:
        if not os.path.exists(self._path):
            return
        with contextlib.suppress(sqlite3.Error), self._opened() as connection:
            ordered = sorted(pairs)
            for start in range(0, len(ordered), _CHUNK):
                part = ordered[start : start + _CHUNK]
                marks = ",".join(["(?,?)"] * len(part))
                query = f"SELECT name, version, found FROM match WHERE (name, version) IN (VALUES {marks})"
                for name, version, found in connection.execute(query, [text for pair in part for text in pair]):
                    self._memory[name, version] = flaws.from_plain(json.loads(found))

    @contextlib.contextmanager
    def _opened(self) -> t.Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._path, timeout=60)) as connection:
            identity = f"{_SCHEMA} {self._database.identity}"
            connection.execute("CREATE TABLE IF NOT EXISTS about (identity TEXT NOT NULL)")
            if connection.execute("SELECT identity FROM about").fetchone() != (identity,):
                connection.executescript("DROP TABLE IF EXISTS match; DELETE FROM about;")
                connection.execute("INSERT INTO about VALUES (?)", (identity,))
            connection.execute(
                "CREATE TABLE IF NOT EXISTS match (name TEXT NOT NULL, version TEXT NOT NULL, found TEXT NOT NULL,"
                " PRIMARY KEY (name, version)) WITHOUT ROWID"
            )
            connection.commit()
            yield connection
