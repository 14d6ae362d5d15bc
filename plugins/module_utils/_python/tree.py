# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who needs whom among installed distributions."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Distribution, dependency
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import Environment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import InvalidRequirement

Edges = t.Mapping[str, tuple[str, ...]]


def edges(installed: t.Iterable[Distribution], environment: Environment) -> dict[str, tuple[str, ...]]:
    """The installed distributions that each one needs here. Extras count when somebody asks for them."""
    by_name = {item.name: item for item in installed}
    found: dict[str, set[str]] = {name: set() for name in by_name}
    seen: set[tuple[str, str]] = set()
    pending = [(name, "") for name in by_name]
    while pending:
        name, extra = pending.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for needed, extras in _needs(by_name[name], {**environment, "extra": extra}):
            if needed in by_name:
                found[name].add(needed)
                pending += [(needed, item) for item in extras]
    return {name: tuple(sorted(needed)) for name, needed in found.items()}


def _needs(item: Distribution, environment: Environment) -> t.Iterator[tuple[str, tuple[str, ...]]]:
    for text in item.requires:
        try:
            wanted = dependency(text)
        except InvalidRequirement:
            continue  # the check of requirements tells of it
        if wanted.name and wanted.applies(environment):
            yield wanted.name, wanted.extras


def tree(installed: t.Sequence[Distribution], environment: Environment) -> list[dict[str, t.Any]]:
    """The distributions that nothing else needs, each with what it needs below it.

    A circle is entered by its first name and cut where it closes, with ``again`` set there.
    """
    needs = edges(installed, environment)
    versions = {item.name: item.version for item in installed}
    needed = {name for below in needs.values() for name in below}
    roots = [name for name in sorted(needs) if name not in needed]
    reached: set[str] = set()
    for root in roots:
        _reach(root, needs, reached)
    for name in sorted(needs):
        if name not in reached:  # a circle that nothing outside leads into
            roots.append(name)
            _reach(name, needs, reached)
    return [_branch(root, needs, versions, ()) for root in roots]


def _reach(name: str, needs: Edges, reached: set[str]) -> None:
    pending = [name]
    while pending:
        current = pending.pop()
        if current not in reached:
            reached.add(current)
            pending += needs[current]


def _branch(name: str, needs: Edges, versions: t.Mapping[str, str], above: tuple[str, ...]) -> dict[str, t.Any]:
    branch: dict[str, t.Any] = {"name": name, "version": versions[name]}
    if name in above:
        return {**branch, "again": True, "requires": []}
    branch["requires"] = [_branch(below, needs, versions, (*above, name)) for below in needs[name]]
    return branch
