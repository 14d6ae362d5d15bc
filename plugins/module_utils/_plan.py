# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would be done, as data: check mode, diff and result of every module come from here."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Action:
    """One step from observation to desired state.

    ``verb`` is a stable word (``install``, ``build``, ``switch``), ``subject`` what it acts on, ``summary`` the
    sentence a person reads in check mode. ``details`` is data for whoever applies the step and for the result.
    ``order`` is what a handler executes where several steps are one, and is not shown. ``renews`` says that what
    follows is only known once this is done: the loop then observes and plans again.
    """

    verb: str
    subject: str
    summary: str
    details: t.Mapping[str, t.Any] = field(default_factory=dict)
    order: t.Any = None
    renews: bool = False

    def result(self) -> dict[str, t.Any]:
        shown: dict[str, t.Any] = {"action": self.verb, "subject": self.subject, "summary": self.summary}
        if self.details:
            shown["details"] = dict(self.details)
        return shown


@dataclass(frozen=True)
class Plan:
    """The ordered actions that lead from an observation to a desired state; empty when they agree.

    ``before`` and ``after`` are the lines a diff shows (``numpy 1.24.3``); they only matter when there are actions.
    ``details`` join the result of the module as they are.
    """

    actions: tuple[Action, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    details: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    def result(self) -> list[dict[str, t.Any]]:
        return [action.result() for action in self.actions]

    def diff(self, title: str) -> list[dict[str, str]]:
        """The plan in the form Ansible prints: the steps first, then what they change."""
        if not self.actions:
            return []
        steps = "".join(f"{title}: {action.summary}\n" for action in self.actions)
        shown = [{"prepared": steps}]
        if self.before != self.after:
            shown.append(
                {
                    "before_header": title,
                    "after_header": title,
                    "before": "".join(f"{line}\n" for line in self.before),
                    "after": "".join(f"{line}\n" for line in self.after),
                }
            )
        return shown
