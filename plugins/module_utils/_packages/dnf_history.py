# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf's own history tells of its transactions. It is read as a file: dnf itself takes a second for a question."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_PATH = "/var/lib/dnf/history.sqlite"
# libdnf, transaction/Types.hpp: TransactionItemAction and TransactionItemState.
_ACTIONS = {1: "install", 2: "downgrade", 4: "obsolete", 5: "obsoleted", 6: "upgrade", 8: "remove", 9: "reinstall"}
_DONE = 1
_BRINGING = ("install", "downgrade", "obsolete", "upgrade", "reinstall")
_ITEMS = (
    "SELECT trans.id, trans.cmdline, item.action, item.state, rpm.name, rpm.epoch, rpm.version, rpm.release, rpm.arch"
    " FROM trans JOIN trans_item AS item ON item.trans_id = trans.id JOIN rpm ON rpm.item_id = item.item_id"
)
_UNFINISHED = (
    f"{_ITEMS} WHERE coalesce(trans.dt_end, 0) = 0 AND NOT EXISTS ("
    "SELECT 1 FROM trans AS later JOIN trans_item AS change ON change.trans_id = later.id"
    " JOIN rpm AS same ON same.item_id = change.item_id"
    " WHERE later.id > trans.id AND later.dt_end > 0 AND change.state = 1"
    " AND same.name = rpm.name AND same.arch = rpm.arch) ORDER BY trans.id, item.id"
)
_OURS = f"{_ITEMS} WHERE trans.comment = ? AND trans.dt_end > 0 ORDER BY trans.id, item.id"


@dataclass(frozen=True)
class Item:
    """What a transaction does to one package; ``done`` says that dnf has noted it as finished."""

    transaction: int
    command: str
    action: str
    done: bool
    name: str
    version: str
    arch: str

    @property
    def brings(self) -> bool:
        """Whether this version is on the host afterwards."""
        return self.action in _BRINGING


class History:
    """Questions to the history. Where it cannot be read there is nothing to tell."""

    def __init__(self, host: Host) -> None:
        self._path = host.path(_PATH)

    def unfinished(self) -> list[Item]:
        """What transactions would have done that never came to an end, less what a later one has changed: those were
        ended by a signal or a reboot, and nobody knows how far a package's script had come."""
        return self._items(_UNFINISHED)

    def of(self, comment: str) -> list[Item]:
        """What the transactions with this comment were to do and have done, once they have ended."""
        return self._items(_OURS, comment)

    def _items(self, query: str, *values: str) -> list[Item]:
        if not os.path.exists(self._path):
            return []
        import sqlite3

        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10)) as connection,
        ):
            return [_item(row) for row in connection.execute(query, values)]
        return []


def _item(row: t.Sequence[t.Any]) -> Item:
    number, command, action, state, name, epoch, version, release, arch = row
    prefix = f"{epoch}:" if int(epoch or 0) else ""
    return Item(
        transaction=number,
        command=command or "",
        action=_ACTIONS.get(action, ""),
        done=state == _DONE,
        name=name,
        version=f"{prefix}{version}-{release}",
        arch=arch,
    )
