# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The words in which a host is proved."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

PASSED, FAILED, SKIPPED, UNKNOWN = "passed", "failed", "skipped", "unknown"
ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. ``name`` is stable (C(gpu_ecc)), ``subject`` what of the host it is about.

    ``status`` is C(passed), C(failed), C(skipped) where it does not apply, or C(unknown) where nobody could look: that
    is never C(passed). ``severity`` is what a failure weighs. ``found`` and ``to_fix`` are clauses without a full stop.
    """

    name: str
    subject: str
    status: str
    found: str
    to_fix: str = ""
    severity: str = ERROR

    def result(self) -> dict[str, str]:
        return {
            "name": self.name,
            "subject": self.subject,
            "status": self.status,
            "severity": self.severity,
            "found": self.found,
            "to_fix": self.to_fix,
        }


@dataclass(frozen=True)
class Selection:
    """Which checks count: the names in ``only``, or all, without those in ``skip``."""

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()

    def of(self, checks: t.Iterable[Check]) -> list[Check]:
        return [check for check in checks if (not self.only or check.name in self.only) and check.name not in self.skip]


def counts(checks: t.Iterable[Check]) -> dict[str, int]:
    """How many checks ended how."""
    found = dict.fromkeys((PASSED, FAILED, SKIPPED, UNKNOWN), 0)
    for check in checks:
        found[check.status] += 1
    return found
