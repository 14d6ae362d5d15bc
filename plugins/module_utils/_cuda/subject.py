# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The CUDA toolkits of one host, in the loop that every module runs."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _managed_files as managed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import (
    alternatives,
    environment_files,
    names,
    observe,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import (
    ABSENT,
    COMPAT,
    DISTRIBUTION,
    NVIDIA,
    RUNTIME,
    WHEELS,
    Found,
    Observation,
    Wish,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.wishes import read_wish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Subject
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import model as packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as package_planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.work import PackageWork
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan


class CudaToolkits(Subject[Wish, Observation]):
    """All toolkits of a task are one wish: their packages are solved together, and they share one default."""

    _work: PackageWork

    def wishes(self, params: t.Mapping[str, t.Any], context: Context) -> list[Wish]:
        if not params["toolkits"]:
            return []
        distribution = context.host.distribution()
        self._work = PackageWork(context, distribution)
        return [read_wish(params, distribution, context.host.machine)]

    def title(self, wish: Wish) -> str:
        return "CUDA toolkits"

    def observe(self, wish: Wish, context: Context) -> Observation:
        host = context.host
        toolkits, paths = observe.toolkits_of(host, wish)
        wished, seen = self._look_at_packages(wish)
        files = self._files(wish, toolkits)
        return Observation(
            toolkits=toolkits,
            paths=paths,
            default=alternatives.read(host),
            files=files,
            texts=managed.observe(host, files),
            driver=observe.driver_of(host),
            consumer=observe.consumer_gpus(host, wish),
            wished=wished,
            packages=seen,
        )

    def plan(self, wish: Wish, observation: Observation) -> Plan:
        return planner.plan(wish, observation)

    def lock(self, wish: Wish, context: Context) -> t.ContextManager[t.Any]:
        return self._work.lock(wish.options["lock_timeout"])

    def apply(self, wish: Wish, observation: Observation, plan: Plan, context: Context) -> dict[str, t.Any]:
        changes: list[dict[str, str]] = []
        own = planner.own_plan(wish, observation)
        if planner.package_plan(observation).changed:
            wished, seen = self._packages_of(observation)
            done, found = self._work.carry_out(wished, seen, planner.package_plan(observation))
            changes = [change.result() for change in found]
            plan = planner.joined(done, own)
            self._hold_what_came(wish)
        self._without_packages(wish, observation, context)
        self._settle(wish, context)
        for warning in planner.driver_warnings(wish, observation):
            context.warn(warning)
        return {"plan": plan, "changes": changes, "cache_refreshed": self._work.refreshed}

    @staticmethod
    def _packages_of(observation: Observation) -> tuple[packages.Wish, packages.Observation]:
        # Neither is None, or the plan would be empty.
        return t.cast(packages.Wish, observation.wished), t.cast(packages.Observation, observation.packages)

    def describe(self, wish: Wish, observation: Observation) -> dict[str, t.Any]:
        seen = observation.packages
        rows = []
        for toolkit in wish.toolkits:
            path = observation.paths.get(toolkit.release, "")
            found = observation.toolkits.get(path)
            named = [name for name, _version in names.of_toolkit(toolkit, wish.manager)]
            package = seen.installed.get(named[0]) if seen is not None and named else None
            rows.append(
                {
                    "release": toolkit.release,
                    "version": (found.version or None) if found else None,
                    "path": path if found else None,
                    "method": toolkit.method,
                    "present": found is not None,
                    "compiler": bool(found and found.compiler),
                    "default": bool(found and observation.default.path == path),
                    "held": bool(package and package.held),
                }
            )
        return {
            "toolkits": rows,
            "default": observation.default.path or None,
            "driver": observation.driver or None,
            "notes": planner.driver_warnings(wish, observation),
            "changes": [change.result() for change in package_planner.forecast_changes(seen)] if seen else [],
            "cache_refreshed": self._work.refreshed,
        }

    def result(self, outcomes: list[Outcome[Wish]]) -> dict[str, t.Any]:
        return {"toolkits": [], "changes": [], **super().result(outcomes)}

    def _look_at_packages(self, wish: Wish) -> tuple[packages.Wish | None, packages.Observation | None]:
        """The package manager's part: none where no method has one."""
        managed_by = (NVIDIA, DISTRIBUTION)
        going = any(toolkit.method in managed_by for toolkit in wish.absent)
        holding = any(toolkit.hold is not None for toolkit in wish.present)
        # The names of all packages matter only to who takes or holds them all.
        known = self._work.manager.all_installed() if going or holding else None
        installed = [package.name for package in known or ()]
        gone = names.unwished(wish, installed)
        if gone:
            gone += [name for name in self._work.manager.freed_by(gone) if name not in gone]
        entries = names.wished(wish, installed)
        kept = {entry.names[0] for entry in entries}
        entries += [
            packages.PackageWish(name, (name,), packages.ABSENT, "", False) for name in gone if name not in kept
        ]
        sources = self._sources(wish, [name for name in installed if name not in gone])
        if not entries and sources is None:
            return None, None
        wished = packages.Wish(
            packages=tuple(entries),
            purge=True,
            unwanted=names.DRIVER,
            unwanted_why=names.WHY_NO_DRIVER,
            sources=sources,
            **wish.options,
        )
        return wished, self._work.look(wished, known=known)

    def _sources(self, wish: Wish, left: t.Sequence[str]) -> t.Any:
        """NVIDIA's repository comes with the first toolkit, and goes with the last unless a driver is from there."""
        if wish.repository is None:
            return None
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Sources

        if any(toolkit.method == NVIDIA for toolkit in wish.present) or wish.cudnn or wish.nccl:
            return Sources(repositories=(wish.repository,))
        if names.driver_needs_repository(left) or any(name.startswith("cuda-") for name in left):
            return None
        return Sources(repositories=(replace(wish.repository, state=ABSENT),))

    def _files(self, wish: Wish, toolkits: t.Mapping[str, Found]) -> tuple[managed.ManagedFile, ...]:
        if not wish.environment:
            return ()
        if not wish.present and planner.remaining(wish, toolkits.values()):
            return ()  # others are there, of which this task says nothing
        chosen = wish.chosen
        compiler = chosen is not None and chosen.components != RUNTIME
        return environment_files.files(bool(wish.present), compiler=compiler, compat=wish.driver == COMPAT)

    def _hold_what_came(self, wish: Wish) -> None:
        """A hold covers packages whose names are only known now."""
        wished, seen = self._look_at_packages(wish)
        if wished is not None and seen is not None:
            left = package_planner.plan(wished, seen)
            if left.changed and all(action.verb == "hold" for action in left.actions):
                self._work.carry_out(wished, seen, left)

    def _without_packages(self, wish: Wish, observation: Observation, context: Context) -> None:
        """Runfiles, and what packages leave behind."""
        switch = alternatives.Alternatives(context.host, context.commands)
        for path in planner.unregistered(wish, observation):
            switch.forget(path)
        missing, unwished = planner.missing_runfiles(wish, observation), planner.unwished_runfiles(wish, observation)
        if missing or unwished:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import runfile

            for toolkit in unwished:
                runfile.remove(toolkit.path)
            for toolkit in missing:
                runfile.install(context.host, context.commands, toolkit)
        for toolkit in wish.absent:
            if toolkit.method != WHEELS:
                _remove_empty_folders(context.host.path(toolkit.path))

    def _settle(self, wish: Wish, context: Context) -> None:
        """Default, environment and proof, by what is there now."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import verify

        host = context.host
        toolkits, paths = observe.toolkits_of(host, wish)
        chosen = wish.chosen
        if chosen is not None and paths.get(chosen.release):
            now = alternatives.read(host)
            if now.foreign or now.path != paths[chosen.release]:
                alternatives.Alternatives(host, context.commands).lead_to(paths[chosen.release], chosen.release)
        files = self._files(wish, toolkits)
        differing = managed.differing(files, managed.observe(host, files))
        for file in differing:
            managed.write(host, file)
        if host.which("ldconfig"):
            context.commands.run(["ldconfig"], purpose="tell the loader of the toolkits' libraries", timeout=120)
        for toolkit in wish.present:
            found = toolkits.get(paths.get(toolkit.release, ""))
            if found is not None and found.compiler and toolkit.components != RUNTIME:
                program = "/usr/bin/nvcc" if toolkit.method == DISTRIBUTION else f"{found.path}/bin/nvcc"
                verify.compiler(context.commands, program, toolkit.release)


def _remove_empty_folders(path: str) -> None:
    """Packages own files; the folders that only held them are nobody's."""
    for folder, _folders, _files in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
