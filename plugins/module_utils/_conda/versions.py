# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of conda packages: their order, and whether one lies in a range.

Source: conda's documentation of version ordering and of package match specifications. It is not PEP 440: strings sort
below numbers, C(dev) below everything, C(post) above, and a missing part counts as 0.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
import typing as t

_PIECES = re.compile(r"[0-9]+|\*+|[^0-9*]+")
_ALLOWED = re.compile(r"[0-9a-z*.+!_-]+")
_ATOM = re.compile(r"(?P<operator>==|!=|<=|>=|~=|=|<|>)?(?P<version>[0-9A-Za-z*.+!_-]+)")
_OPERATORS = "=<>!~"

Piece = t.Union[int, float, str]


_LONGEST = 1000


class BadVersion(ValueError):
    """A text that is no version, or no range of versions; says why."""


@functools.total_ordering
class Version:
    """One version, comparable. C(1.0) equals C(1.0.0)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._epoch, self._public, self._local = _parse(text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._compare(other) == 0

    def __lt__(self, other: Version) -> bool:
        return self._compare(other) < 0

    def __hash__(self) -> int:
        return hash((self._epoch, _trimmed(self._public), _trimmed(self._local)))

    def __repr__(self) -> str:
        return f"Version({self.text!r})"

    def _compare(self, other: Version) -> int:
        if self._epoch != other._epoch:
            return -1 if self._epoch < other._epoch else 1
        return _compare(self._public, other._public) or _compare(self._local, other._local)

    def starts_with(self, other: Version) -> bool:
        """Whether this is one of the versions that C(other.*) means."""
        if self._epoch != other._epoch:
            return False
        if other._local:
            return _compare(self._public, other._public) == 0 and _is_prefix(other._local, self._local)
        return _is_prefix(other._public, self._public)

    def without_last(self) -> Version:
        """The version that C(~=) keeps: all but the last part. Raises BadVersion where there is only one."""
        parts = self.text.partition("+")[0].split(".")
        if len(parts) < 2:
            raise BadVersion(f"~={self.text} needs a version of two parts or more")
        return Version(".".join(parts[:-1]))


def _parse(text: str) -> tuple[int, list[list[Piece]], list[list[Piece]]]:
    lowered = text.strip().lower()
    if len(lowered) > _LONGEST:
        raise BadVersion(f"{text[:20]!r}... is longer than any version")
    if not _ALLOWED.fullmatch(lowered):
        raise BadVersion(f"{text!r} is no version" if lowered else "the version is empty")
    epoch, mark, rest = lowered.rpartition("!")
    if mark and not epoch.isdigit():
        raise BadVersion(f"the epoch of {text!r} is no number")
    public, plus, local = rest.partition("+")
    if plus and (not local or "+" in local):
        raise BadVersion(f"{text!r} has an unfinished local part")
    return int(epoch or 0), _parts(public, text), _parts(local, text) if local else []


def _parts(text: str, whole: str) -> list[list[Piece]]:
    text = text.replace("-", "_")
    # A last underscore belongs to the last part: 1.0.1_ is an old openssl's, below 1.0.1a.
    divided = text.rstrip("_").replace("_", ".") + text[len(text.rstrip("_")) :]
    found = []
    for part in divided.split("."):
        pieces: list[Piece] = [_piece(piece) for piece in _PIECES.findall(part)]
        if not pieces:
            raise BadVersion(f"{whole!r} has an empty part")
        found.append(pieces if part[0].isdigit() else [0, *pieces])
    return found


def _piece(text: str) -> Piece:
    if text.isdigit():
        return int(text)
    named: dict[str, Piece] = {"post": math.inf, "dev": "DEV"}
    return named.get(text, text)


def _compare(ours: list[list[Piece]], theirs: list[list[Piece]]) -> int:
    for one, other in itertools.zip_longest(ours, theirs, fillvalue=[0]):
        for left, right in itertools.zip_longest(one, other, fillvalue=0):
            if left != right:
                return -1 if _rank(left) < _rank(right) else 1
    return 0


def _rank(piece: Piece) -> tuple[int, t.Any]:
    return (0, piece) if isinstance(piece, str) else (1, piece)


def _is_prefix(short: list[list[Piece]], whole: list[list[Piece]]) -> bool:
    if not short:
        return True
    padded = whole + [[0]] * (len(short) - len(whole))
    if _compare(short[:-1], padded[: len(short) - 1]) != 0:
        return False
    last, there = short[-1], padded[len(short) - 1]
    if len(there) < len(last):
        return False
    if isinstance(last[-1], str):  # '1.0a' begins '1.0alpha'
        return last[:-1] == there[: len(last) - 1] and str(there[len(last) - 1]).startswith(last[-1])
    return last == there[: len(last)]


def _trimmed(parts: list[list[Piece]]) -> tuple[tuple[Piece, ...], ...]:
    kept = []
    for part in parts:
        pieces = list(part)
        while pieces and pieces[-1] == 0:
            pieces.pop()
        kept.append(tuple(pieces))
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


class Condition(t.NamedTuple):
    """One condition on a version. C(operator) is C(==), C(!=), C(<), C(<=), C(>), C(>=), C(~=), C(=) (begins with),
    C(!=*) (does not begin with) or C(*) (any)."""

    operator: str
    version: str

    def allows(self, version: Version) -> bool:
        if self.operator == "*":
            return True
        other = Version(self.version)
        if self.operator == "=":
            return version.starts_with(other)
        if self.operator == "!=*":
            return not version.starts_with(other)
        if self.operator == "~=":
            return version >= other and version.starts_with(other.without_last())
        comparisons = {
            "==": version == other,
            "!=": version != other,
            "<": version < other,
            "<=": version <= other,
            ">": version > other,
            ">=": version >= other,
        }
        return comparisons[self.operator]

    def __str__(self) -> str:
        if self.operator == "*":
            return "*"
        if self.operator == "=":
            return f"{self.version}.*"
        if self.operator == "!=*":
            return f"!={self.version}.*"
        return f"{self.operator}{self.version}"


class Range(t.NamedTuple):
    """Alternatives, of which one must hold, each a tuple of conditions that hold together."""

    alternatives: tuple[tuple[Condition, ...], ...]

    def allows(self, version: str) -> bool:
        found = Version(version)
        return any(all(item.allows(found) for item in conditions) for conditions in self.alternatives)

    @property
    def exact(self) -> str | None:
        """The version, where only one is allowed."""
        if len(self.alternatives) == 1 and len(self.alternatives[0]) == 1:
            only = self.alternatives[0][0]
            return only.version if only.operator == "==" else None
        return None

    def __str__(self) -> str:
        return "|".join(",".join(map(str, conditions)) for conditions in self.alternatives)


def parse_range(text: str, *, bare: str = "==") -> Range:
    """Read a range such as C(>=1.2,<2|3.*). ``bare`` is what a version without an operator means.

    ','binds closer than '|'. Raises BadVersion.
    """
    alternatives = []
    for alternative in "".join(text.split()).split("|"):
        alternatives.append(tuple(_condition(atom, text, bare) for atom in alternative.split(",")))
    return Range(tuple(alternatives))


def _condition(atom: str, whole: str, bare: str) -> Condition:
    if not atom:
        raise BadVersion(f"{whole!r} has an empty condition")
    match = _ATOM.fullmatch(atom)
    if match is None:
        if not atom.strip(_OPERATORS):
            raise BadVersion(f"{atom!r} has no version")
        raise BadVersion(f"{atom!r} is no condition on a version")
    operator, version = match.group("operator") or bare, match.group("version")
    if version == "*":
        if match.group("operator") not in (None, "=", "==", ">="):
            raise BadVersion(f"{atom!r} allows nothing")
        return Condition("*", "*")
    if version.endswith("*"):
        stem = version.rstrip("*.")  # '1.*.*' is written, too
        if "*" in stem or not stem:
            raise BadVersion(f"{atom!r} has a * within")
        # '>=1.2.*' is written often, and means '>=1.2' to every solver.
        operator = {"!=": "!=*", "==": "=", "=": "="}.get(operator, operator)
        version = stem
    elif "*" in version:
        raise BadVersion(f"{atom!r} has a * within")
    Version(version)
    if operator == "~=":
        Version(version).without_last()
    return Condition(operator, version)
