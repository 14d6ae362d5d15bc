# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling what Python environments hold; nothing is changed."""

from __future__ import annotations

import errno
import os
import tempfile
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import caches
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.arguments import unpacked
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.info import Info, Question
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder, changeable_in, is_ours
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    arguments,
    cache,
    check,
    distributions,
    eggs,
    lock_differences,
    requirement_files,
    tree,
    verify,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import prefix as prefixes
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_provider import EngineProvider
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import Environment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.observe import drift_of

_MOST_LOCK = 64 << 20


class PythonInfo(Info):
    """The loop's resource of python_env_info; its plans are empty."""

    left_out = ("requirement_files",)

    def drift_of(self, generation: Generation) -> tuple[str, ...]:
        return drift_of(generation, files=self._params["verify_files"])

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        self._engine = arguments.engine_of(params)
        self._provider = EngineProvider(context, self._engine)
        self._caches = cache.empty(context.host, params["cache_dir"] or "")
        self._files = unpacked(params["requirement_files"])
        locks = dict(params["locks"])
        found = super().all_desired(params, context)
        if params["names"] is None:  # a lock of an environment that should be there
            root, known = params["root"], {item.name for item in found if item.root}
            missing = [name for name in locks if "/" not in name and name not in known]
            found[len(known) : len(known)] = [Question(root, name, os.path.join(root, name)) for name in missing]
        found = [replace(item, lock=locks.pop(item.name if item.root else item.path, "")) for item in found]
        _refuse_locks_of_nothing(locks, found)
        return found

    def observe(self, desired: Question, context: Context) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {"drift": [], "conflicts": [], "broken": []}
        prefix = desired.path
        if desired.root:
            state = Store(desired.root, desired.name, context.redactor).observe()
            result.update(self.managed(state))
            prefix = state.current.prefix if state.current else desired.path
        if os.path.exists(os.path.join(prefix, "pyvenv.cfg")):
            result.setdefault("standing", "venv")
            if result["standing"] == "directory":
                result["standing"] = "venv"
            result.update(self._contents(prefix, desired, context))
        elif not desired.root:
            result["standing"] = "directory" if os.path.isdir(prefix) else "absent"
        if desired.lock and "packages" not in result:  # nothing of the lock is here
            result["lock_differences"] = self._beside(desired, (), None, context)
        return result

    def result(self, outcomes: list[Outcome[Question]]) -> dict[str, t.Any]:
        result = super().result(outcomes)
        if self._params["cache"]:
            result["cache"] = [{"path": item.folder, "size": item.size} for item in caches.observe(self._caches)]
        return result

    def _contents(self, prefix: str, desired: Question, context: Context) -> dict[str, t.Any]:
        python = os.path.join(prefix, "bin", "python")
        with prefixes.opened(prefix, "venv") as look:
            found, broken = _everything(look)
        result = {
            "python": {"path": os.path.realpath(python), "version": look.version},
            "packages": _packages(found),
            "freeze": sorted((verify.frozen(item) for item in found), key=str.lower),
            "conflicts": [str(item) for item in check.check(found, look.environment).conflicts],
            "broken": [*look.notes, *(f"{item.folder}: {item.reason}" for item in broken)],
            "size": disk.size_of(prefix),
        }
        if desired.lock:
            result["lock_differences"] = self._beside(desired, found, look.environment, context)
        if self._params["tree"]:
            result["tree"] = tree.tree(found, look.environment)
        if self._params["outdated"]:
            self._add_outdated(result, prefix, python)
        return result

    def _add_outdated(self, result: dict[str, t.Any], prefix: str, python: str) -> None:
        """What is outdated is asked through the Python of the environment: not through one of somebody else's."""
        if not is_ours(prefix) or not is_ours(python) or changeable_in(prefix):
            result["outdated"] = []
            result["broken"].append("what is outdated is not asked: its Python would run, and others may change that")
            return
        with tempfile.TemporaryDirectory(prefix="mlstack-") as scratch:
            engine = self._provider.visiting(scratch).engine()
            result["outdated"] = engine.outdated(prefix, self._engine.sources, scratch)

    def _beside(
        self, desired: Question, installed: t.Sequence[Distribution], environment: Environment | None, context: Context
    ) -> list[dict[str, t.Any]]:
        lock = requirement_files.read([desired.lock], load=self._load, variables=context.host.environ)
        found = lock_differences.differences(lock.requirements, installed, environment)
        return [item._asdict() for item in found]

    def _load(self, path: str) -> bytes:
        if path in self._files:
            return self._files[path]
        if not self._params["remote_src"]:  # the controller could not read it
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT) + " on the controller", path)
        with Folder.at(os.path.dirname(path) or ".") as place:
            return place.read(os.path.basename(path), _MOST_LOCK)


def _refuse_locks_of_nothing(locks: t.Mapping[str, str], known: t.Sequence[Question]) -> None:
    if locks:
        raise InvalidArguments(
            "lock_of_nothing",
            wanted=f"a comparison of {', '.join(sorted(locks))} with a lock",
            found=f"the environments told of are {', '.join(item.name for item in known) or 'none'}",
            to_fix="give as the key a name below root, or a path as it is in paths",
        )


def _everything(look: prefixes.Look) -> tuple[list[Distribution], list[distributions.Broken]]:
    """Each name once: what is whole first, then what is odd or lies in eggs."""
    seen = distributions.look(look.own)
    more, broken = eggs.beside(look.own, look.tree)
    found: dict[str, Distribution] = {}
    for item in (*seen.distributions, *seen.others, *more):
        found.setdefault(item.name, item)
    return sorted(found.values(), key=lambda item: item.name), [*seen.broken, *broken]


def _packages(found: t.Iterable[Distribution]) -> list[dict[str, t.Any]]:
    return [
        {
            "name": item.written_name,
            "version": item.version,
            "requested": item.requested,
            "installer": item.installer,
            "requires": list(item.requires),
            "installed_at": lock_differences.installed_at(item),
        }
        for item in found
    ]
