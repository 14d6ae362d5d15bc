# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which advisories hold for a version of a package: the evaluation that the OSV schema describes.

Source: U(https://ossf.github.io/osv-schema/#evaluation). Versions of Python's packages are compared as PEP 440 says, by
their public part: a build C(2.0.1+cu118) has the flaws of 2.0.1. Those of distributions have orders of their own.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import orders
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.advisories import Affected
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.orders import Order, Read

Turn = tuple[str, Read]
public = orders.pep440


@dataclass(frozen=True)
class Rule:
    """One package's part of an advisory, made ready for comparing. ``unreadable`` are bounds outside the order of
    versions, of ranges that nothing else tells: such a range is taken for as wide as its other bounds leave it."""

    order: Order
    listed: frozenset[Read]
    listed_texts: frozenset[str]
    ranges: tuple[tuple[Turn, ...], ...]
    limits: tuple[tuple[Read, ...], ...]
    fixed: tuple[Read, ...]
    unreadable: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()

    @property
    def silent(self) -> bool:
        """Whether it names neither versions nor a range, so that nobody can tell of any version."""
        return not self.listed_texts and not any(self.ranges)

    def affects(self, version: str) -> bool:
        """Whether the advisory holds for ``version``. One outside the order is only looked for in the list."""
        if version in self.listed_texts:
            return True
        parsed = self.order.read(version)
        if parsed is None:
            return False
        if parsed in self.listed:
            return True
        return any(
            _in_range(parsed, events, limits)
            for events, limits in zip(self.ranges, self.limits)
            if self._is_of_its_stream(version, events)
        )

    def _is_of_its_stream(self, version: str, events: tuple[Turn, ...]) -> bool:
        comparable = self.order.comparable
        return comparable is None or all(bound is None or comparable(version, str(bound)) for _kind, bound in events)

    def fixes(self, version: str) -> tuple[str, ...]:
        """Versions above ``version`` in which the flaw ends, the smallest first."""
        parsed = self.order.read(version)
        return tuple(str(item) for item in self.fixed if parsed is not None and item > parsed)


def rule(affected: Affected) -> Rule:
    """Read the versions of an advisory once."""
    order = orders.of(affected.package)
    unreadable: list[str] = []
    listed = {text: order.read(text) for text in affected.versions}
    ranges = []
    limits = []
    fixed = [version for version in map(order.read, affected.fixed) if version is not None]
    for events in affected.ranges:
        read = [(kind, _bound(order, text)) for kind, text in events]
        sound = [(kind, bound) for kind, bound in read if bound is not False]
        if len(sound) < len(read) and affected.versions:
            continue  # what such a range means nobody can tell, and the list says it too
        unreadable += [text for (_kind, text), (_same, bound) in zip(events, read) if bound is False]
        ends = [bound for kind, bound in sound if kind == "limit"]
        limits.append(() if None in ends else tuple(ends))
        turns = [(kind, bound) for kind, bound in sound if kind != "limit"]
        if events and not any(kind == "introduced" for kind, _bound_of in turns):
            turns.insert(0, ("introduced", None))  # nobody can tell since when: always
        since = sorted((turn for turn in turns if turn[1] is not None), key=lambda turn: turn[1])
        ranges.append((*(turn for turn in turns if turn[1] is None), *since))
        fixed += [bound for kind, bound in sound if kind == "fixed" and bound is not None]
    return Rule(
        order=order,
        listed=frozenset(version for version in listed.values() if version is not None),
        listed_texts=frozenset(listed),
        ranges=tuple(ranges),
        limits=tuple(limits),
        fixed=tuple(sorted(set(fixed))),
        unreadable=tuple(dict.fromkeys(unreadable)),
        covers=affected.covers,
    )


def _bound(order: Order, text: str) -> t.Any:
    """A version; None for the one before or after all others; False for what cannot be compared."""
    if text in ("0", "*"):
        return None
    return order.read(text) or False


def _in_range(version: Read, events: tuple[Turn, ...], limits: tuple[Read, ...]) -> bool:
    if limits and not any(version < limit for limit in limits):
        return False
    affected = False
    for kind, bound in events:
        if kind == "introduced" and (bound is None or version >= bound):
            affected = True
        elif bound is not None and (version > bound or (kind == "fixed" and version == bound)):
            affected = False
    return affected
