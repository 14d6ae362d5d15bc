# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read out of a dnf history: transactions that never ended, and those of one comment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.dnf_history import History

INSTALL, UPGRADE, UPGRADED, REMOVE, REINSTALL = 1, 6, 7, 8, 9
SCHEMA = """
CREATE TABLE trans (
    id INTEGER PRIMARY KEY, dt_begin INTEGER, dt_end INTEGER, cmdline TEXT, state INTEGER, comment TEXT
);
CREATE TABLE trans_item (id INTEGER PRIMARY KEY, trans_id INTEGER, item_id INTEGER, action INTEGER, state INTEGER);
CREATE TABLE rpm (item_id INTEGER PRIMARY KEY, name TEXT, epoch INTEGER, version TEXT, release TEXT, arch TEXT);
INSERT INTO rpm VALUES (1, 'tool', 0, '1.0', '1', 'x86_64'), (2, 'tool', 2, '2.0', '1', 'x86_64'),
                       (3, 'leaf', 0, '1.0', '1', 'noarch');
"""


class Written:
    """A host with a history that a test writes."""

    def __init__(self, root: Path) -> None:
        self.host = Host(str(root))
        path = root / "var/lib/dnf/history.sqlite"
        path.parent.mkdir(parents=True)
        self.database = sqlite3.connect(path)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.executescript(SCHEMA)

    def add(self, number: int, *items: tuple[int, int, int], end: int | None = 9, comment: str = "") -> None:
        """A transaction with items of package, action and state."""
        values = (number, 1, end, f"command {number}", 1 if end else 0, comment)
        self.database.execute("INSERT INTO trans VALUES (?, ?, ?, ?, ?, ?)", values)
        for item in items:
            query = "INSERT INTO trans_item (trans_id, item_id, action, state) VALUES (?, ?, ?, ?)"
            self.database.execute(query, (number, *item))
        self.database.commit()

    def unfinished(self) -> list[tuple[str, str, str]]:
        return [(item.command, item.name, item.version) for item in History(self.host).unfinished() if item.brings]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(tmp_path)
    yield made
    made.database.close()


def test_a_transaction_that_never_ended_is_found_with_what_it_brings(written: Written) -> None:
    written.add(1, (1, INSTALL, 1))
    assert written.unfinished() == []
    written.add(2, (2, UPGRADE, 0), (1, UPGRADED, 0), (3, INSTALL, 0), end=0)
    assert written.unfinished() == [("command 2", "tool", "2:2.0-1"), ("command 2", "leaf", "1.0-1")]


@pytest.mark.parametrize("end", [0, None])
def test_what_a_later_transaction_has_done_again_is_finished(written: Written, end: int | None) -> None:
    written.add(2, (2, UPGRADE, 0), (3, INSTALL, 0), end=end)
    written.add(3, (2, REINSTALL, 1))
    assert written.unfinished() == [("command 2", "leaf", "1.0-1")]
    written.add(4, (3, REINSTALL, 2))  # that one failed
    assert written.unfinished() == [("command 2", "leaf", "1.0-1")]
    written.add(5, (3, REMOVE, 1))
    assert written.unfinished() == []


def test_only_the_transactions_of_our_comment_are_ours(written: Written) -> None:
    written.add(1, (3, INSTALL, 1), comment="gpufleet.mlstack 1")
    written.add(2, (2, UPGRADE, 1), (1, UPGRADED, 1), (3, REMOVE, 2), comment="gpufleet.mlstack 2")
    written.add(3, (1, INSTALL, 1), comment="gpufleet.mlstack 2", end=0)
    ours = [(item.name, item.action, item.done) for item in History(written.host).of("gpufleet.mlstack 2")]
    assert ours == [("tool", "upgrade", True), ("tool", "", True), ("leaf", "remove", False)]


def test_without_a_history_and_with_a_strange_one_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert History(Host(str(tmp_path))).unfinished() == []
    path = tmp_path / "var/lib/dnf/history.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all" * 100)
    assert History(Host(str(tmp_path))).unfinished() == []
