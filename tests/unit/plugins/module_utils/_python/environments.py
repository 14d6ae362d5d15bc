# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired states and observations of environments for tests of what decides over them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import choose
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import arguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import contents as reading
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.arguments import ENVIRONMENT_SPEC, SPEC
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.plan import Observed


def params(*environments: dict, **more: object) -> dict:
    """The module's arguments as AnsibleModule would fill them in."""
    filled = [{**_defaults(ENVIRONMENT_SPEC), **one} for one in environments]
    return {**_defaults(SPEC), "root": "/envs", "environments": filled, **more}


def _defaults(spec: dict) -> dict:
    return {name: one.get("default") for name, one in spec.items()}


def desired(files: dict[str, bytes] | None = None, **options: object) -> DesiredEnvironment:
    """The desired state of an environment named ml, whatever is wrong with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arguments, "_problem", lambda found: ("", ""))
        (found,) = arguments.all_desired(params({"name": "ml", **options}))
    return replace(found, files=files or {})


def contents(asked: DesiredEnvironment) -> reading.Contents:
    return reading.read(asked, Host(environ={}))


def generation(identifier: str, digest: str, installed: dict[str, str], previous: str = "") -> Generation:
    freeze = [f"{name}=={version}" for name, version in sorted(installed.items())]
    record = {"digest": digest, "installed": installed, "freeze": freeze, "previous": previous}
    return Generation(identifier, f"/envs/.generations/ml/{identifier}", record)


class ModelStore:
    """What a store and its site-packages hold, in memory: the same verbs, none of the disk."""

    def __init__(self) -> None:
        self.generations: list[Generation] = []
        self.contents: dict[str, dict[str, str]] = {}
        self.current = ""
        self.standing = "absent"
        self.leftovers: tuple[str, ...] = ()
        self.in_use: frozenset[str] = frozenset()
        self.frozen: str | None = None
        self.rebuilt = False

    def observe(self, asked: DesiredEnvironment) -> Observed:
        ids = tuple(sorted((item.id for item in self.generations), reverse=True))
        current = next((item for item in self.generations if item.id == self.current), None)
        standing = "link" if current else self.standing
        state = StoreState(standing, "", current, "", ids, self.leftovers)
        drift = self._drift(current) if current else ()
        others = tuple(item for item in self.generations if item.id != self.current and not self._drift(item))
        return Observed(
            store=state,
            desired=contents(asked) if asked.state == "present" else None,
            installed=dict(self.contents[self.current]) if current else {},
            drift=drift,
            generations=tuple(self.generations),
            intact=others,
            in_use=self.in_use,
            frozen=self.frozen,
            rebuilt=self.rebuilt,
        )

    def _drift(self, item: Generation) -> tuple[str, ...]:
        return planner.drift(item.record["installed"], self.contents[item.id])

    def apply(self, asked: DesiredEnvironment, observed: Observed, plan: Plan) -> None:
        """Do what the plan says, and nothing else."""
        for action in plan.actions:
            if action.verb == "clean":
                self.leftovers = ()
            elif action.verb == "build":
                self._build(asked, observed)
            elif action.verb == "switch" and "generation" in action.details:
                self.current = action.details["generation"]
            elif action.verb == "prune":
                self._forget(action.subject)
            elif action.verb == "remove":
                self.__init__()  # type: ignore[misc]
                return
            elif action.verb == "adopt":
                self.standing = "absent"
        if any(action.verb == "freeze" for action in plan.actions):
            current = next(item for item in self.generations if item.id == self.current)
            self.frozen = planner.freeze_text(current)

    def _build(self, asked: DesiredEnvironment, observed: Observed) -> None:
        if observed.desired is not None:
            digest, holds = observed.desired.digest, dict(observed.desired.pins)
        else:
            recorded = observed.current.record["installed"] if observed.current else {}
            holds = {name: version for name, version in recorded.items() if name not in asked.absent_packages}
            digest = "0" * 64
        newest = max((int(item.id[:8]) for item in self.generations), default=20260000)
        made = generation(f"{newest + 1}T000000-{digest[:6]}", digest, holds, self.current)
        self.generations.append(made)
        self.contents[made.id] = dict(holds)
        self.current = made.id
        self.rebuilt = True

    def _forget(self, identifier: str) -> None:
        assert identifier != self.current, "the generation in use is never pruned"
        assert identifier not in self.in_use, "what a process uses is never pruned"
        self.generations = [item for item in self.generations if item.id != identifier]

    def kept_after(self, asked: DesiredEnvironment) -> set[str]:
        """What choose.doomed would leave of the generations that are there now."""
        doomed = choose.doomed(self.current, self.generations, asked.keep + 1)
        return {item.id for item in self.generations} - {item.id for item in doomed}


def previewed(observed: Observed, contents: dict[str, str]) -> Observed:
    return replace(observed, preview=contents)
