# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Executing a plan: one handler for each verb, and what each of them did."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


@dataclass
class Change:
    """What the handlers of one change share.

    ``observed`` is what the actions at hand were planned by. ``facts`` join the result of the module. ``done`` are the
    actions that were executed, in order; ``shown`` has the lines of a diff where only the change could tell them.
    """

    observed: t.Any
    facts: dict[str, t.Any] = field(default_factory=dict)
    done: list[Action] = field(default_factory=list)
    shown: Plan | None = None

    def show(self, before: t.Iterable[str] = (), after: t.Iterable[str] = ()) -> None:
        """Add lines to the diff, which then has no others."""
        shown = self.shown or Plan()
        self.shown = replace(shown, before=(*shown.before, *before), after=(*shown.after, *after))


class Handler(t.Protocol):
    """Executes consecutive actions. Returns what was really done where that is not what was planned, else None.

    Raises MlstackError; ``changed`` in its details says whether the host is left different, where that is not told by
    the actions that were done before.
    """

    def __call__(self, actions: t.Sequence[Action], change: Change) -> t.Iterable[Action] | None: ...


Handlers = t.Mapping[str, Handler]


def execute(plan: Plan, handlers: Handlers, change: Change) -> bool:
    """Execute a plan, up to the first step after which the rest must be planned anew; whether there was one. A verb
    without a handler is a defect that shows before anything is done."""
    chosen = [(handlers[action.verb], action) for action in plan.actions]
    for handler, group in itertools.groupby(chosen, key=lambda pair: pair[0]):
        actions = tuple(action for _handler, action in group)
        done = handler(actions, change)
        change.done += actions if done is None else done
        if any(action.renews for action in actions):
            return True
    return False


def repeated(plan: Plan, done: t.Sequence[Action]) -> bool:
    """Whether a plan asks for what was done already: then another round makes no progress."""
    before = {(action.verb, action.subject) for action in done}
    return any((action.verb, action.subject) in before for action in plan.actions)
