# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions that are asked for of frameworks: C(2.x), C(2.8), C(2.8.0), C(==2.8.0), C(>=2.6,<2.9). Pure."""

from __future__ import annotations

import operator
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, minor_of, number
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

_OPERATORS: dict[str, t.Callable[[t.Any, t.Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_CLAUSE = re.compile(r"(==|!=|>=|<=|>|<)\s*([0-9]+(?:\.[0-9]+){0,2})")
_VERSION = re.compile(r"([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(\.[x*])?")
_MOST_PATCHES = 10

Test = t.Callable[[str], bool]


class DesiredVersion:
    """A parsed desired state. ``holds`` judges a full version; ``floor`` is the least version that it can mean,
    which stands for it where the tables are older than the desired state; it is empty where the desired state has no
    lower end."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.holds, self.floor = _parsed(name, text.strip())

    def newest_in(self, row: Row) -> str:
        """The newest release of a row's minor version that the desired state takes, or empty. A patch that the table
        does not know yet is taken by its exact name."""
        minor = row["version"]
        if self.floor and minor_of(self.floor) == minor and number(self.floor) > number(row["newest"]):
            return self.floor if self.holds(self.floor) else ""
        newest = number(row["newest"])[2]
        patches = (f"{minor}.{patch}" for patch in range(min(newest, _MOST_PATCHES), -1, -1))
        return next((version for version in patches if self.holds(version)), "")


def _parsed(name: str, text: str) -> tuple[Test, str]:
    plain = _VERSION.fullmatch(text)
    if plain is not None:
        given = [part for part in plain.groups()[:3] if part is not None]
        width = len(given)
        wanted = number(".".join(given))[:width]
        return (lambda version: number(version)[:width] == wanted), ".".join((*given, "0", "0")[:3])
    clauses = [_CLAUSE.fullmatch(part.strip()) for part in text.split(",")]
    if not text or not all(clauses):
        raise InvalidArguments(
            "desired_version",
            wanted=f"{name} {text}",
            found="this is no version, such as 2.x, 2.8, 2.8.0 or >=2.6,<2.9",
            to_fix="write one of these forms",
        )
    tests = [(_OPERATORS[clause.group(1)], clause.group(2)) for clause in clauses if clause is not None]
    lower = [version for compare, version in tests if compare in (operator.eq, operator.ge)]
    floor = max(lower, key=number, default="")
    holds = _all_of([(compare, number(version)) for compare, version in tests])
    return holds, ".".join(map(str, number(floor)[:3])) if floor else ""


def _all_of(tests: list[tuple[t.Callable[[t.Any, t.Any], bool], tuple[int, ...]]]) -> Test:
    return lambda version: all(compare(number(version), limit) for compare, limit in tests)
