# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each step of a plan of packages does. Nothing is decided here: the plan has said it all."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan_sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._apply import Handlers
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.work import PackageWork

Actions = t.Sequence[Action]


class Steps:
    """The handlers of one change of one host's packages."""

    def __init__(self, work: PackageWork) -> None:
        self._work = work

    def handlers(self) -> Handlers:
        return {
            **dict.fromkeys(plan_sources.VERBS, self.change_sources),
            **dict.fromkeys(planner.CHANGES, self.change_packages),
            "repair": self.repair,
            "refresh": self.refresh,
            "unhold": self.unhold,
            "hold": self.hold,
        }

    def repair(self, actions: Actions, change: t.Any) -> None:
        self._work.repaired(actions)

    def change_sources(self, actions: Actions, change: t.Any) -> None:
        """They are as they were again when what should come from them does not."""
        order = actions[0].order
        self._work.undo.enter_context(self._work.sources.changed(order.change))
        change.show(order.before, order.after)

    def refresh(self, actions: Actions, change: t.Any) -> None:
        self._work.manager.refresh()
        self._work.refreshed = True
        change.facts["cache_refreshed"] = True

    def unhold(self, actions: Actions, change: t.Any) -> None:
        self._work.lasting = True
        self._work.manager.unhold([action.subject for action in actions])
        self._show(actions, change)

    def change_packages(self, actions: Actions, change: t.Any) -> None:
        """Those of one order are one transaction of the package manager, which was asked before what it would do."""
        for _order, group in itertools.groupby(actions, key=lambda action: id(action.order)):
            together = tuple(group)
            self._work.transact(together[0].order)
            self._work.lasting = True
            # Packages came from them: they stay.
            self._work.undo.close()
            change.facts.setdefault("changes", []).extend(one.result() for one in planner.changes_of(together))
            self._show(together, change)

    def hold(self, actions: Actions, change: t.Any) -> None:
        self._work.lasting = True
        self._work.hold([action.subject for action in actions])
        self._show(actions, change)

    @staticmethod
    def _show(actions: Actions, change: t.Any) -> None:
        change.show(planner.lines_before(actions), planner.lines_after(actions))
