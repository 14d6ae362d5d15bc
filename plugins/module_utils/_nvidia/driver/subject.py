# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The driver of one host, in the loop that every module runs."""

from __future__ import annotations

import contextlib
import time
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution, Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Subject
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings, nouveau, observe, processes
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import (
    arguments,
    choose,
    guards,
    package_wish,
    record,
    runfile,
    surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    ABSENT,
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


class Driver(Subject[DriverWish, DriverState]):
    """The one driver that a host can have."""

    unshown = ("repository_key",)
    _packages: DriverPackages
    _distribution: Distribution
    _installer = ""

    def wishes(self, params: t.Mapping[str, t.Any], context: Context) -> list[DriverWish]:
        self._distribution = context.host.distribution()
        self._packages = DriverPackages(context, self._distribution)
        if params["state"] == "previous":
            params = record.previous_arguments(context.host, params)
        return [arguments.read_wish(params, self._distribution, context.host.machine)]

    def title(self, wish: DriverWish) -> str:
        return "NVIDIA driver"

    def observe(self, wish: DriverWish, context: Context) -> DriverState:
        host, noted = context.host, record.read(context.host)
        current = noted.get("current") or {}
        found = observe.of_driver(host, context.commands, current)
        target = choose.target(wish, self._distribution, found, host, current)
        state = DriverState(
            host=found,
            target=target,
            record=noted,
            spaces=surroundings.spaces(host, found),
            block_file=host.read_text(planner.BLOCK_FILE),
            enabled=surroundings.enabled_services(host),
            offered_services=surroundings.offered_services(host),
        )
        if target is not None or wish.state != "present":
            wanted = package_wish.package_wish(wish, target, found, self._distribution)
            if wish.state == ABSENT:
                wanted = self._packages.with_freed(wanted)
            self._packages.expect(wish, target, found)
            exact, packages = self._packages.look_if_needed(wanted, found)
            state = replace(state, package_wish=exact, packages=packages)
        if state.packages is not None or found.leftovers:
            state = replace(state, host=replace(found, holders=processes.holders(host)))
        return state

    def plan(self, wish: DriverWish, observation: DriverState) -> Plan:
        return planner.plan(wish, observation)

    def lock(self, wish: DriverWish, context: Context) -> t.ContextManager[t.Any]:
        return self._packages.lock(wish.lock_timeout)

    def apply(self, wish: DriverWish, observation: DriverState, plan: Plan, context: Context) -> dict[str, t.Any]:
        if any(planner.disrupts(action) for action in plan.actions):
            self._until_idle(wish, context)
        first, state, foreseen = observation.host, observation, plan
        done: list[Action] = []
        before: list[str] = []
        after: list[str] = []
        held = [piece.package for piece in first.pieces if piece.held]
        kept = self._packages.sources_kept(observation.packages)
        fetched = self._fetched(wish, observation, plan, context)
        with fetched as self._installer, self._packages.held_again(held), self._restored(wish, first, context), kept:
            for _round in range(_ROUNDS):
                carried = self._carry_out(wish, state, plan, context)
                done += carried.actions
                before += [line for line in carried.before if line not in before]
                after += [line for line in carried.after if line not in after]
                state = self.observe(wish, context)
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

    def describe(self, wish: DriverWish, observation: DriverState) -> dict[str, t.Any]:
        found, target = observation.host, observation.target
        return {
            "driver": {
                "loaded": found.loaded.version if found.loaded else None,
                "loaded_flavour": found.loaded.flavour if found.loaded else None,
                "on_disk": found.on_disk or None,
                "libraries": found.libraries or None,
                "sources": list(found.sources),
            },
            "target": choose.shown(target),
            "problems": [problem.text for problem in findings.problems(found)],
        }

    def _carry_out(self, wish: DriverWish, state: DriverState, plan: Plan, context: Context) -> Plan:
        """Every step of a plan; what was really done, since fresh package lists may know more than the plan did."""
        steps: dict[str, list[Action]] = {}
        for action in plan.actions:
            steps.setdefault(action.verb, []).append(action)
        done: list[Action] = steps.get("uninstall_runfile", [])
        before, after = plan.before, plan.after
        if done:
            runfile.uninstall(context.host, context.commands)
        if state.package_wish is not None and state.packages is not None:
            carried = self._packages.carried_out(state.package_wish, state.packages)
            done += carried.actions
            before, after = (*before, *carried.before), (*after, *carried.after)
        for verb in planner.OURS[1:]:
            for action in steps.get(verb, []):
                if self._needed(action, context.host):
                    self._do(action, wish, state, context)
                    done.append(action)
        return Plan(tuple(done), tuple(dict.fromkeys(before)), tuple(dict.fromkeys(after)))

    def _needed(self, action: Action, host: Host) -> bool:
        """Packages and their triggers do some of the steps themselves, depending on who made them."""
        if action.verb == "rebuild":
            return bool(nouveau.read(host, [action.subject]).initramfs)
        if action.verb == "enable":
            offered, enabled = surroundings.offered_services(host), surroundings.enabled_services(host)
            return action.subject in offered and action.subject not in enabled
        if action.verb == "disable":
            return action.subject in surroundings.enabled_services(host)
        return True

    def _do(self, action: Action, wish: DriverWish, state: DriverState, context: Context) -> None:
        host, commands = context.host, context.commands
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

    def _fetched(self, wish: DriverWish, state: DriverState, plan: Plan, context: Context) -> t.ContextManager[str]:
        """The installer, before the driver that it shall replace is gone; empty where none is wanted."""
        if state.target is None or not any(action.verb == "install_runfile" for action in plan.actions):
            return contextlib.nullcontext("")
        return runfile.fetched(context.host, choose.runfile_of(wish, state.target, context.host), state.target)

    def _until_idle(self, wish: DriverWish, context: Context) -> None:
        """Raise MlstackError unless nobody works on a GPU, after the wait that was allowed."""
        if wish.busy == IGNORE:
            return
        deadline = time.monotonic() + (wish.busy_timeout if wish.busy == WAIT else 0)
        while True:
            holders = processes.holders(context.host)
            if all(holder.daemon for holder in holders) or time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
        guards.require_idle(wish, holders)

    @contextlib.contextmanager
    def _restored(self, wish: DriverWish, before: Observation, context: Context) -> t.Iterator[None]:
        """After a failure, the packages are again those from before, as far as repositories still offer them."""
        try:
            yield
        except MlstackError as exc:
            now = observe.of_driver(context.host, context.commands, {})
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
