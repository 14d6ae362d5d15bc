# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rattler as an engine, by py-rattler in a process of its own (U(https://conda.github.io/rattler/py-rattler/))."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils import _zip_imports
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import (
    bytecode,
    engine_errors,
    history_entry,
    surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import (
    RATTLER,
    Description,
    Engine,
    Limits,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import (
    InstallRequest,
    InstallResult,
    Package,
    Solution,
    SolveRequest,
    Sources,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.rattler_process import main as process
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import STRAY_VARIABLES

# Where this code was imported from, an archive too: a folder of sys.path that has ansible_collections in it.
_CODE = process.__file__[: process.__file__.rindex("ansible_collections")].rstrip(os.sep)
_START = (
    f"import sys; sys.path[:0] = sys.argv[1:3]; from {_zip_imports.__name__} import install; install(); "
    f"from {process.__name__} import main; main()"
)


class RattlerEngine(Engine):
    """``folder`` holds py-rattler, as the toolbox installed it for the interpreter ``python``."""

    in_one_go = True

    def __init__(self, commands: Commands, limits: Limits, python: str, folder: str, version: str) -> None:
        super().__init__(commands, limits)
        self._python = python
        self._folder = folder
        self._version = version

    def describe(self) -> Description:
        return Description(RATTLER, self._version, "resolvo", self._folder)

    def package_cache(self) -> str:
        return os.path.join(self._cache(), "pkgs")

    def solve(self, request: SolveRequest) -> Solution:
        started = time.monotonic()
        asked = {"action": "solve", **_solving(request)}
        answer = self._ask(asked, request.sources, request.sources.channels, f"{request.title} solved by rattler")
        return _solution(answer, started)

    def install(self, request: InstallRequest) -> InstallResult:
        started = time.monotonic()
        wanted = f"{request.title} installed by rattler into {request.prefix}"
        urls = [package.url for package in request.packages]
        with surroundings.only_one(request.prefix):
            answer = self._ask({"action": "install", **_installing(request)}, request.sources, urls, wanted)
            return self._finished(request, answer, started)

    def create(self, solve: SolveRequest, install: InstallRequest) -> tuple[Solution, InstallResult]:
        started = time.monotonic()
        wanted = f"{solve.title} solved and installed by rattler"
        asked = {"action": "create", **_installing(install), **_solving(solve)}
        with surroundings.only_one(install.prefix):
            # The specs of both are the same desired state: what is solved for is what the history remembers.
            answer = self._ask(asked, solve.sources, solve.sources.channels, wanted)
            solution = _solution(answer, started)
            done = dataclasses.replace(install, packages=solution.packages)
            return solution, self._finished(done, answer, started)

    def _finished(self, request: InstallRequest, answer: t.Mapping[str, t.Any], started: float) -> InstallResult:
        """What is left to do after linking; the lock of the prefix is held."""
        linked, unlinked = tuple(answer["linked"]), tuple(answer["unlinked"])
        warnings = []
        if linked and request.compile_bytecode:
            kept = os.path.join(self._cache(), "bytecode")
            warnings = bytecode.compile_noarch(request.prefix, linked, self.commands, self.limits.timeout, kept)
        history_entry.write(request, linked, unlinked)
        return InstallResult(linked, unlinked, time.monotonic() - started, tuple(warnings))

    def _cache(self) -> str:
        return self.limits.cache or surroundings.default_cache()

    def _ask(self, request: dict[str, t.Any], sources: Sources, urls: t.Sequence[str], wanted: str) -> dict[str, t.Any]:
        for secret in sources.secrets:
            self.commands.redactor.add(secret)
        with tempfile.TemporaryDirectory(prefix="rattler-", dir=self.limits.scratch) as scratch:
            request = {
                **request,
                "scratch": scratch,
                "cache_packages": self.package_cache(),
                "cache_repodata": os.path.join(self._cache(), "repodata"),
                "sources": {**dataclasses.asdict(sources), "token_urls": surroundings.token_urls(sources, urls)},
            }
            result = self.commands.run(
                [self._python, "-I", "-B", "-c", _START, _CODE, self._folder],
                purpose=wanted,
                stdin=json.dumps(request),
                env={**STRAY_VARIABLES, **surroundings.environ(sources, scratch)},
                timeout=self.limits.timeout,
                check=False,
            )
        return self._answer(result, wanted, sources.offline)

    def _answer(self, result: CommandResult, wanted: str, offline: bool) -> dict[str, t.Any]:
        """What the process said. A complete answer counts, however the process ended after it."""
        try:
            answer: dict[str, t.Any] = json.loads(result.out)
        except ValueError:
            raise engine_errors.explained(self.commands.failure(result, wanted), result.err, offline) from None
        if "error" in answer:
            raise engine_errors.from_rattler(answer["error"], wanted, offline)
        return answer


def _solving(request: SolveRequest) -> dict[str, t.Any]:
    return {
        "platform": request.platform,
        "specs": list(request.specs),
        "constraints": list(request.constraints),
        "locked": [_package(package) for package in request.locked],
        "pinned": [_package(package) for package in request.pinned],
        "virtual_packages": [dataclasses.asdict(item) for item in request.virtual_packages],
    }


def _installing(request: InstallRequest) -> dict[str, t.Any]:
    return {
        "prefix": request.prefix,
        "packages": [_package(package) for package in request.packages],
        "specs": list(request.specs),
        "link_scripts": request.link_scripts,
    }


def _solution(answer: t.Mapping[str, t.Any], started: float) -> Solution:
    packages = [Package.from_record(record) for record in answer["packages"]]
    return Solution(tuple(sorted(packages, key=lambda item: item.name)), time.monotonic() - started)


def _package(package: Package) -> dict[str, t.Any]:
    return vars(package)
