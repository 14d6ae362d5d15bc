# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What transactions of dnf have left unfinished, and how that is finished."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import dnf_output
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.dnf_history import History, Item
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import CHANGE_TIMEOUT
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Installed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.version_locks import VersionLocks

_OPTIONS = (
    *("dnf", "--color=never", "--setopt=exit_on_lock=True", "--setopt=clean_requirements_on_remove=False"),
    # Also what came from a module stream that is no longer, or not yet, the enabled one: see "Modular Filtering" in
    # dnf(8). The name of a repository may be a pattern there.
    "--setopt=*.module_hotfixes=1",
)


class Repair:
    """``query`` gives the installed packages of some names; ``lasting`` runs dnf so that it goes on when we die."""

    def __init__(
        self,
        host: Host,
        commands: Commands,
        locks: VersionLocks,
        query: t.Callable[[t.Sequence[str]], list[Installed]],
        lasting: t.Callable[[t.Sequence[str], str], CommandResult],
    ) -> None:
        self._host = host
        self._commands = commands
        self._locks = locks
        self._query = query
        self._lasting = lasting

    def told(self, duplicates: t.Iterable[str]) -> str:
        """What is unfinished, in words. ``duplicates`` are packages that are known to have two versions."""
        unfinished, more = self._unfinished()
        several = list(dict.fromkeys([*duplicates, *more]))
        told = [f"several versions of {', '.join(several)}"] if several else []
        for command in dict.fromkeys(item.command for item, _package in unfinished):
            names = ", ".join(package.name for item, package in unfinished if item.command == command)
            told.append(f"dnf's transaction '{command}' never ended; to be installed again: {names}")
        return "; ".join(told)

    def run(self, duplicates: t.Collection[str]) -> None:
        """Finish it. ``duplicates`` are all packages with two versions. Raises MlstackError."""
        items = History(self._host).unfinished()
        # What was cut off was to change locked packages too, and it can only go on where it wanted to.
        unlocked = sorted({*duplicates, *(item.name for item in items)})
        if duplicates:
            self._step("remove the older of two versions", unlocked, ["remove", "--duplicates"])
        # The newer of two versions was installed again by that.
        unfinished, _duplicates = self._unfinished()
        again = [f"{package.name}-{package.version}.{package.arch}" for _item, package in unfinished]
        if again:
            step = self._without_conflict(["reinstall", *again], items, unlocked)
            self._step("install again what a transaction of dnf left unfinished", unlocked, step)

    def _unfinished(self) -> tuple[list[tuple[Item, Installed]], list[str]]:
        """What unfinished transactions have brought, as it is on the host now, and what of it has two versions."""
        items = {(item.name, item.version, item.arch): item for item in History(self._host).unfinished() if item.brings}
        if not items:
            return [], []
        names = sorted({name for name, _version, _arch in items})
        packages = self._query(names)
        picked = [dnf_output.pick(name, packages, self._host.machine) for name in names]
        broken = [package.name for package in picked if package is not None and not package.complete]
        here = {(package.name, package.version, package.arch): package for package in packages}
        return [(item, here[key]) for key, item in items.items() if key in here], broken

    def _without_conflict(
        self, step: t.Sequence[str], items: t.Sequence[Item], unlocked: t.Sequence[str]
    ) -> t.Sequence[str]:
        """A step that also removes what the unfinished transaction was to remove, where that is still here and stands
        in the way. Nothing else may go: such a step stays as it is, and dnf says what the matter is."""
        leaving = sorted({item.name for item in items if not item.brings})
        if not leaving or not self._query(leaving):
            return step
        erasing = ["--allowerasing", *step]
        with self._locks.lifted(unlocked) as lifted:
            argv = [*_OPTIONS, *lifted, "--assumeno", *erasing]
            told = self._commands.run(argv, timeout=CHANGE_TIMEOUT, check=False)
        removed = {change.name for change in dnf_output.parse_table(told.out) if change.action == "remove"}
        return erasing if removed <= set(leaving) else step

    def _step(self, wanted: str, unlocked: t.Sequence[str], step: t.Sequence[str]) -> None:
        wanted = f"{wanted} (dnf {' '.join(step)})"
        with self._locks.lifted(unlocked) as lifted:
            result = self._lasting([*_OPTIONS, *lifted, "-y", *step], wanted)
        if not result.ok:
            raise dnf_output.explained(result, wanted)
