# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From version ranges to a lock: every version exact, every file with its hashes, written where the user keeps it."""

from __future__ import annotations

import os
import re
import tempfile
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import written_file
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Resource
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import contents, names, requirement_files
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import DesiredEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_provider import EngineProvider
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_uv import UvEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.interpreters import DesiredPython, choose
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.plan import comparison

_PIN = re.compile(rf"(?P<name>{names.NAME})\s*(?:\[[^\]]*\]\s*)?(?:===?|@)\s*(?P<version>[^\s\\]+)")


@dataclass(frozen=True)
class ObservedLock:
    """``before`` is the text of the lock file, empty where there is none; ``after`` what resolving gives now."""

    before: str
    after: str


class Locks(Resource[DesiredEnvironment, ObservedLock]):
    """Environments whose state is C(locked): a file is written, nothing is built."""

    def __init__(self, engine: DesiredEngine) -> None:
        self._engine = engine

    def title(self, desired: DesiredEnvironment) -> str:
        return desired.name

    def observe(self, desired: DesiredEnvironment, context: Context) -> ObservedLock:
        path = desired.lock_to
        before = written_file.read(path, f"write the lock of {desired.name} to {path}") or ""
        with tempfile.TemporaryDirectory(prefix="mlstack-") as scratch:
            return ObservedLock(before, self._resolve(desired, context, before, scratch))

    def plan(self, desired: DesiredEnvironment, observed: ObservedLock) -> Plan:
        return plan_lock(desired, observed)

    def handlers(self, desired: DesiredEnvironment, context: Context) -> dict[str, t.Any]:
        return {"lock": self._write}

    @staticmethod
    def _write(actions: t.Sequence[Action], change: t.Any) -> None:
        for action in actions:
            path = action.details["path"]
            written_file.write(path, change.observed.after, f"write the lock of {action.subject} to {path}")

    def describe(self, desired: DesiredEnvironment, observed: ObservedLock) -> dict[str, t.Any]:
        locked = versions_in(observed.after)
        return {"path": desired.lock_to, "freeze": [_line(name, locked[name]) for name in sorted(locked)]}

    def _resolve(self, desired: DesiredEnvironment, context: Context, before: str, scratch: str) -> str:
        provider = EngineProvider(context, self._engine)
        if context.preview:
            provider = provider.visiting(scratch)
        return self._resolve_with(desired, context, before, scratch, provider)

    def _resolve_with(
        self, desired: DesiredEnvironment, context: Context, before: str, scratch: str, provider: EngineProvider
    ) -> str:
        engine = provider.engine()
        if not isinstance(engine, UvEngine):
            raise MlstackError(
                "lock_needs_uv",
                wanted=f"a lock of {desired.name} with hashes",
                found=f"the engine is {engine.name}, which cannot write one",
                to_fix="leave engine at auto or set it to uv, and make sure that uv can be installed on this host",
            )
        request = contents.read(desired, context.host).request
        options = []
        options += ["--universal"] if desired.universal else []
        options += ["--python-version", desired.python_version] if desired.python_version else []
        options += ["--upgrade"] if desired.upgrade else []
        if desired.python_version:
            python = provider.interpreters.default().path
        else:
            named = DesiredPython(desired.python, provider.python_downloads, provider.download_env)
            python = choose(named, provider.interpreters, engine, request, scratch, f"lock {desired.name}").path
        output = os.path.join(scratch, "lock.txt")
        if before:
            with open(output, "w", encoding="utf-8") as stream:
                stream.write(before)
        engine.compile(request, output, python, scratch, options)
        with open(output, encoding="utf-8") as stream:
            return _without_paths(stream.read(), scratch)


def plan_lock(desired: DesiredEnvironment, observed: ObservedLock) -> Plan:
    """Write the lock where it differs from what resolving gives."""
    if observed.before == observed.after:
        return Plan()
    before, after = versions_in(observed.before), versions_in(observed.after)
    path = desired.lock_to
    step = Action("lock", desired.name, f"write {path} with {len(after)} locked distributions", {"path": path})
    return Plan(
        (step,),
        before=tuple(f"{name} {version}" for name, version in sorted(before.items())),
        after=tuple(f"{name} {version}" for name, version in sorted(after.items())),
        details=comparison(before, after),
    )


def versions_in(lock: str) -> dict[str, str]:
    """Normalised name to version of the pins in a lock's text, or to its URL where it has one.

    A name in two spellings is one package; where markers divide it, the last one stands.
    """
    found = {}
    for _number, line in requirement_files.logical_lines(lock):
        head = re.split(r"\s--hash|;", line, maxsplit=1)[0]
        pin = _PIN.match(head)
        if pin:
            found[names.normalize(pin["name"])] = pin["version"]
    return found


def _line(name: str, version: str) -> str:
    return f"{name} @ {version}" if "://" in version else f"{name}=={version}"


def _without_paths(lock: str, scratch: str) -> str:
    """Drop the comments that name our temporary files: they would differ in every run."""
    kept = []
    for line in lock.splitlines(keepends=True):
        for folder in (scratch, scratch.lstrip("/")):  # uv shows paths relative to its working folder, the root
            line = line.replace(f"-r {folder}/requirements.txt", "the requirements")
            line = line.replace(f"-c {folder}/constraints.txt", "the constraints")
            line = line.replace(f"{folder}/requirements.txt", "the requirements")
        kept.append(line)
    return "".join(kept)
