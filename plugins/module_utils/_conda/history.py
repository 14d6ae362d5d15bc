# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(conda-meta/history): what was asked of an environment, and when packages came and went.

Source: conda's own format, which mamba writes with JSON lists where conda writes Python's; conda 4.3 and older wrote
specifications without a list.
"""

from __future__ import annotations

import ast
import json
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec, package_url
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder

_MOST_BYTES = 32 << 20
_DATE = re.compile(r"==>\s*(?P<date>.+?)\s*<==")
_SPECS = re.compile(r"#\s*(?P<action>\w+)\s+specs:\s*(?P<specs>.*)")
_ASKED = frozenset({"update", "install", "create"})
_FORGOTTEN = frozenset({"remove", "uninstall"})


@dataclass
class Revision:
    """One change. ``linked`` and ``unlinked`` are packages as written, mostly C(CHANNEL::NAME-VERSION-BUILD)."""

    date: str
    command: str = ""
    conda_version: str = ""
    asked: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    neutered: list[str] = field(default_factory=list)
    linked: list[str] = field(default_factory=list)
    unlinked: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, t.Any]:
        """As a result tells it."""
        return {
            "date": self.date,
            "command": self.command,
            "requested": self.asked,
            "removed": self.forgotten,
            "linked": self.linked,
            "unlinked": self.unlinked,
        }


def read(prefix: str) -> list[Revision]:
    """The revisions of a prefix, the oldest first; none where there is no history, or an empty one as rattler makes."""
    try:
        with Folder.at(prefix) as tree, tree.folder("conda-meta") as place:
            return parse(place.text("history", _MOST_BYTES))
    except OSError:
        return []


def parse(text: str) -> list[Revision]:
    """Read a history, without the credentials in it; lines that no engine writes are passed over."""
    revisions: list[Revision] = []
    for line in text.splitlines():
        date = _DATE.fullmatch(line.strip())
        if date:
            revisions.append(Revision(date.group("date")))
        elif revisions and line.strip():
            _add(revisions[-1], package_url.public(line.strip()))
    return revisions


def _add(revision: Revision, line: str) -> None:
    if line.startswith("#"):
        key, colon, value = line[1:].partition(":")
        specs = _SPECS.fullmatch(line)
        if specs:
            _add_specs(revision, specs.group("action").lower(), specs.group("specs"))
        elif colon and key.strip() == "cmd":
            revision.command = value.strip()
        elif colon and key.strip() == "conda version":
            revision.conda_version = value.strip()
    elif line[0] in "+-":
        (revision.linked if line[0] == "+" else revision.unlinked).append(line[1:].strip())


def _add_specs(revision: Revision, action: str, text: str) -> None:
    found = specs_in(text)
    if action in _ASKED:
        revision.asked += found
    elif action in _FORGOTTEN:
        revision.forgotten += found
    elif action == "neutered":
        revision.neutered += found


def specs_in(text: str) -> list[str]:
    """The specifications of a C(# update specs:) line, in any of its forms."""
    text = text.strip()
    for read_list in (json.loads, ast.literal_eval) if text.startswith("[") else ():
        try:
            found = read_list(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list):
            return [str(item) for item in found]
    # 'python=3.7,numpy>=1,<2': a comma before an operator belongs to the specification.
    return [item.strip() for item in re.split(r",(?!\s*[<>=!~])", text.strip("[]")) if item.strip()]


def requested(revisions: t.Iterable[Revision], installed: t.Collection[str]) -> dict[str, str]:
    """Name to the specification last asked for, of the packages that are still installed.

    As conda finds it: in each revision what was removed is forgotten, then what was asked for counts.
    """
    found: dict[str, str] = {}
    for revision in revisions:
        for spec in revision.forgotten:
            found.pop(name_of(spec), None)
        for spec in [*revision.asked, *revision.neutered]:
            if name_of(spec):
                found[name_of(spec)] = spec
    return {name: spec for name, spec in found.items() if name in installed}


def name_of(spec: str) -> str:
    """The package that a specification names; empty where it is none."""
    try:
        return match_spec.parse(spec).name
    except match_spec.BadSpec:
        return ""
