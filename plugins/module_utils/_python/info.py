# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Telling what Python environments hold; nothing is changed."""

from __future__ import annotations

import base64
import errno
import os
import tempfile
import typing as t
import zlib
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store, StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder, changeable_in, is_ours
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry, Outcome
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.desired import sources_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.environment import drift_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import Environment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.workshop import Workshop

_MOST_LOCK = 64 << 20


@dataclass(frozen=True)
class Question:
    """One environment to tell of: C(name) below the root, or a path elsewhere where ``root`` is empty. ``lock`` is the
    file to compare it with."""

    root: str
    name: str
    path: str
    lock: str = ""


class PythonInfo(Inquiry[Question, dict[str, t.Any]]):
    """The loop's resource of python_env_info; its plans are empty."""

    left_out = ("requirement_files",)

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        self._params = params
        self._workshop = Workshop(context, params)
        self._cache_folders = cache.folders(context.host, params["cache_dir"] or "")
        root = params["root"]
        names = params["names"]
        if names is None:
            names = [name for name in context.host.names(root) if not name.startswith(".")]
            names += [name for name in params["locks"] if "/" not in name and name not in names]
        locks = dict(params["locks"])
        packed = params["requirement_files"] or {}
        self._files = {path: zlib.decompress(base64.b64decode(text)) for path, text in packed.items()}
        managed = [Question(root, name, os.path.join(root, name), locks.pop(name, "")) for name in names]
        others = [(os.path.basename(path.rstrip("/")), path) for path in params["paths"]]
        asked = managed + [Question("", name, path, locks.pop(path, "")) for name, path in others]
        _refuse_locks_of_nothing(locks, asked)
        return asked

    def title(self, desired: Question) -> str:
        return desired.path

    def observe(self, desired: Question, context: Context) -> dict[str, t.Any]:
        told: dict[str, t.Any] = {"drift": [], "conflicts": [], "broken": []}
        prefix = desired.path
        if desired.root:
            state = Store(desired.root, desired.name, context.redactor).observe()
            told.update(_managed(state, self._params["verify_files"]))
            prefix = state.current.prefix if state.current else desired.path
        if os.path.exists(os.path.join(prefix, "pyvenv.cfg")):
            told.setdefault("standing", "venv")
            if told["standing"] == "directory":
                told["standing"] = "venv"
            told.update(self._contents(prefix, desired, context))
        elif not desired.root:
            told["standing"] = "directory" if os.path.isdir(prefix) else "absent"
        if desired.lock and "packages" not in told:  # nothing of the lock is here
            told["lock_differences"] = self._beside(desired, (), None, context)
        return told

    def describe(self, desired: Question, observed: dict[str, t.Any]) -> dict[str, t.Any]:
        return observed

    def result(self, outcomes: list[Outcome[Question]]) -> dict[str, t.Any]:
        environments = []
        for outcome in outcomes:
            told = {"name": outcome.desired.name, "path": outcome.desired.path, **outcome.details}
            if outcome.error is not None:
                told.update(failed=True, msg=str(outcome.error), code=outcome.error.code)
            environments.append(told)
        if not self._params["cache"]:
            return {"environments": environments}
        caches = [{"path": item.folder, "size": item.size} for item in cache.observe(self._cache_folders)]
        return {"environments": environments, "cache": caches}

    def _contents(self, prefix: str, desired: Question, context: Context) -> dict[str, t.Any]:
        python = os.path.join(prefix, "bin", "python")
        with prefixes.opened(prefix, "venv") as look:
            found, broken = _everything(look)
        told = {
            "python": {"path": os.path.realpath(python), "version": look.version},
            "packages": _packages(found),
            "freeze": sorted((verify.frozen(item) for item in found), key=str.lower),
            "conflicts": [str(item) for item in check.check(found, look.environment).conflicts],
            "broken": [*look.notes, *(f"{item.folder}: {item.reason}" for item in broken)],
            "size": disk.size_of(prefix),
        }
        if desired.lock:
            told["lock_differences"] = self._beside(desired, found, look.environment, context)
        if self._params["tree"]:
            told["tree"] = tree.tree(found, look.environment)
        if self._params["outdated"]:
            self._tell_outdated(told, prefix, python)
        return told

    def _tell_outdated(self, told: dict[str, t.Any], prefix: str, python: str) -> None:
        """What is outdated is asked through the Python of the environment: not through one of somebody else's."""
        if not is_ours(prefix) or not is_ours(python) or changeable_in(prefix):
            told["outdated"] = []
            told["broken"].append("what is outdated is not asked: its Python would run, and others may change that")
            return
        with tempfile.TemporaryDirectory(prefix="mlstack-") as scratch:
            engine = self._workshop.visiting(scratch).engine()
            told["outdated"] = engine.outdated(prefix, sources_of(self._params), scratch)

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


def _refuse_locks_of_nothing(locks: t.Mapping[str, str], asked: t.Sequence[Question]) -> None:
    if locks:
        raise InvalidArguments(
            "lock_of_nothing",
            wanted=f"a comparison of {', '.join(sorted(locks))} with a lock",
            found=f"the environments told of are {', '.join(item.name for item in asked) or 'none'}",
            to_fix="give as the key a name below root, or a path as it is in paths",
        )


def _managed(state: StoreState, files: bool) -> dict[str, t.Any]:
    told: dict[str, t.Any] = {"standing": state.standing, "generations": list(state.ids)}
    if state.damage:
        told["broken"] = [state.damage]
    if state.current is not None:
        told["generation"] = state.current.id
        told["record"] = dict(state.current.record)
        told["drift"] = list(drift_of(state.current, files=files))
    return told


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
