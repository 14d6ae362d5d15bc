# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was nearly right and so does nothing: a variable that no role reads, a list that is null, a tag of no task."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.names import canonical_names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.text import few, one_line

COLLECTION = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
MOST_HOSTS = 100  # whose variables are looked at
_NEAR = 2  # letters that may be wrong, missing or too many
_SHORTEST = 8
_WORD = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")
_SPECIAL_TAGS = {"all", "always", "never", "tagged", "untagged"}


@dataclass(frozen=True)
class Known:
    """``options`` are the variables of roles, with their types; ``words`` all names that roles and playbooks use."""

    options: dict[str, str]
    words: frozenset[str]


def known(collection: str = COLLECTION) -> Known:
    """What the roles and playbooks of this collection read. What cannot be read is not known."""
    options: dict[str, str] = {}
    words: set[str] = set()
    for folder, _folders, files in os.walk(os.path.join(collection, "roles")):
        for name in files:
            text = _text(os.path.join(folder, name)) if name.endswith(".yml") else ""
            words.update(_WORD.findall(text))
            if name == "argument_specs.yml":
                options.update(_options(text))
    playbooks = os.path.join(collection, "playbooks")
    for name in os.listdir(playbooks) if os.path.isdir(playbooks) else ():
        if name.endswith(".yml"):
            words.update(_WORD.findall(_text(os.path.join(playbooks, name))))
    return Known(options, frozenset(words))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return ""


def _options(text: str) -> dict[str, str]:
    try:
        specs = yaml.safe_load(text)["argument_specs"].values()
        return {
            str(name): str(option.get("type", "str"))
            for spec in specs
            for name, option in (spec.get("options") or {}).items()
        }
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}


def of_variables(what: Known, given: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """What to tell of the variables of each host."""
    told: dict[str, list[str]] = {}
    checked: dict[str, str] = {}
    for host, variables in given.items():
        for name, value in variables.items():
            if value is None and what.options.get(name) == "list":
                text = f"{name} is null and asks for nothing; write [] where that is meant"
                told.setdefault(text, []).append(host)
            if name not in checked:
                checked[name] = _instead(name, what)
            if checked[name]:
                text = f"no role reads the variable {one_line(name, 80)}; did you mean {checked[name]}?"
                told.setdefault(text, []).append(host)
    return [text if len(hosts) == len(given) else f"{text} ({few(hosts, 60)})" for text, hosts in told.items()]


def of_packages(given: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """What to tell of names of packages that are nearly one of those that mean the same on every distribution.

    Only of those that no distribution has: ``build-tools`` and ``openssl-headers``, not ``python3-pip``.
    """
    ours = [name for name in canonical_names() if name.endswith(("-tools", "-headers"))]
    told: dict[str, None] = {}
    for variables in given.values():
        packages = variables.get("system_packages_list")
        for item in packages if isinstance(packages, list) else ():
            name = item.get("name") if isinstance(item, dict) else item
            if not isinstance(name, str) or name in ours or len(name) < _SHORTEST:
                continue
            near = min((distance(name, other), other) for other in ours)
            if near[0] <= _NEAR:
                told[f"the package {one_line(name, 60)} is in system_packages_list; did you mean {near[1]}?"] = None
    return list(told)


def _instead(name: str, what: Known) -> str:
    """The option that was probably meant, or nothing where the name is known or is near to none."""
    if name in what.words or name.startswith(("_", "ansible_")) or len(name) < _SHORTEST:
        return ""
    near = [(distance(name, option), option) for option in what.options if abs(len(option) - len(name)) <= _NEAR]
    best = min(near, default=(_NEAR + 1, ""))
    return best[1] if best[0] <= _NEAR else ""


def distance(one: str, other: str) -> int:
    """How many letters differ, are missing, are too many, or changed places."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        following = [i]
        for j, theirs in enumerate(other, 1):
            cost = min(row[j] + 1, following[j - 1] + 1, row[j - 1] + (mine != theirs))
            if i > 1 and j > 1 and mine == other[j - 2] and one[i - 2] == theirs:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        before, row = row, following
    return row[-1]


def of_tags(asked: t.Iterable[str], there: t.Iterable[str]) -> list[str]:
    """What to tell of tags that were asked for. An include without the tag does not run."""
    present = sorted(set(there) - _SPECIAL_TAGS)
    told = []
    for tag in asked:
        if tag in _SPECIAL_TAGS or tag in present:
            continue
        near = min(((distance(tag, other), other) for other in present), default=(_NEAR + 1, ""))
        hint = f"did you mean {near[1]}?" if near[0] <= _NEAR else f"there are: {', '.join(present) or 'none'}"
        told.append(f"no task has the tag {one_line(tag, 60)}, so nothing runs for it; {one_line(hint, 300)}")
    return told
