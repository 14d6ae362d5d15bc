# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each step of an environment's plan does. Nothing is decided here: the plan has said it all."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Desired
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.plan import Rules
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import written_file
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action

Actions = t.Sequence[Action]
Build = t.Callable[[t.Any, Store], "tuple[Generation, dict[str, t.Any]]"]


class Steps:
    """The handlers of one change of one environment. ``build`` makes and seals a generation of what was observed."""

    def __init__(self, desired: Desired, store: Store, rules: Rules, build: Build) -> None:
        self._desired = desired
        self._store = store
        self._rules = rules
        self._build = build
        self._built: Generation | None = None

    def handlers(self) -> dict[str, t.Any]:
        return {
            "clean": self.clean,
            "build": self.build,
            "adopt": self.adopt,
            "switch": self.switch,
            "prune": self.prune,
            "freeze": self.freeze,
            "remove": self.remove,
        }

    def clean(self, actions: Actions, change: t.Any) -> None:
        self._store.clean_leftovers()

    def build(self, actions: Actions, change: t.Any) -> None:
        self._built, facts = self._build(change.observed, self._store)
        change.facts.update(facts)

    def adopt(self, actions: Actions, change: t.Any) -> None:
        """Moving a directory aside puts the link into its place in the same rename: nobody finds nothing there."""
        for action in actions:
            change.facts["adopted"] = self._store.adopt(self._target(action), _now())

    def switch(self, actions: Actions, change: t.Any) -> None:
        for action in actions:
            self._store.switch(self._target(action))

    def prune(self, actions: Actions, change: t.Any) -> list[Action]:
        """One that a process has begun to use since it was planned is spared."""
        deleted, _spared = self._store.prune([action.subject for action in actions])
        return [action for action in actions if action.subject in deleted]

    def freeze(self, actions: Actions, change: t.Any) -> None:
        current = self._store.observe().current
        for action in actions:
            if current is None:
                raise AssertionError(f"nothing is in use of which {action.details['path']} could tell")
            path = action.details["path"]
            text = self._rules.text(self._desired, current)
            written_file.write(path, text, f"write the exact contents of {action.subject} to {path}")

    def remove(self, actions: Actions, change: t.Any) -> None:
        self._store.remove(force=self._desired.force)

    def _target(self, action: Action) -> Generation:
        """The generation that a step names, or the one that was built before it."""
        named = action.details.get("generation")
        if named is None and self._built is not None:
            return self._built
        return next(item for item in self._store.generations() if item.id == named)


def _now() -> datetime:
    return datetime.now(timezone.utc)
