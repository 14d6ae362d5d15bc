# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Building a generation of a Python environment: engine, interpreter, installation, checks, record."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import tempfile
import time
import typing as t
from dataclasses import replace
from datetime import datetime, timezone

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Building, Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    interpreters,
    names,
    requirement_checks,
    requirement_problems,
    verify,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.desired import DesiredEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Engine, Request
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.interpreters import Choice, DesiredPython
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.plan import Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.workshop import Workshop


class Builder:
    """Builds for all environments of one module call; the engine is chosen once."""

    def __init__(self, context: Context, params: t.Mapping[str, t.Any]) -> None:
        self._context = context
        self._workshop = Workshop(context, params)
        self._visited: tempfile.TemporaryDirectory[str] | None = None

    def check(self, desired: DesiredEnvironment, observed: Observed) -> None:
        """Refuse requirements that are not pinned. Raises InvalidArguments naming all of them by file and line."""
        wanted = observed.wanted
        if wanted is None:
            return
        problems = requirement_checks.check_pinned(wanted.requirements)
        problems += requirement_checks.check_hashes(wanted.requirements, required=wanted.request.require_hashes)
        if problems:
            raise requirement_problems.refusal(
                problems, f"environment {desired.name} from requirements that are all pinned"
            )

    def preview(self, desired: DesiredEnvironment, observed: Observed) -> dict[str, str] | None:
        """Name to version of what a build would hold; changes nothing but temporary files."""
        recorded = _recorded_if_repairing(observed)
        if recorded is not None:
            return recorded
        if self._visited is None:
            # One for all environments of the call: what has to be fetched for a look is fetched once.
            self._visited = tempfile.TemporaryDirectory(prefix="mlstack-")
            atexit.register(self._visited.cleanup)
            self._visiting = self._workshop.visiting(self._visited.name)
        engine = self._visiting.engine()
        request = self._request(desired, observed)
        with tempfile.TemporaryDirectory(prefix="desired-", dir=self._visited.name) as scratch:
            interpreter = self._interpreter(desired, engine, request, scratch, self._visiting)
            found = engine.preview(interpreter.path, request, scratch)
        return {names.normalize(name): version for name, version in found.items()}

    def build(
        self, desired: DesiredEnvironment, observed: Observed, store: Store
    ) -> tuple[Generation, dict[str, t.Any]]:
        """Build, verify and seal. What fails leaves no trace and the generation in use as it is."""
        timings: dict[str, float] = {}
        engine = self._workshop.engine()
        request = self._request(desired, observed)
        digest = _digest(desired, observed)
        with store.build(digest, _now()) as building:
            scratch = os.path.join(building.path, ".scratch")
            os.mkdir(scratch, 0o700)
            with _timed(timings, "python"):
                interpreter = self._interpreter(desired, engine, request, scratch, self._workshop)
            self._fill(desired, engine, building.prefix, interpreter, request, scratch, timings)
            with _timed(timings, "verify"):
                found = self._verify(desired, observed, building, request, scratch)
            disk.delete(scratch)
            record = _record(engine, interpreter, found, request, timings)
            record["asked"] = dict(observed.wanted.asked) if observed.wanted else {}
            with _timed(timings, "seal"):
                generation = store.seal(building, record)
        return generation, {"timings": {name: round(seconds, 3) for name, seconds in timings.items()}}

    def _fill(
        self,
        desired: DesiredEnvironment,
        engine: Engine,
        prefix: str,
        interpreter: Choice,
        request: Request,
        scratch: str,
        timings: dict[str, float],
    ) -> None:
        for attempt in (1, 2):
            with _timed(timings, "create"):
                engine.create(prefix, interpreter.path)
            with _timed(timings, "install"):
                engine.install(prefix, request, scratch)
            found = verify.damaged(prefix) if desired.options["verify_files"] else {}
            if not found.get("files"):
                return
            if attempt == 1:  # a file of another environment was changed, and the cache with it
                engine.forget(found["packages"])
                disk.delete(prefix)
        raise MlstackError(
            "files_damaged",
            wanted=f"environment {desired.name} with every file as its package says",
            found=f"after a fresh installation {', '.join(found['files'][:5])} differ",
            to_fix="find out whether the index serves damaged packages, or the disk or memory of this host is failing",
            **found,
        )

    def _verify(
        self, desired: DesiredEnvironment, observed: Observed, building: Building, request: Request, scratch: str
    ) -> verify.Found:
        wanted = observed.wanted
        return verify.verify(
            f"environment {desired.name}",
            wanted.requirements if wanted else None,
            wanted.imports if wanted else (),
            building.prefix,
            self._context.commands,
            scratch,
            request.requirements,
        )

    def _request(self, desired: DesiredEnvironment, observed: Observed) -> Request:
        recorded = _recorded_if_repairing(observed)
        if desired.state == "absent" and observed.current is not None:
            return _without(desired, observed.current.record)
        if observed.wanted is None:
            raise AssertionError("a build without requirements")
        request = observed.wanted.request
        if recorded is None:
            return request
        # A repair brings back what was there, also where the desired state leaves versions of dependencies open.
        pins = "".join(f"{name}=={version}\n" for name, version in _indexed(observed).items())
        return replace(request, constraints=request.constraints + pins)

    def _interpreter(
        self, desired: DesiredEnvironment, engine: Engine, request: Request, scratch: str, workshop: Workshop
    ) -> Choice:
        python = DesiredPython(desired.options["python"], workshop.python_downloads, workshop.download_env)
        if desired.state == "absent":
            return workshop.interpreters.probe(self._current_python(desired), "given")
        title = f"environment {desired.name}"
        return interpreters.choose(python, workshop.interpreters, engine, request, scratch, title)

    def _current_python(self, desired: DesiredEnvironment) -> str:
        return os.path.realpath(os.path.join(desired.link, "prefix", "bin", "python"))


def _without(desired: DesiredEnvironment, record: t.Mapping[str, t.Any]) -> Request:
    """The recorded contents less the packages that are to go, with the hashes they were installed by."""
    frozen = {names.normalize(_name_of(line)): line for line in record.get("freeze", [])}
    kept = [name for name in frozen if name not in desired.absent_packages]
    hashed: dict[str, list[str]] = {}
    for line in record.get("requirements", []):
        if " --hash=" in line:
            hashed.setdefault(names.normalize(_name_of(line)), []).append(line)
    by_hash = bool(kept) and all(name in hashed for name in kept)
    lines = [line for name in kept for line in (hashed[name] if by_hash else [frozen[name]])]
    return Request(
        "".join(f"{line}\n" for line in lines),
        require_hashes=by_hash,
        no_deps=True,
        no_binary=tuple(desired.options["no_binary"]),
        only_binary=tuple(desired.options["only_binary"]),
        compile_bytecode=desired.options["compile_bytecode"],
        sources=desired.sources,
        title=f"environment {desired.name}",
    )


def _recorded_if_repairing(observed: Observed) -> dict[str, str] | None:
    """The recorded contents, where the desired state is the one that the generation in use was built for."""
    current, wanted = observed.current, observed.wanted
    if current is not None and wanted is not None and current.digest == wanted.digest:
        return dict(current.record.get("installed", {}))
    return None


def _indexed(observed: Observed) -> dict[str, str]:
    """Recorded distributions that came from an index: a version cannot constrain those of a direct URL."""
    current = observed.current
    lines = current.record.get("freeze", []) if current else []
    return dict(line.split("==", 1) for line in lines if "==" in line and " @ " not in line)


def _name_of(line: str) -> str:
    return re.split(r"[\s\[;=@]", line, maxsplit=1)[0]


def _digest(desired: DesiredEnvironment, observed: Observed) -> str:
    if observed.wanted is not None:
        return observed.wanted.digest
    import hashlib

    # An environment that packages were taken out of satisfies no request for 'present'.
    rest = sorted(name for name in observed.installed if name not in desired.absent_packages)
    return hashlib.sha256(("without\n" + "\n".join(rest)).encode()).hexdigest()


def _record(
    engine: Engine, interpreter: Choice, found: verify.Found, request: Request, timings: t.Mapping[str, float]
) -> dict[str, t.Any]:
    return {
        "kind": "venv",
        "engine": {"name": engine.name, "version": engine.version},
        "python": {"path": interpreter.path, "version": interpreter.version, "origin": interpreter.origin},
        "site_packages": found.folders,
        "installed": found.installed,
        "freeze": found.freeze,
        "requirements": request.requirements.splitlines(),
        "sources": list(request.sources.urls()),
        "checks": found.checks,
        "timings": {name: round(seconds, 3) for name, seconds in timings.items()},
    }


def _now() -> datetime:
    return datetime.now(timezone.utc)


@contextlib.contextmanager
def _timed(timings: dict[str, float], name: str) -> t.Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        timings[name] = time.monotonic() - started
