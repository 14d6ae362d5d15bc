# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
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
    kept_installer,
    record,
    restoring,
    runfile,
    surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    ABSENT,
    IGNORE,
    WAIT,
    DesiredDriver,
    DriverState,
    Runfile,
    WayBack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.packages import DriverPackages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import RUNFILE, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan

_POLL_SECONDS = 5.0
# A first step can show what is left to do: services and holds of packages that came along.
_ROUNDS = 3


class DriverChange:
    """One desired state, carried out on one host."""

    def __init__(
        self,
        observed: t.Callable[[DesiredDriver, Context], DriverState],
        desired: DesiredDriver,
        context: Context,
        packages: DriverPackages,
        distribution: Distribution,
    ) -> None:
        self._observed = observed
        self._desired = desired
        self._context = context
        self._packages = packages
        self._distribution = distribution
        self._installer = ""
        self._runfile = Runfile()

    def made(self, observed: DriverState, plan: Plan) -> dict[str, t.Any]:
        """Do it; what was done, and whether a reboot is needed. Raises MlstackError."""
        desired, context = self._desired, self._context
        self._until_idle(plan)
        done: list[Action] = list(self._packages.repaired(plan.actions))
        if done:  # which driver is here, and what of it must go or stay, is only known now
            observed = self._observed(desired, context)
            plan = planner.plan(desired, observed)
            self._until_idle(plan)
        first, state, foreseen = observed.host, observed, plan
        before: list[str] = []
        after: list[str] = []
        held = self._packages.held_again([piece.package for piece in first.pieces if piece.held])
        kept = self._packages.sources_kept(observed.packages)
        fetched, at_hand = self._fetched(observed, plan), self._at_hand(observed.way_back)
        with contextlib.ExitStack() as stack:
            self._installer = stack.enter_context(fetched)
            old = stack.enter_context(at_hand)
            for manager in (held, self._restored(observed, old), kept):
                stack.enter_context(manager)
            for _round in range(_ROUNDS):
                carried = self._carry_out(state, plan)
                done += carried.actions
                before += [line for line in carried.before if line not in before]
                after += [line for line in carried.after if line not in after]
                state = self._observed(desired, context)
                plan = planner.plan(desired, state)
                left = [action for action in plan.actions if action.verb not in planner.LAST]
                if not left or any(planner.disrupts(action) for action in left):
                    break
            self._require_whole(state)
            done += self._installers_sorted(foreseen, state)
        record.write(context.host, record.following(observed.record, first, state.target, state.host, desired.runfile))
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
        if state.desired_packages is not None and state.packages is not None and state.aim is not None:
            carried = self._packages.carried_out(state.aim, state.desired_packages, state.packages)
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
            target = state.target
            runfile.install(commands, self._installer, target.version, target.flavour, kernel.release if kernel else "")
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
        host, version = self._context.host, state.target.version
        self._runfile = kept_installer.instead_of(choose.runfile_of(self._desired, version, host), version, state.kept)
        return runfile.fetched(host, self._runfile, version)

    @contextlib.contextmanager
    def _at_hand(self, way: WayBack | None) -> t.Iterator[str]:
        """The installer of the driver that shall be replaced, verified; empty where there is none to be had.

        Raises MlstackError, before the first change, where one is required.
        """
        with contextlib.ExitStack() as stack:
            path = ""
            if way is not None and way.known:
                try:
                    path = stack.enter_context(runfile.fetched(self._context.host, way.runfile, way.version))
                except MlstackError as exc:
                    to_fix = f"delete {way.runfile.path}, which is damaged" if way.kept else exc.to_fix
                    error = guards.no_way_back(
                        self._desired, way, exc.found, f"{to_fix}, or set require_rollback to false to go on without"
                    )
                    if self._desired.require_rollback and self._desired.state != ABSENT:
                        raise error from exc
                    self._context.warn(error.found)
            yield path

    @staticmethod
    def _require_whole(state: DriverState) -> None:
        """Raise MlstackError where an installer ended well and left no driver that would load."""
        target, found = state.target, state.host
        if target is None or target.source != RUNFILE or kept_installer.as_desired(target, found):
            return
        raise MlstackError(
            "installer_incomplete",
            wanted=f"the driver {target.version} ({target.flavour}) by NVIDIA's installer",
            found=f"the installer ended well, and this host had {restoring.described(found)}",
            to_fix="see /var/log/nvidia-installer.log and /var/lib/dkms/*/*/build/make.log",
        )

    def _installers_sorted(self, plan: Plan, state: DriverState) -> list[Action]:
        """Keep the new installer and delete the others, as it was planned; what was done."""
        done = []
        for action in plan.actions:
            if action.verb == "delete_runfile":
                kept_installer.delete(self._context.host, action.subject)
                done.append(action)
            elif action.verb == "keep_runfile" and state.target is not None:
                version, sha256 = state.target.version, self._runfile.sha256
                try:
                    kept_installer.keep(self._context.host, self._installer, version, sha256)
                except MlstackError as exc:  # the driver is there, and a full disk is no reason to take it back
                    self._context.warn(f"the installer of {version} is not kept: {exc.found}")
                else:
                    done.append(action)
        return done

    def _until_idle(self, plan: Plan) -> None:
        """Raise MlstackError where a plan disrupts those who work on a GPU, after the wait that was allowed."""
        desired = self._desired
        if desired.busy == IGNORE or not any(planner.disrupts(action) for action in plan.actions):
            return
        deadline = time.monotonic() + (desired.busy_timeout if desired.busy == WAIT else 0)
        while True:
            holders = processes.holders(self._context.host)
            if all(holder.daemon for holder in holders) or time.monotonic() >= deadline:
                break
            time.sleep(_POLL_SECONDS)
        guards.require_idle(desired, holders)

    @contextlib.contextmanager
    def _restored(self, before: DriverState, old_installer: str) -> t.Iterator[None]:
        """After a failure, the driver is again the one from before: packages as far as repositories still offer them,
        an installer's driver by its installer."""
        try:
            yield
        except MlstackError as exc:
            now = self._look()
            if restoring.same(before.host, now):
                raise
            reasons = self._put_back(before, now, old_installer)
            told, restored = restoring.told(before.host, self._look(), reasons)
            details = {**exc.details, "changed": True, "restored": restored}
            raise MlstackError(
                exc.code, wanted=exc.wanted, found=f"{exc.found}; after that, {told}", to_fix=exc.to_fix, **details
            ) from exc

    def _put_back(self, before: DriverState, now: Observed, old_installer: str) -> list[str]:
        """Do what can be done; why something could not be."""
        host, commands, way = self._context.host, self._context.commands, before.way_back
        reasons = []
        # An installer takes away what another one left by itself, but packages do not.
        if now.leftovers and not before.host.leftovers:
            try:
                runfile.uninstall(host, commands)
            except MlstackError as exc:
                reasons.append(exc.found)
        if now.pieces != before.host.pieces and not self._packages.restore(before.host, now):
            reasons.append("the repositories do not have all packages from before any more")
        if way is not None and old_installer:
            kernel = before.host.next_boot
            try:
                runfile.install(commands, old_installer, way.version, way.flavour, kernel.release if kernel else "")
            except MlstackError as exc:
                reasons.append(exc.found)
        elif way is not None:
            reasons.append(f"the installer of {way.version} was not at hand")
        return reasons

    def _look(self) -> Observed:
        return observe.of_driver(self._context.host, self._context.commands, {})
