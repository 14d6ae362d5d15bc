# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""uv as an engine (U(https://docs.astral.sh/uv/reference/cli/))."""

from __future__ import annotations

import json
import os
import re
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirements, site_packages
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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.pip_config import inherited

_NO_WHEEL = re.compile(
    r"Because ([A-Za-z0-9._-]+)(?:==\S+)? has no (?:usable )?wheels|Wheels are required for `([^`]+)`"
)
_WOULD_ADD = re.compile(r"^ \+ (?P<name>[A-Za-z0-9._-]+)(?:==(?P<version>\S+)| @ (?P<url>\S+))", re.M)


class UvEngine(Engine):
    name = "uv"

    def __init__(
        self, commands: Commands, program: str, version: str, timeout: float, host: Host, cache: Cache
    ) -> None:
        super().__init__(commands, timeout, cache)
        self._host = host
        self.program = program
        self.version = version

    def create(self, prefix: str, python: str) -> None:
        self._run(["venv", "--no-project", "--python", python, prefix], Sources(), f"an empty environment at {prefix}")

    def install(self, prefix: str, request: Request, scratch: str) -> list[str]:
        found = []
        for step in request.in_order():
            argv = ["pip", "install", "--python", os.path.join(prefix, "bin", "python"), *self._of(step, scratch)]
            if request.compile_bytecode:
                argv.append("--compile-bytecode")
            result = self._run(argv, request.sources, f"{request.title} installed by uv", request.environ)
            found += warnings_in(result.err)
        return found

    def forget(self, packages: t.Sequence[str]) -> None:
        self._run(["cache", "clean", *packages], Sources(), f"{', '.join(packages)} dropped from uv's cache")

    def preview(self, python: str, request: Request, scratch: str) -> dict[str, str]:
        argv = ["pip", "install", "--dry-run", "--python", python]
        argv += ["--target", os.path.join(scratch, "empty"), *self._of(request, scratch)]
        result = self._run(argv, request.sources, f"what uv would install for {request.title}", request.environ)
        added = {match["name"]: match for match in _WOULD_ADD.finditer(result.err)}
        versions = {name: match["version"] for name, match in added.items() if match["version"]}
        if len(versions) == len(added):
            return versions
        # What comes from a URL is named by that alone: unpack it, where nobody looks, to know its version.
        folder = os.path.join(scratch, "from-urls")
        alone = replace(request.without(versions), constraints=(), no_deps=True, require_hashes=False)
        argv = ["pip", "install", "--python", python, "--target", folder, *self._of(alone, scratch)]
        self._run(argv, request.sources, f"the versions of what {request.title} has from URLs", request.environ)
        return {**site_packages.versions(folder), **versions}

    def wheels_missing(self, python: str, version: str, request: Request, scratch: str) -> list[str] | None:
        argv = ["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-deps", "--no-build"]
        argv += ["--python", python, "--no-python-downloads", "--python-version", version]
        missing: list[str] = []
        # A direct URL of anything but a wheel is meant to be built from source.
        built = [
            item for item in request.requirements if item.url and not requirements.url_path(item.url).endswith(".whl")
        ]
        request = replace(request, requirements=tuple(item for item in request.requirements if item not in built))
        while True:
            # uv names one package at a time: ask again without those it has named.
            rest = request.without(missing)
            result = self._call(
                [*argv, *self._files(rest, scratch, positional=True)],
                request.sources,
                "look for wheels",
                request.environ,
            )
            if result.ok:
                return sorted(missing)
            named = {first or second for first, second in _NO_WHEEL.findall(re.sub(r"\s+", " ", result.err))}
            if not named - set(missing):
                return sorted(missing) or None
            missing += sorted(named - set(missing))

    def outdated(self, prefix: str, sources: Sources, scratch: str) -> list[dict[str, str]]:
        argv = ["pip", "list", "--outdated", "--format", "json", "--python", os.path.join(prefix, "bin", "python")]
        sources = self._completed(sources)
        # 'uv pip list' reads no requirement file; a variable keeps the URL out of the arguments.
        env = {"UV_DEFAULT_INDEX": sources.index_url} if sources.index_url else {}
        result = self._run(argv, sources, "list outdated distributions", env)
        return [
            {"name": row["name"], "version": row["version"], "latest": row["latest_version"]}
            for row in json.loads(result.out or "[]")
        ]

    def compile(self, request: Request, output: str, python: str, scratch: str, options: t.Sequence[str]) -> None:
        """Resolve to a fully pinned, hashed file at ``output``; the versions in it stay where they still fit."""
        argv = ["pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--python", python]
        argv += ["--no-python-downloads", "--output-file", output, *options]
        argv += self._files(request, scratch, positional=True)
        self._run(argv, request.sources, f"a lock of {request.title} with hashes", request.environ)

    def install_python(self, version: str, folder: str, env: t.Mapping[str, str]) -> CommandResult:
        """Download a managed Python into ``folder``."""
        argv = [self.program, *self._cache(), "python", "install", "--no-bin", "--install-dir", folder, version]
        return self.commands.run(argv, env={**self._env(Sources()), **env}, timeout=self.timeout, check=False)

    def find_python(self, version: str, folder: str) -> str | None:
        """The path of a managed Python in ``folder``."""
        argv = [self.program, *self._cache(), "python", "find", "--managed-python", "--no-project"]
        argv += ["--no-python-downloads", version]
        env = {**self._env(Sources()), "UV_PYTHON_INSTALL_DIR": folder}
        result = self.commands.run(argv, env=env, timeout=self.timeout, check=False)
        return result.out.strip() or None if result.ok else None

    def _of(self, request: Request, scratch: str) -> list[str]:
        argv = self._files(request, scratch)
        argv += ["--require-hashes"] if request.require_hashes else []
        argv += ["--no-deps"] if request.no_deps else []
        for name in request.no_build_isolation:
            argv += ["--no-build-isolation-package", name]
        for item in request.requirements:
            for setting in item.build_options if item.name else ():
                argv += ["--config-settings-package", f"{item.name}:{setting}"]
        return argv

    def _files(self, request: Request, scratch: str, *, positional: bool = False) -> list[str]:
        files = RequestFiles.write(replace(request, sources=self._completed(request.sources)), scratch)
        argv = [files.requirements] if positional else ["-r", files.requirements]
        argv += ["-c", files.constraints] if request.constraints else []
        argv += ["--overrides", files.overrides] if request.overrides else []
        argv += ["--build-constraints", files.build_constraints] if request.build_constraints else []
        argv += ["--prerelease", "allow"] if request.pre else []
        return argv

    def _completed(self, sources: Sources) -> Sources:
        completed = inherited(sources, self._host)
        self.commands.redactor.learn(completed.index_url)
        return completed

    def _run(
        self, argv: t.Sequence[str], sources: Sources, purpose: str, env: t.Mapping[str, str] | None = None
    ) -> CommandResult:
        result = self._call(argv, sources, purpose, env)
        if not result.ok:
            raise explain(self.commands.failure(result, purpose), result)
        return result

    def _call(
        self, argv: t.Sequence[str], sources: Sources, purpose: str, env: t.Mapping[str, str] | None = None
    ) -> CommandResult:
        flags = ["--no-progress", "--color", "never"]
        flags += ["--offline"] if sources.offline else []
        flags += self._cache()
        for host in self._completed(sources).trusted_hosts:
            flags += ["--allow-insecure-host", host]
        return self.commands.run(
            [self.program, *flags, *argv],
            purpose=purpose,
            env={**self._env(sources), **(env or {})},
            cwd="/",  # not a folder whose uv.toml or pyproject.toml would have a say
            timeout=self.timeout,
            check=False,
        )

    def _cache(self) -> list[str]:
        if self.cache.off:
            return ["--no-cache"]
        return ["--cache-dir", self.cache.folder] if self.cache.folder else []

    def _env(self, sources: Sources) -> dict[str, str | None]:
        env: dict[str, str | None] = dict(STRAY_VARIABLES)
        if sources.extra_index_urls and not self._host.environ.get("UV_INDEX_STRATEGY"):
            # As pip does: else a pin is not found when another index has some other version of the same package.
            env["UV_INDEX_STRATEGY"] = "unsafe-best-match"
        if sources.ca_bundle:
            env["SSL_CERT_FILE"] = sources.ca_bundle
        elif "SSL_CERT_FILE" not in os.environ:
            # The host's own store holds the certificates of a company's mirror; the second name is that of old uv.
            env.update(UV_SYSTEM_CERTS="true", UV_NATIVE_TLS="true")
        return env
