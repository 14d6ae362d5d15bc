# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words in which a host is proved."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field, replace

PASSED, FAILED, SKIPPED, UNKNOWN = "passed", "failed", "skipped", "unknown"
ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ``id`` is stable (``gpu_ecc``), ``subject`` what of the host it is about.

    ``status`` is ``passed``, ``failed``, ``skipped`` where it does not apply, or ``unknown`` where nobody could look:
    that is never ``passed``. ``severity`` is what a failure weighs. ``reason`` and ``to_fix`` are clauses without a
    full stop. ``seconds`` is the time of the look that found it, ``details`` what a program wants to know beside it.
    """

    id: str
    subject: str
    status: str
    reason: str
    to_fix: str = ""
    severity: str = ERROR
    seconds: float = 0.0
    details: t.Mapping[str, t.Any] = field(default_factory=dict)

    def result(self) -> dict[str, t.Any]:
        return {
            "id": self.id,
            "subject": self.subject,
            "status": self.status,
            "severity": self.severity,
            "reason": self.reason,
            "to_fix": self.to_fix,
            "seconds": self.seconds,
            "details": dict(self.details),
        }


@dataclass(frozen=True)
class Selection:
    """Which checks are made: the ids in ``only``, or all, without those in ``skip``."""

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()

    def has(self, id_: str) -> bool:
        return (not self.only or id_ in self.only) and id_ not in self.skip

    def any_of(self, ids: t.Iterable[str]) -> bool:
        return any(self.has(id_) for id_ in ids)

    def of(self, checks: t.Iterable[Check]) -> list[Check]:
        return [check for check in checks if self.has(check.id)]


def timed(look: t.Callable[[], t.Iterable[Check]]) -> list[Check]:
    """What a look found, each check with the time of the whole look."""
    started = time.monotonic()
    found = list(look())
    seconds = round(time.monotonic() - started, 3)
    return [replace(check, seconds=seconds) for check in found]


def counts(checks: t.Iterable[Check]) -> dict[str, int]:
    """How many checks ended how."""
    found = dict.fromkeys((PASSED, FAILED, SKIPPED, UNKNOWN), 0)
    for check in checks:
        found[check.status] += 1
    return found
