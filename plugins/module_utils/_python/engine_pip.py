# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pip as an engine: a pinned pip from the toolbox, run by the environment's own interpreter."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import (
    STRAY_VARIABLES,
    Cache,
    Engine,
    Request,
    RequestFiles,
    warnings_in,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_errors import explain
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources


class PipEngine(Engine):
    name = "pip"

    def __init__(self, commands: Commands, program: str, version: str, timeout: float, cache: Cache) -> None:
        """``program`` is what an interpreter runs as pip: a wheel's or folder's C(pip) package."""
        super().__init__(commands, timeout, cache)
        self.program = program
        self.version = version

    def create(self, prefix: str, python: str) -> None:
        # Without pip: Debian's Python has no ensurepip, and an environment holds what was wanted, no more.
        argv = [python, "-I", "-m", "venv", "--without-pip", prefix]
        self.commands.run(argv, purpose=f"an empty environment at {prefix}", env=STRAY_VARIABLES, timeout=self.timeout)

    def install(self, prefix: str, request: Request, scratch: str) -> list[str]:
        # Root is whom it runs as by intent, and the programs of an environment are on nobody's PATH.
        quiet = {"PIP_ROOT_USER_ACTION": "ignore", "PIP_NO_WARN_SCRIPT_LOCATION": "1"}
        found = []
        for step in request.in_order():
            argv = ["install", *self._of(step, scratch)]
            argv += [] if request.compile_bytecode else ["--no-compile"]
            argv += ["--no-build-isolation"] if step.no_build_isolation else []
            env = {**request.environ, **self._for_builds(step, scratch), **quiet}
            result = self._run(_python_of(prefix), argv, request.sources, f"{request.title} installed by pip", env)
            found += warnings_in(result.err)
        return found

    def _for_builds(self, request: Request, scratch: str) -> dict[str, str]:
        """Until pip 25.3 only a variable reaches the environments that it builds in, and bounds these alone there."""
        if not request.build_constraints:
            return {}
        major, minor = (int(part) for part in f"{self.version}.0".split(".")[:2])
        name = "PIP_BUILD_CONSTRAINT" if (major, minor) >= (25, 3) else "PIP_CONSTRAINT"
        return {name: RequestFiles.write(request, scratch, build_options=True).build_constraints}

    def forget(self, packages: t.Sequence[str]) -> None:
        """Nothing to do: pip unpacks anew each time."""

    def preview(self, python: str, request: Request, scratch: str) -> dict[str, str]:
        argv = ["install", "--dry-run", "--ignore-installed", "--break-system-packages"]
        argv += ["--report", os.path.join(scratch, "report.json"), *self._of(request, scratch)]
        env = {**request.environ, **self._for_builds(request, scratch)}
        self._run(python, argv, request.sources, f"what pip would install for {request.title}", env)
        with open(os.path.join(scratch, "report.json"), encoding="utf-8") as stream:
            report = json.load(stream)
        return {row["metadata"]["name"]: row["metadata"]["version"] for row in report["install"]}

    def wheels_missing(self, python: str, version: str, request: Request, scratch: str) -> list[str] | None:
        return None  # pip stops at the first one and says 'no matching distribution' for every cause

    def outdated(self, prefix: str, sources: Sources, scratch: str) -> list[dict[str, str]]:
        argv = ["list", "--outdated", "--format", "json"]
        env = {"PIP_INDEX_URL": sources.index_url} if sources.index_url else {}
        result = self._run(_python_of(prefix), argv, sources, "list outdated distributions", env)
        return [
            {"name": row["name"], "version": row["version"], "latest": row["latest_version"]}
            for row in json.loads(result.out or "[]")
        ]

    def _of(self, request: Request, scratch: str) -> list[str]:
        files = RequestFiles.write(request, scratch, build_options=True)
        argv = ["-r", files.requirements]
        argv += ["-c", files.constraints] if request.constraints else []
        argv += ["--require-hashes"] if request.require_hashes else []
        argv += ["--no-deps"] if request.no_deps else []
        argv += ["--pre"] if request.pre else []
        return argv

    def _run(
        self,
        python: str,
        argv: t.Sequence[str],
        sources: Sources,
        purpose: str,
        env: t.Mapping[str, str] | None = None,
    ) -> CommandResult:
        flags = ["--no-input", "--disable-pip-version-check", "--no-color"]
        flags += ["--no-cache-dir"] if self.cache.off else []
        flags += ["--cache-dir", self.cache.folder] if self.cache.folder and not self.cache.off else []
        flags += ["--cert", sources.ca_bundle] if sources.ca_bundle else []
        for host in sources.trusted_hosts:
            flags += ["--trusted-host", host]
        command = [python, self.program, *argv[:1], *flags, *argv[1:]]
        command += ["--no-index"] if sources.offline and argv[0] == "install" else []
        environ = {**STRAY_VARIABLES, **(env or {})}
        result = self.commands.run(command, purpose=purpose, env=environ, timeout=self.timeout, check=False)
        if not result.ok and "(from versions: none)" in result.err:
            # So it says too where the index refuses us or is not there, and only when it is talkative it tells which.
            command += ["-vv", "--retries", "0"]
            result = self.commands.run(command, purpose=purpose, env=environ, timeout=self.timeout, check=False)
        if not result.ok:
            raise explain(self.commands.failure(result, purpose), result)
        return result


def _python_of(prefix: str) -> str:
    return os.path.join(prefix, "bin", "python")
