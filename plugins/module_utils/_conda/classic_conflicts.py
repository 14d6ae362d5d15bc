# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What conda's classic solver says of a desired state that cannot be: all chains of needs that meet, the harmless
ones, too.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec, relations, versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_errors import Conflict

_BLOCK = re.compile(r"Package \S+ conflicts for:\n(?P<lines>(?:(?!Package |Note that|The following)[^\n]+(?:\n|\Z))+)")
_OF_SYSTEM = re.compile(r"feature:[^\s:]*::(?P<name>__\w+)==(?P<version>[^=\s]+)=(?P<build>\S+)")
_CHAIN = re.compile(r"^\s*-\s+(?P<chain>(?!feature:)\S.*->[^\n]*)", re.MULTILINE)
_NOT_THERE = re.compile(r"not available from current channels:\s+- (?P<name>__\w+)(?P<rest>[^\n]*)")


class Lacking(t.NamedTuple):
    """A virtual package that ``by`` (a spec of the desired state, may be empty) needs and the host has not, or not
    so.
    """

    name: str
    spec: str
    by: str


def lacking(text: str) -> Lacking | None:
    """The first property of the host that is wanted otherwise than it is."""
    missing = _NOT_THERE.search(text)
    if missing:
        return Lacking(missing["name"], _condition(missing["rest"]), "")
    host = {
        match["name"]: Package(match["name"], match["version"], match["build"]) for match in _OF_SYSTEM.finditer(text)
    }
    for match in _CHAIN.finditer(text):
        needs = [part.strip() for part in match["chain"].split("->")]
        name = relations.name_of(needs[-1])
        if name.startswith("__") and not relations.fits(host.get(name), needs[-1]):
            return Lacking(name, _condition(needs[-1][len(name) :]), relations.name_of(needs[-2]))
    return None


def conflicts(text: str) -> list[Conflict]:
    """Pairs of needs of one package that exclude each other."""
    needs: list[tuple[str, str, str]] = []  # who needs what package how
    for block in _BLOCK.finditer(text):
        for line in block["lines"].splitlines():
            parts = [part.strip() for part in line.split("->")]
            for by, what in zip(["", *map(relations.name_of, parts)], parts):
                name = relations.name_of(what)
                needs.append((by, name, _condition(what[len(name) :])))
    found = []
    for number, (by, name, spec) in enumerate(needs):
        for other_by, other_name, other_spec in needs[number + 1 :]:
            if name == other_name and spec and other_spec and _exclude(spec, other_spec):
                first, second = sorted([(by, spec), (other_by, other_spec)], key=lambda item: not item[0])
                found.append(Conflict(name, first[0], f" {first[1]}", f" {second[1]}", second[0]))
    return list(dict.fromkeys(found))


def _condition(text: str) -> str:
    """C([version='>=1,<2']) as C(>=1,<2); other forms as they are."""
    match = re.search(r"version='([^']*)'", text)
    return match[1] if match else text.strip()


def _exclude(one: str, other: str) -> bool:
    """Whether no version is allowed by both, tried with each one that they name and its neighbours."""
    try:
        ranges = [match_spec.parse(f"x{text}" if text[0] in "=<>!~" else f"x {text}").version for text in (one, other)]
    except match_spec.BadSpec:
        return False
    named = re.findall(r"\d[\w.!]*", f"{one} {other}")
    tried = ["0", *(f"{version.rstrip('.')}{end}" for version in named for end in ("", ".1", "a0"))]
    return not any(all(item is None or _allows(item, version) for item in ranges) for version in tried)


def _allows(wanted: versions.Range, version: str) -> bool:
    try:
        return wanted.allows(version)
    except versions.BadVersion:
        return False
