# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.desired import read_desired
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import (
    ABSENT,
    COMPAT,
    DISTRIBUTION,
    NVIDIA,
    RUNTIME,
    WHEELS,
    Desired,
    Found,
    Observed,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import model as packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import plan as package_planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.work import PackageWork
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Plan


class CudaToolkits(Resource[Desired, Observed]):
    """All toolkits of a task are one desired state: their packages are solved together, and they share one default."""

    _work: PackageWork

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Desired]:
        if not params["toolkits"]:
            return []
        distribution = context.host.distribution()
        self._work = PackageWork(context, distribution)
        return [read_desired(params, distribution, context.host.machine)]

    def title(self, desired: Desired) -> str:
        return "CUDA toolkits"

    def observe(self, desired: Desired, context: Context) -> Observed:
        host = context.host
        toolkits, paths = observe.toolkits_of(host, desired)
        wanted, seen = self._look_at_packages(desired, locked=context.locked)
        files = self._files(desired, toolkits)
        return Observed(
            toolkits=toolkits,
            paths=paths,
            default=alternatives.read(host),
            files=files,
            texts=managed.observe(host, files),
            driver=observe.driver_of(host),
            consumer=observe.consumer_gpus(host, desired),
            wanted=wanted,
            packages=seen,
        )

    def plan(self, desired: Desired, observed: Observed) -> Plan:
        return planner.plan(desired, observed)

    def lock(self, desired: Desired, context: Context) -> t.ContextManager[t.Any]:
        return self._work.lock(desired.options["lock_timeout"])

    def apply(self, desired: Desired, observed: Observed, plan: Plan, context: Context) -> dict[str, t.Any]:
        changes: list[dict[str, str]] = []
        own = planner.own_plan(desired, observed)
        if planner.package_plan(observed).changed:
            wanted, seen = self._packages_of(observed)
            done, found = self._work.carry_out(
                planner.package_plan(observed), seen, lambda: (wanted, self._work.look(wanted, locked=True))
            )
            changes = [change.result() for change in found]
            plan = planner.joined(done, own)
            self._hold_what_came(desired)
        self._without_packages(desired, observed, context)
        self._settle(desired, context)
        for warning in planner.driver_warnings(desired, observed):
            context.warn(warning)
        return {"plan": plan, "changes": changes, "cache_refreshed": self._work.refreshed}

    @staticmethod
    def _packages_of(observed: Observed) -> tuple[packages.Desired, packages.Observed]:
        # Neither is None, or the plan would be empty.
        return t.cast(packages.Desired, observed.wanted), t.cast(packages.Observed, observed.packages)

    def describe(self, desired: Desired, observed: Observed) -> dict[str, t.Any]:
        seen = observed.packages
        rows = []
        for toolkit in desired.toolkits:
            path = observed.paths.get(toolkit.release, "")
            found = observed.toolkits.get(path)
            named = [name for name, _version in names.of_toolkit(toolkit, desired.manager)]
            package = seen.installed.get(named[0]) if seen is not None and named else None
            rows.append(
                {
                    "release": toolkit.release,
                    "version": (found.version or None) if found else None,
                    "path": path if found else None,
                    "method": toolkit.method,
                    "present": found is not None,
                    "compiler": bool(found and found.compiler),
                    "default": bool(found and observed.default.path == path),
                    "held": bool(package and package.held),
                }
            )
        return {
            "toolkits": rows,
            "default": observed.default.path or None,
            "driver": observed.driver or None,
            "notes": planner.driver_warnings(desired, observed),
            "changes": [change.result() for change in package_planner.forecast_changes(seen)] if seen else [],
            "cache_refreshed": self._work.refreshed,
        }

    def result(self, outcomes: list[Outcome[Desired]]) -> dict[str, t.Any]:
        return {"toolkits": [], "changes": [], **super().result(outcomes)}

    def _look_at_packages(
        self, desired: Desired, *, locked: bool
    ) -> tuple[packages.Desired | None, packages.Observed | None]:
        """The package manager's part: none where no method has one."""
        managed_by = (NVIDIA, DISTRIBUTION)
        going = any(toolkit.method in managed_by for toolkit in desired.absent)
        holding = any(toolkit.hold is not None for toolkit in desired.present)
        # The names of all packages matter only to who takes or holds them all.
        known = self._work.manager.all_installed() if going or holding else None
        installed = [package.name for package in known or ()]
        gone = names.unwanted(desired, installed)
        if gone:
            gone += [name for name in self._work.manager.freed_by(gone) if name not in gone]
        entries = names.wanted(desired, installed)
        kept = {entry.names[0] for entry in entries}
        entries += [
            packages.DesiredPackage(name, (name,), packages.ABSENT, "", False) for name in gone if name not in kept
        ]
        sources = self._sources(desired, [name for name in installed if name not in gone])
        if not entries and sources is None:
            return None, None
        wanted = packages.Desired(
            packages=tuple(entries),
            purge=True,
            unwanted=names.DRIVER,
            unwanted_why=names.WHY_NO_DRIVER,
            sources=sources,
            **desired.options,
        )
        return wanted, self._work.look(wanted, locked=locked, known=known)

    def _sources(self, desired: Desired, left: t.Sequence[str]) -> t.Any:
        """NVIDIA's repository comes with the first toolkit, and goes with the last unless a driver is from there."""
        if desired.repository is None:
            return None
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Sources

        if any(toolkit.method == NVIDIA for toolkit in desired.present) or desired.cudnn or desired.nccl:
            return Sources(repositories=(desired.repository,))
        if names.driver_needs_repository(left) or any(name.startswith("cuda-") for name in left):
            return None
        return Sources(repositories=(replace(desired.repository, state=ABSENT),))

    def _files(self, desired: Desired, toolkits: t.Mapping[str, Found]) -> tuple[managed.ManagedFile, ...]:
        if not desired.environment:
            return ()
        if not desired.present and planner.remaining(desired, toolkits.values()):
            return ()  # others are there, of which this task says nothing
        chosen = desired.chosen
        compiler = chosen is not None and chosen.components != RUNTIME
        return environment_files.files(bool(desired.present), compiler=compiler, compat=desired.driver == COMPAT)

    def _hold_what_came(self, desired: Desired) -> None:
        """A hold covers packages whose names are only known now."""
        wanted, seen = self._look_at_packages(desired, locked=True)
        if wanted is not None and seen is not None:
            left = package_planner.plan(wanted, seen)
            if left.changed and all(action.verb == "hold" for action in left.actions):
                self._work.hold([action.subject for action in left.actions])

    def _without_packages(self, desired: Desired, observed: Observed, context: Context) -> None:
        """Runfiles, and what packages leave behind."""
        switch = alternatives.Alternatives(context.host, context.commands)
        for path in planner.unregistered(desired, observed):
            switch.forget(path)
        missing, unwanted = planner.missing_runfiles(desired, observed), planner.unwanted_runfiles(desired, observed)
        if missing or unwanted:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import runfile

            for toolkit in unwanted:
                runfile.remove(toolkit.path)
            for toolkit in missing:
                runfile.install(context.host, context.commands, toolkit)
        for toolkit in desired.absent:
            if toolkit.method != WHEELS:
                _remove_empty_folders(context.host.path(toolkit.path))

    def _settle(self, desired: Desired, context: Context) -> None:
        """Default, environment and proof, by what is there now."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import verify

        host = context.host
        toolkits, paths = observe.toolkits_of(host, desired)
        chosen = desired.chosen
        if chosen is not None and paths.get(chosen.release):
            now = alternatives.read(host)
            if now.foreign or now.path != paths[chosen.release]:
                alternatives.Alternatives(host, context.commands).lead_to(paths[chosen.release], chosen.release)
        files = self._files(desired, toolkits)
        differing = managed.differing(files, managed.observe(host, files))
        for file in differing:
            managed.write(host, file)
        if host.which("ldconfig"):
            context.commands.run(["ldconfig"], purpose="tell the loader of the toolkits' libraries", timeout=120)
        for toolkit in desired.present:
            found = toolkits.get(paths.get(toolkit.release, ""))
            if found is not None and found.compiler and toolkit.components != RUNTIME:
                program = "/usr/bin/nvcc" if toolkit.method == DISTRIBUTION else f"{found.path}/bin/nvcc"
                verify.compiler(context.commands, program, toolkit.release)


def _remove_empty_folders(path: str) -> None:
    """Packages own files; the folders that only held them are nobody's."""
    for folder, _folders, _files in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
