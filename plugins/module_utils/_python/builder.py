# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building a generation of a Python environment: engine, interpreter, installation, checks."""

from __future__ import annotations

import atexit
import os
import tempfile
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import build
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.timing import timed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    interpreters,
    names,
    requirement_checks,
    requirement_files,
    requirement_problems,
    requirement_text,
    verify,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.contents import Contents
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import DesiredEngine, Engine, Request
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_provider import EngineProvider
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.interpreters import Choice, DesiredPython
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.plan import Observed


class Builder(build.Builder[DesiredEnvironment, Contents, Request]):
    """Builds for all environments of one module call; the engine is chosen once."""

    def __init__(self, context: Context, engine: DesiredEngine) -> None:
        self._context = context
        self._provider = EngineProvider(context, engine)
        self._visited: tempfile.TemporaryDirectory[str] | None = None

    def check(self, desired: DesiredEnvironment, observed: Observed) -> None:
        """Refuse requirements that are not pinned. Raises InvalidArguments naming all of them by file and line."""
        contents = observed.desired
        if contents is None:
            return
        problems = requirement_checks.check_pinned(contents.requirements)
        problems += requirement_checks.check_pinned(
            contents.requirements._replace(requirements=contents.request.overrides, constraints=())
        )
        problems += requirement_checks.check_hashes(contents.requirements, required=contents.request.require_hashes)
        if problems:
            raise requirement_problems.refusal(
                problems, f"environment {desired.name} from requirements that are all pinned"
            )

    def preview(self, desired: DesiredEnvironment, observed: Observed) -> dict[str, str] | None:
        """Name to version of what a build would hold; changes nothing but temporary files."""
        if observed.repairing:
            return dict(observed.record.get("installed", {}))
        if self._visited is None:
            # One for all environments of the call: what has to be fetched for a look is fetched once.
            self._visited = tempfile.TemporaryDirectory(prefix="mlstack-")
            atexit.register(self._visited.cleanup)
            self._visiting = self._provider.visiting(self._visited.name)
        engine = self._visiting.engine()
        request = _request(desired, observed)
        with tempfile.TemporaryDirectory(prefix="desired-", dir=self._visited.name) as scratch:
            interpreter = self._interpreter(desired, engine, request, scratch, self._visiting)
            last = set(request.no_build_isolation)  # whose builds need the others installed
            found = engine.preview(interpreter.path, request.without(last), scratch)
        pins = {item.name: item.version for item in request.requirements if item.name in last and item.version}
        return {**pins, **{names.normalize(name): version for name, version in found.items()}}

    def prepare(
        self, desired: DesiredEnvironment, observed: Observed, timings: dict[str, float]
    ) -> tuple[Request, t.Iterable[str]]:
        engine = self._provider.engine()
        if desired.overrides and engine.name != "uv":
            raise MlstackError(
                "overrides_need_uv",
                wanted=f"environment {desired.name} with overrides",
                found=f"the engine is {engine.name}, which has none",
                to_fix="leave engine at auto or set it to uv, and make sure that uv can be installed on this host",
            )
        rest = sorted(name for name in observed.installed if name not in desired.absent_packages)
        return _request(desired, observed), rest

    def fill(
        self,
        desired: DesiredEnvironment,
        observed: Observed,
        work: Request,
        prefix: str,
        scratch: str,
        timings: dict[str, float],
    ) -> dict[str, t.Any]:
        engine = self._provider.engine()
        with timed(timings, "python"):
            interpreter = self._interpreter(desired, engine, work, scratch, self._provider)

        warnings: list[str] = []

        def install() -> None:
            with timed(timings, "create"):
                engine.create(prefix, interpreter.path)
            with timed(timings, "install"):
                warnings.extend(engine.install(prefix, work, scratch))

        overridden = {item.name for item in work.overrides}
        build.whole(desired, prefix, install, verify.damaged, engine.forget)
        with timed(timings, "verify"):
            found = verify.verify(
                f"environment {desired.name}",
                observed.desired.requirements if observed.desired else None,
                desired.verify_imports if observed.desired else (),
                prefix,
                self._context.commands,
                scratch,
                work.requirements,
                excused=lambda conflict: desired.no_deps or conflict.wanted_name in overridden,
            )
        warnings += found.excused
        for line in dict.fromkeys(warnings):
            self._context.warn(f"environment {desired.name}: {line}")
        return {
            "kind": "venv",
            "warnings": list(dict.fromkeys(warnings)),
            "engine": {"name": engine.name, "version": engine.version},
            "python": {"path": interpreter.path, "version": interpreter.version, "origin": interpreter.origin},
            "site_packages": found.folders,
            "installed": found.installed,
            "freeze": found.freeze,
            "requirements": requirement_text.lines(work.requirements),
            "sources": list(work.sources.urls()),
            "checks": found.checks,
        }

    def _interpreter(
        self, desired: DesiredEnvironment, engine: Engine, request: Request, scratch: str, provider: EngineProvider
    ) -> Choice:
        if desired.state == "absent":
            current = os.path.realpath(os.path.join(desired.link, "prefix", "bin", "python"))
            return provider.interpreters.probe(current, "given")
        python = DesiredPython(desired.python, provider.python_downloads, provider.download_env)
        title = f"environment {desired.name}"
        built = request.without(request.no_build_isolation)
        return interpreters.choose(python, provider.interpreters, engine, built, scratch, title)


def _request(desired: DesiredEnvironment, observed: Observed) -> Request:
    if desired.state == "absent" and observed.current is not None:
        return _without(desired, observed.record)
    if observed.desired is None:
        raise AssertionError("a build without requirements")
    request = observed.desired.request
    if not observed.repairing:
        return request
    # A repair brings back what was there, also where the desired state leaves versions of dependencies open. A version
    # cannot constrain what came by a direct URL.
    indexed = (line for line in observed.record.get("freeze", []) if " @ " not in line)
    return replace(request, constraints=(*request.constraints, *requirement_files.of_lines(indexed)))


def _without(desired: DesiredEnvironment, record: t.Mapping[str, t.Any]) -> Request:
    """The recorded contents less the packages that are to go, with the hashes they were installed by."""
    frozen = requirement_files.of_lines(record.get("freeze", []))
    kept = [item for item in frozen if item.name not in desired.absent_packages]
    built_from = requirement_files.of_lines(record.get("requirements", []))
    hashed = [item for item in built_from if item.hashes and (item.url is None or len(item.hashes) > 1)]
    by_hash = bool(kept) and {item.name for item in kept} <= {item.name for item in hashed}
    names_kept = {item.name for item in kept}
    return Request(
        tuple(item for item in hashed if item.name in names_kept) if by_hash else tuple(kept),
        require_hashes=by_hash,
        no_deps=True,
        no_binary=desired.no_binary,
        only_binary=desired.only_binary,
        compile_bytecode=desired.compile_bytecode,
        sources=desired.sources,
        title=f"environment {desired.name}",
    )
