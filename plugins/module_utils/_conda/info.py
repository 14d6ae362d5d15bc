# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling what conda environments hold; nothing is changed, no program is started, nobody is asked."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import replace

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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.info import Info, Question
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store, StoreState
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder, is_ours
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Outcome
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import distributions, verify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Distribution

EXPORTS = ("environment", "history", "explicit", "conda_lock")


class CondaInfo(Info):
    """The loop's resource of conda_env_info; its plans are empty."""

    def is_kind(self, path: str) -> bool:
        """An environment of conda, behind a shim or not; the shim links what the prefix has."""
        return meta.is_prefix(path)

    def drift_of(self, generation: Generation) -> tuple[str, ...]:
        return drift.of_record(generation.prefix, generation.record)

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        self._context = context
        self._sources: set[str] = set()
        return super().all_desired(params, context)

    def observe(self, desired: Question, context: Context) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {"drift": [], "broken": []}
        place = whereabouts.of(desired.path)
        prefix = place.prefix
        if place.generation is not None and not desired.root:
            desired = Question(place.root, place.name, desired.path)
            result["name"] = place.name
        if desired.root:
            state = Store(desired.root, desired.name, context.redactor).observe()
            result.update(self.managed(state))
            if place.generation is not None:  # which is not the current one where an older one's path was given
                result.update(self.generation(place.generation))
        if meta.is_prefix(prefix):
            if result.get("standing") in (None, "directory"):
                result["standing"] = "conda"
            self._add_contents(result, prefix, desired)
        elif not desired.root:
            result["standing"] = "directory" if os.path.isdir(prefix) else "absent"
        return result

    def result(self, outcomes: list[Outcome[Question]]) -> dict[str, t.Any]:
        result = super().result(outcomes)
        host = self._context.host
        found = virtual_packages.detect(host)
        result["platform"] = SUBDIRS.get(host.machine, "")
        result["virtual_packages"] = [f"{item.name}={item.version}={item.build}" for item in found]
        if self._params["cache"]:
            caches = package_cache.observe(package_cache.folders(host, self._params["cache_dir"] or "", self._sources))
            result["cache"] = [{"path": item.folder, "size": item.size, "packages": item.packages} for item in caches]
        return result

    def managed(self, state: StoreState) -> dict[str, t.Any]:
        if state.current is not None and not meta.is_prefix(state.current.prefix):
            state = replace(state, current=None)  # the record is of another kind of environment
        return super().managed(state)

    def _add_contents(self, result: dict[str, t.Any], prefix: str, desired: Question) -> None:
        found = meta.read(prefix, entries=True)
        revisions = history.read(prefix)
        packages = {item.package.name: item.package for item in found.installed}
        requested = history.requested(revisions, packages)
        for item in found.installed:  # rattler writes it into the record, where the history is empty
            if item.requested and not revisions:
                requested[item.package.name] = item.requested[-1]
        pip, broken = beside_conda(prefix, found)
        python = packages.get("python")
        result["broken"] = [
            *result["broken"],
            *(f"conda-meta/{item.file}: {item.reason}" for item in found.broken),
            *broken,
        ]
        result["packages"] = [_package(item, requested) for item in packages.values()]
        result["requested"] = [requested[name] for name in sorted(requested)]
        result["pip"] = [_pip_package(item) for item in pip]
        if python is not None:
            executable = os.path.realpath(os.path.join(prefix, "bin", "python"))
            result["python"] = {"path": executable, "version": python.version}
        result["size"] = disk.size_of(prefix)
        if self._params["history"]:
            result["history"] = [revision.as_dict() for revision in revisions]
        if self._params["verify_files"]:
            result["files"] = {key: list(value) for key, value in drift.of_files(prefix, found)._asdict().items()}
        result["exports"] = self._exports(desired, prefix, tuple(packages.values()), requested, pip)
        if is_ours(prefix):  # a record of somebody else's may name any folder of the host
            self._sources |= {os.path.dirname(item.source) for item in found.installed if item.source}

    def _exports(
        self,
        desired: Question,
        prefix: str,
        packages: t.Sequence[Package],
        requested: t.Mapping[str, str],
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
            "history": lambda: described(export.from_history(requested)),
            "explicit": lambda: notes + export.explicit(packages, platform),
            "conda_lock": lambda: notes + export.conda_lock(packages, platform, channels),
        }
        return {name: texts[name]() for name in self._params["exports"]}


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


def _package(package: Package, requested: t.Mapping[str, str]) -> dict[str, t.Any]:
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
        "requested": package.name in requested,
    }


def _pip_package(item: Distribution) -> dict[str, t.Any]:
    return {"name": item.written_name, "version": item.version, "installer": item.installer or ""}
