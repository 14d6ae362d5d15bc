# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that is wrong with a set of requirements, told at once: each line with its reason and its remedy."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

_SHOWN = 5
_LONG = 120


class Problem(t.NamedTuple):
    """One line that cannot be accepted. ``code`` is stable; the texts are clauses without a full stop."""

    code: str
    file: str
    line: int
    text: str  # the requirement or option as written
    reason: str
    to_fix: str
    name: str | None = None

    def __str__(self) -> str:
        text = " ".join(self.text.split())  # a joined line has the blanks of its continuations
        if len(text) > _LONG:
            text = text[:_LONG] + "..."
        return f"{self.file}:{self.line}: {text!r}: {self.reason}"


def refusal(problems: t.Sequence[Problem], wanted: str = "requirements that are all pinned") -> InvalidArguments:
    """The error to raise for a non-empty list of problems; the whole list is in its details as ``problems``."""
    first = problems[0]
    found = "; ".join(map(str, problems[:_SHOWN]))
    if len(problems) > _SHOWN:
        found += f"; and {len(problems) - _SHOWN} more, listed in the result"
    remedies = dict.fromkeys(problem.to_fix for problem in problems[:_SHOWN])
    return InvalidArguments(
        first.code,
        wanted=wanted,
        found=found,
        to_fix="; ".join(remedies),
        problems=[problem._asdict() for problem in problems],
    )
