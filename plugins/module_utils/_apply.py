# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Executing a plan: one handler for each verb, what each of them did, and the way back when one fails."""

from __future__ import annotations

import contextlib
import itertools
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

DesiredT = t.TypeVar("DesiredT")
ObservedT = t.TypeVar("ObservedT")
EnteredT = t.TypeVar("EnteredT")


@dataclass
class Change(t.Generic[DesiredT, ObservedT]):
    """What the handlers of one change share.

    ``observed`` is what the actions at hand were planned by; ``first`` what the first of them were. ``facts`` join the
    result of the module. ``done`` are the actions that were executed, in order; ``shown`` has the lines of a diff where
    only the change could tell them.
    """

    desired: DesiredT
    observed: ObservedT
    first: ObservedT
    facts: dict[str, t.Any] = field(default_factory=dict)
    done: list[Action] = field(default_factory=list)
    shown: Plan | None = None
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def during(self, manager: t.ContextManager[EnteredT]) -> EnteredT:
        """Enter a context that lasts until the whole change has ended: it is left with the error of whatever handler
        fails, and can put back what was."""
        return self._open.enter_context(manager)

    def __enter__(self) -> Change[DesiredT, ObservedT]:
        self._open.__enter__()
        return self

    def __exit__(self, *error: t.Any) -> bool | None:
        return self._open.__exit__(*error)


class Handler(t.Protocol):
    """Executes consecutive actions. Returns what was really done where that is not what was planned, else None.

    Raises MlstackError; ``changed`` in its details says whether the host is left different, where that is not told by
    the actions that were done before.
    """

    def __call__(self, actions: t.Sequence[Action], change: t.Any) -> t.Iterable[Action] | None: ...


Handlers = t.Mapping[str, Handler]


def execute(plan: Plan, handlers: Handlers, change: Change[t.Any, t.Any]) -> None:
    """Execute a plan up to its end, or to the last of the first actions that reveal what comes after them."""
    chosen = [(handlers[action.verb], action) for action in until_revealed(plan.actions)]
    for handler, group in itertools.groupby(chosen, key=lambda pair: pair[0]):
        actions = tuple(action for _handler, action in group)
        done = handler(actions, change)
        change.done += actions if done is None else done


def until_revealed(actions: t.Sequence[Action]) -> tuple[Action, ...]:
    """The actions that can be executed by what is known: those up to the first that reveal something, and these."""
    known: list[Action] = []
    for action in actions:
        if known and known[-1].reveals and not action.reveals:
            break
        known.append(action)
    return tuple(known)


def repeated(plan: Plan, done: t.Sequence[Action]) -> bool:
    """Whether a plan asks for what was done already: then another round makes no progress."""
    before = {(action.verb, action.subject) for action in done}
    return any((action.verb, action.subject) in before for action in plan.actions)
