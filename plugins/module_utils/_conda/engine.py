# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that solves and installs conda packages, whichever it is."""

from __future__ import annotations

import abc
import os
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import (
    InstallRequest,
    InstallResult,
    Package,
    Solution,
    SolveRequest,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

AUTO, RATTLER, MICROMAMBA, MAMBA, CONDA = "auto", "rattler", "micromamba", "mamba", "conda"
NAMES = (RATTLER, MICROMAMBA, MAMBA, CONDA)  # in the order in which auto takes them: the fastest first


@dataclass(frozen=True)
class Description:
    """An engine as a result names it.

    ``solver`` is C(resolvo), C(libmamba), C(rattler) or C(classic); ``program`` the path of what runs. ``advice`` is
    what should be changed about it, or empty.
    """

    name: str
    version: str
    solver: str
    program: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"name": self.name, "version": self.version, "solver": self.solver, "program": self.program}


@dataclass(frozen=True)
class Limits:
    """``cache`` is the folder where packages are kept (empty: the engine's own default place), ``timeout`` is for one
    run of the engine, in seconds; ``scratch`` is a private folder for files that nobody needs afterwards."""

    scratch: str
    cache: str = ""
    timeout: float = 3600.0


class Engine(abc.ABC):
    """Solves and installs. All engines install the same for the same packages.

    Every method raises MlstackError: C(conflict), C(no_such_package), C(no_such_version), C(no_virtual_package),
    C(channel_missing), C(channel_unreachable), C(channel_refused), C(channel_broken), C(hash_mismatch), C(disk_full),
    C(offline), C(permission_denied), C(link_script_failed) or C(engine_failed).
    """

    # Whether create() is one request to it, in which nobody can look at the solution before it is installed.
    in_one_go = False

    def __init__(self, commands: Commands, limits: Limits) -> None:
        self.commands = commands
        self.limits = limits

    @abc.abstractmethod
    def describe(self) -> Description:
        """What it is; the same in every call."""

    @abc.abstractmethod
    def solve(self, request: SolveRequest) -> Solution:
        """Everything that would be installed into an empty prefix; changes nothing but the cache."""

    @abc.abstractmethod
    def install(self, request: InstallRequest) -> InstallResult:
        """Let ``request.prefix`` hold exactly these packages, whether it is empty, missing or an environment.

        No other process may change the prefix meanwhile: the caller holds a lock. Killed half-way, the same call again
        completes it.
        """

    def create(self, solve: SolveRequest, install: InstallRequest) -> tuple[Solution, InstallResult]:
        """solve(), and install() of what was found; the packages of ``install`` do not count. Faster in one go."""
        solution = self.solve(solve)
        return solution, self.install(replace(install, packages=solution.packages))

    @abc.abstractmethod
    def package_cache(self) -> str:
        """The folder in which unpacked packages lie, from which files of a prefix may be hard links."""

    def forget(self, packages: t.Iterable[Package]) -> None:
        """Drop these from the cache: files of a prefix may be hard links to it, and whoever changes one there changes
        it for every environment to come."""
        for package in packages:
            disk.delete(os.path.join(self.package_cache(), package.stem))

    def outdated(self, request: SolveRequest, installed: t.Iterable[Package]) -> list[tuple[Package, Package]]:
        """Pairs of an installed package and the other one that a fresh solve would take, by name."""
        newest = {package.name: package for package in self.solve(request).packages}
        return [
            (old, newest[old.name])
            for old in sorted(installed, key=lambda package: package.name)
            if old.name in newest and newest[old.name].stem != old.stem
        ]
