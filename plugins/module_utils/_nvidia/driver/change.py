# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""A change of the driver as it is made: by packages or an installer, with what lies around them, and taken back."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings, nouveau, observe, processes
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import (
    choose,
    guards,
    record,
    runfile,
    surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    IGNORE,
    WAIT,
    DriverState,
    DriverWish,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.packages import DriverPackages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

_POLL_SECONDS = 5.0
# A first step can show what is left to do: services and holds of packages that came along.
_ROUNDS = 3


class DriverChange:
    """One wish, carried out on one host."""

    def __init__(
        self,
        observed: t.Callable[[DriverWish, Context], DriverState],
        wish: DriverWish,
        context: Context,
        packages: DriverPackages,
        distribution: Distribution,
    ) -> None:
        self._observed = observed
        self._wish = wish
        self._context = context
        self._packages = packages
        self._distribution = distribution
        self._installer = ""

    def made(self, observation: DriverState, plan: Plan) -> dict[str, t.Any]:
        """Do it; what was done, and whether a reboot is needed. Raises MlstackError."""
        wish, context = self._wish, self._context
        if any(planner.disrupts(action) for action in plan.actions):
            self._until_idle()
        first, state, foreseen = observation.host, observation, plan
        done: list[Action] = []
        before: list[str] = []
        after: list[str] = []
        held = [piece.package for piece in first.pieces if piece.held]
        kept = self._packages.sources_kept(observation.packages)
        fetched = self._fetched(observation, plan)
        with fetched as self._installer, self._packages.held_again(held), self._restored(first), kept:
            for _round in range(_ROUNDS):
                carried = self._carry_out(state, plan)
                done += carried.actions
                before += [line for line in carried.before if line not in before]
                after += [line for line in carried.after if line not in after]
                state = self._observed(wish, context)
                plan = planner.plan(wish, state)
                if not plan.changed or any(planner.disrupts(action) for action in plan.actions):
                    break
        record.write(context.host, record.following(observation.record, first, state.target, state.host, wish.runfile))
        reasons = findings.reboot_reasons(state.host)
        return {
            "plan": Plan(tuple(done), tuple(before), tuple(after), foreseen.details),
            "reboot_required": bool(reasons),
            "reboot_reasons": list(reasons),
        }

    def _carry_out(self, state: DriverState, plan: Plan) -> Plan:
        """Every step of a plan; what was really done, since fresh package lists may know more than the plan did."""
        steps: dict[str, list[Action]] = {}
        for action in plan.actions:
            steps.setdefault(action.verb, []).append(action)
        done: list[Action] = steps.get("uninstall_runfile", [])
        before, after = plan.before, plan.after
        if done:
            runfile.uninstall(self._context.host, self._context.commands)
        if state.package_wish is not None and state.packages is not None:
            carried = self._packages.carried_out(state.package_wish, state.packages)
            done += carried.actions
            before, after = (*before, *carried.before), (*after, *carried.after)
        for verb in planner.OURS[1:]:
            for action in steps.get(verb, []):
                if self._needed(action):
                    self._do(action, state)
                    done.append(action)
        return Plan(tuple(done), tuple(dict.fromkeys(before)), tuple(dict.fromkeys(after)))

    def _needed(self, action: Action) -> bool:
        """Packages and their triggers do some of the steps themselves, depending on who made them."""
        host = self._context.host
        if action.verb == "rebuild":
            return bool(nouveau.read(host, [action.subject]).initramfs)
        if action.verb == "enable":
            offered, enabled = surroundings.offered_services(host), surroundings.enabled_services(host)
            return action.subject in offered and action.subject not in enabled
        if action.verb == "disable":
            return action.subject in surroundings.enabled_services(host)
        return True

    def _do(self, action: Action, state: DriverState) -> None:
        host, commands = self._context.host, self._context.commands
        if action.verb == "install_runfile" and state.target is not None:
            kernel = state.host.next_boot
            runfile.install(commands, self._installer, state.target, kernel.release if kernel else "")
        elif action.verb == "build":
            surroundings.build(host, commands, action.subject)
        elif action.verb == "block_nouveau":
            managed.write(host, managed.ManagedFile(planner.BLOCK_FILE, planner.BLOCK_TEXT))
        elif action.verb == "unblock_nouveau":
            managed.write(host, managed.ManagedFile(planner.BLOCK_FILE, None))
        elif action.verb == "rebuild":
            surroundings.rebuild_initramfs(host, commands, self._distribution.family, action.subject)
        elif action.verb == "enable":
            commands.run(["systemctl", "enable", action.subject], purpose=action.summary)
        elif action.verb == "disable":
            surroundings.disable(host, action.subject)

    def _fetched(self, state: DriverState, plan: Plan) -> t.ContextManager[str]:
        """The installer, before the driver that it shall replace is gone; empty where none is wanted."""
        if state.target is None or not any(action.verb == "install_runfile" for action in plan.actions):
            return contextlib.nullcontext("")
        host = self._context.host
        return runfile.fetched(host, choose.runfile_of(self._wish, state.target, host), state.target)

    def _until_idle(self) -> None:
        """Raise MlstackError unless nobody works on a GPU, after the wait that was allowed."""
        wish = self._wish
        if wish.busy == IGNORE:
            return
        deadline = time.monotonic() + (wish.busy_timeout if wish.busy == WAIT else 0)
        while True:
            holders = processes.holders(self._context.host)
            if all(holder.daemon for holder in holders) or time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
        guards.require_idle(wish, holders)

    @contextlib.contextmanager
    def _restored(self, before: Observation) -> t.Iterator[None]:
        """After a failure, the packages are again those from before, as far as repositories still offer them."""
        try:
            yield
        except MlstackError as exc:
            now = observe.of_driver(self._context.host, self._context.commands, {})
            if now.pieces == before.pieces:
                raise
            restored = self._packages.restore(before, now)
            told = (
                "the packages from before are back" if restored else "not all packages from before could be had again"
            )
            details = {**exc.details, "changed": True, "restored": restored}
            raise MlstackError(
                exc.code, wished=exc.wished, found=f"{exc.found}; after that, {told}", todo=exc.todo, **details
            ) from exc
