# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Telling what conda environments hold; nothing is changed, no program is started, nobody is asked."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import (
    drift,
    export,
    history,
    meta,
    package_cache,
    state_file,
    virtual_packages,
    whereabouts,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import SUBDIRS, Package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store, StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder, is_ours
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry, Outcome
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import distributions, verify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Distribution

EXPORTS = ("environment", "history", "explicit", "conda_lock")


@dataclass(frozen=True)
class Question:
    """One environment to tell of: C(name) below the root, or a path elsewhere where ``root`` is empty."""

    root: str
    name: str
    path: str


class CondaInfo(Inquiry[Question, dict[str, t.Any]]):
    """The loop's resource of conda_env_info; its plans are empty."""

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        self._params = params
        self._context = context
        self._sources: set[str] = set()
        root, names = params["root"], params["names"]
        if names is None:
            names = [name for name in context.host.names(root) if not name.startswith(".")]
            names = [name for name in names if _is_condas(os.path.join(root, name))]
        managed = [Question(root, name, os.path.join(root, name)) for name in names]
        return managed + [Question("", os.path.basename(path.rstrip("/")), path) for path in params["paths"]]

    def title(self, desired: Question) -> str:
        return desired.path

    def observe(self, desired: Question, context: Context) -> dict[str, t.Any]:
        told: dict[str, t.Any] = {"drift": [], "broken": []}
        place = whereabouts.of(desired.path)
        prefix = place.prefix
        if place.generation is not None and not desired.root:
            desired = Question(place.root, place.name, desired.path)
            told["name"] = place.name
        if desired.root:
            state = Store(desired.root, desired.name, context.redactor).observe()
            told.update(self._managed(state))
            if place.generation is not None:  # which is not the current one where an older one's path was given
                told.update(self._generation(place.generation))
        if meta.is_prefix(prefix):
            if told.get("standing") in (None, "directory"):
                told["standing"] = "conda"
            self._tell_contents(told, prefix, desired)
        elif not desired.root:
            told["standing"] = "directory" if os.path.isdir(prefix) else "absent"
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
        host = self._context.host
        found = virtual_packages.detect(host)
        result: dict[str, t.Any] = {
            "environments": environments,
            "platform": SUBDIRS.get(host.machine, ""),
            "virtual_packages": [f"{item.name}={item.version}={item.build}" for item in found],
        }
        if self._params["cache"]:
            caches = package_cache.observe(package_cache.folders(host, self._params["cache_dir"] or "", self._sources))
            result["cache"] = [{"path": item.folder, "size": item.size, "packages": item.packages} for item in caches]
        return result

    def _managed(self, state: StoreState) -> dict[str, t.Any]:
        told: dict[str, t.Any] = {"standing": state.standing, "generations": list(state.ids)}
        if state.damage:
            told["broken"] = [state.damage]
        current = state.current
        if current is not None and meta.is_prefix(current.prefix):
            told.update(self._generation(current))
        return told

    def _generation(self, generation: Generation) -> dict[str, t.Any]:
        found = list(drift.of_record(generation.prefix, generation.record))
        return {"generation": generation.id, "record": dict(generation.record), "drift": found}

    def _tell_contents(self, told: dict[str, t.Any], prefix: str, desired: Question) -> None:
        found = meta.read(prefix, entries=True)
        revisions = history.read(prefix)
        packages = {item.package.name: item.package for item in found.installed}
        asked = history.requested(revisions, packages)
        for item in found.installed:  # rattler writes it into the record, where the history is empty
            if item.requested and not revisions:
                asked[item.package.name] = item.requested[-1]
        pip, broken = beside_conda(prefix, found)
        python = packages.get("python")
        told["broken"] = [
            *told["broken"],
            *(f"conda-meta/{item.file}: {item.reason}" for item in found.broken),
            *broken,
        ]
        told["packages"] = [_told(item, asked) for item in packages.values()]
        told["requested"] = [asked[name] for name in sorted(asked)]
        told["pip"] = [_told_pip(item) for item in pip]
        if python is not None:
            executable = os.path.realpath(os.path.join(prefix, "bin", "python"))
            told["python"] = {"path": executable, "version": python.version}
        told["size"] = disk.size_of(prefix)
        if self._params["history"]:
            told["history"] = [revision.as_dict() for revision in revisions]
        if self._params["verify_files"]:
            told["files"] = {key: list(value) for key, value in drift.of_files(prefix, found)._asdict().items()}
        told["exports"] = self._exports(desired, prefix, tuple(packages.values()), asked, pip)
        if is_ours(prefix):  # a record of somebody else's may name any folder of the host
            self._sources |= {os.path.dirname(item.source) for item in found.installed if item.source}

    def _exports(
        self,
        desired: Question,
        prefix: str,
        packages: t.Sequence[Package],
        asked: t.Mapping[str, str],
        pip: t.Sequence[Distribution],
    ) -> dict[str, str]:
        frozen = [verify.frozen(item) for item in pip]
        channels = export.channels_of(packages)
        platform = SUBDIRS.get(self._context.host.machine, "")
        notes = "".join(f"# {line} is pip's, and not in this list.\n" for line in frozen)

        def described(specs: list[str]) -> str:
            return export.environment_yaml(desired.name, channels, specs, frozen, variables=state_file.read(prefix))

        texts: dict[str, t.Callable[[], str]] = {
            "environment": lambda: described(export.exact(packages)),
            "history": lambda: described(export.from_history(asked)),
            "explicit": lambda: notes + export.explicit(packages, platform),
            "conda_lock": lambda: notes + export.conda_lock(packages, platform, channels),
        }
        return {name: texts[name]() for name in self._params["exports"]}


def _is_condas(path: str) -> bool:
    """Whether an environment of conda stands there, behind a shim or not; the shim links what the prefix has."""
    return meta.is_prefix(path)


def beside_conda(prefix: str, found: meta.Inventory) -> tuple[list[Distribution], list[str]]:
    """What was installed beside conda's packages, mostly by pip, and what of it is broken."""
    owned = {entry.path for item in found.installed for entry in item.entries}
    folders = sorted({path.partition("/site-packages/")[0] for path in owned if "/site-packages/" in path})
    folders = [f"{folder}/site-packages" for folder in folders if folder.startswith("lib/python")]
    notes = []
    with contextlib.ExitStack() as stack:
        places = []
        for folder in folders:
            try:
                places.append(stack.enter_context(Folder.at(os.path.join(prefix, folder), within=prefix)))
            except FileNotFoundError:
                continue
            except OSError as exc:
                notes.append(f"{folder} is not looked at: {exc.strerror}")
        listed = distributions.look(places)
    others = [item for item in listed.distributions if not _is_owned(item.folder, prefix, owned)]
    return others, [*notes, *(f"{item.folder}: {item.reason}" for item in listed.broken)]


def _is_owned(folder: str, prefix: str, owned: t.Collection[str]) -> bool:
    place = os.path.relpath(os.path.realpath(folder), os.path.realpath(prefix))
    return place in owned or any(f"{place}/{name}" in owned for name in ("METADATA", "PKG-INFO", "RECORD"))


def _told(package: Package, asked: t.Mapping[str, str]) -> dict[str, t.Any]:
    return {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "channel": package.channel,
        "subdir": package.subdir,
        "url": package.url,
        "sha256": package.sha256,
        "md5": package.md5,
        "size": package.size,
        "noarch": package.noarch,
        "license": package.license,
        "requested": package.name in asked,
    }


def _told_pip(item: Distribution) -> dict[str, t.Any]:
    return {"name": item.written_name, "version": item.version, "installer": item.installer or ""}
