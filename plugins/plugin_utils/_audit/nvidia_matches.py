# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NVIDIA's bulletins say of a version of one of its products."""

from __future__ import annotations

import typing as t
from datetime import datetime

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import nvidia_bulletins, orders
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Advisory, Affected
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.database import Known, age_days
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.flaws import Match, Rules
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import DatabaseInfo

Named = tuple[str, Known]  # by how the package is called


def judge(package: str, version: str, knowns: t.Iterable[Named]) -> Match:
    """What bulletins say of a version. Those about newer branches alone leave open whether an older one has the flaw:
    NVIDIA says then that it may."""
    found: list[Known] = []
    others: dict[str, tuple[Advisory, set[int]]] = {}
    is_driver = package.startswith(f"{nvidia_bulletins.PREFIX}{nvidia_bulletins.DRIVER}/")
    for name, known in knowns:
        if name == package:
            found.append(known)
        elif is_driver and name.startswith(f"{nvidia_bulletins.PREFIX}{nvidia_bulletins.DRIVER}/"):
            others.setdefault(known.advisory.id, (known.advisory, set()))[1].add(_branch(name))
    told = {known.advisory.id for known in found}
    for identifier, (advisory, branches) in others.items():
        if identifier not in told and max(branches) > _branch(package):
            found.append(Known(advisory, Affected(package)))
    return Rules(found, orders.RPM).match(version)


def _branch(package: str) -> int:
    return int(package.rpartition("/R")[2])


def everything(mirrored: t.Sequence[Named]) -> list[Named]:
    """All bulletins: those that a mirror has as the mirror has them, and those of the table here."""
    newer = {known.advisory.id for _name, known in mirrored}
    ours = [item for item in nvidia_bulletins.table() if item.id not in newer]
    return [*mirrored, *((item.package, Known(advisory, item)) for advisory in ours for item in advisory.affected)]


def info(now: datetime) -> DatabaseInfo:
    """What outputs say of the table here."""
    advisories = nvidia_bulletins.table()
    date = max(item.modified for item in advisories)
    return DatabaseInfo(nvidia_bulletins.SOURCE, "table", date, age_days(date, now), len(advisories))
