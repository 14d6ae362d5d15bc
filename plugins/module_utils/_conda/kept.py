# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping what is there, for engines to which one can say what to ask for, but not what to prefer.

A solver that is only told the desired state answers with the newest of everything. What an environment has already
is laid over that answer as far as the desired state and the new packages allow it: what rattler does with its locked
packages.
"""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import relations
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package, SolveRequest


def allowed(request: SolveRequest) -> tuple[Package, ...]:
    """The locked packages that neither a spec nor a constraint nor a pin speaks against."""
    texts: dict[str, list[str]] = {}
    for text in (*request.specs, *request.constraints, *(package.spec for package in request.pinned)):
        texts.setdefault(relations.name_of(text), []).append(text)
    return tuple(
        item for item in request.locked if all(relations.asked(item, text) for text in texts.get(item.name, ()))
    )


def overlaid(solution: t.Iterable[Package], request: SolveRequest) -> tuple[Package, ...]:
    """A solution with as many of the locked packages as hold together with the rest, and nothing that is not needed."""
    fresh = relations.by_name(solution)
    kept = relations.by_name(allowed(request))
    host = relations.of_host(request.virtual_packages)
    asked = [*request.specs, *(package.spec for package in request.pinned)]
    while True:
        whole = relations.by_name(_reached(asked, {**fresh, **kept}))
        problems = relations.broken(whole.values(), {**whole, **host})
        # Where the engine looks for the host's properties itself, nothing is known of them.
        given_up = _given_up((item for item in problems if host or not item.name.startswith("__")), kept)
        if not given_up:
            return tuple(whole.values())
        for name in given_up:
            del kept[name]


def _given_up(problems: t.Iterable[relations.Broken], kept: t.Mapping[str, Package]) -> set[str]:
    """Which of the kept packages must go. What was solved holds together: each problem has a kept one in it."""
    found = set()
    for problem in problems:
        if problem.name in kept:
            found.add(problem.name)
        elif problem.package.name in kept:
            found.add(problem.package.name)
    return found


def needed(specs: t.Iterable[str], packages: t.Iterable[Package]) -> tuple[Package, ...]:
    """Of these packages what the desired state names, and what that depends on: the classic solver brings a pinned
    ``python_abi`` that nobody needs."""
    return _reached(specs, relations.by_name(packages))


def _reached(specs: t.Iterable[str], there: t.Mapping[str, Package]) -> tuple[Package, ...]:
    found: dict[str, Package] = {}
    waiting = [relations.name_of(text) for text in specs]
    while waiting:
        name = waiting.pop()
        if name in there and name not in found:
            found[name] = there[name]
            waiting += [relations.name_of(text) for text in there[name].depends]
    return tuple(found[name] for name in sorted(found))
