# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contents that a desired state asks for, with what its requirement files say."""

from __future__ import annotations

import hashlib
import json
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import note
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, requirement_files, requirement_text
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Request
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment, Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_files import RequirementSet
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement


@dataclass(frozen=True)
class Contents:
    """``requirements`` are as they were written, those of ``request`` as an engine is to have them. ``digest`` is the
    same for desired states that mean the same, ``note`` for those that say the same."""

    requirements: RequirementSet
    request: Request
    digest: str
    note: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def pins(self) -> dict[str, str]:
        """Name to version of the requirements that name one."""
        return {item.name: item.version for item in self.requirements.requirements if item.name and item.version}

    @property
    def size(self) -> str:
        count = len(self.requirements.requirements)
        return f"{count} requirement" + ("" if count == 1 else "s")


def read(desired: DesiredEnvironment, host: Host) -> Contents:
    """Read the requirements of a desired state. Raises InvalidArguments with every line that cannot be accepted."""
    contents: dict[str, bytes] = {}

    def load(path: str) -> bytes:
        contents[path] = desired.load(path)
        return contents[path]

    found = requirement_files.read(
        desired.requirements,
        load=load,
        packages=desired.packages,
        constraint_files=desired.constraints,
        variables=host.environ,
    )
    overrides = _listed(desired.overrides, host)
    found = found._replace(requirements=tuple(_overridden(item, overrides) for item in found.requirements))
    written = found.options
    request = Request(
        requirement_text.pinned(found),
        found.constraints,
        overrides=overrides,
        build_constraints=_listed(desired.build_constraints, host),
        no_build_isolation=tuple(map(names.normalize, desired.no_build_isolation)),
        no_deps=desired.no_deps,
        require_hashes=desired.require_hashes or written.require_hashes,
        pre=desired.pre or written.pre,
        no_binary=_merged(desired.no_binary, written.no_binary),
        only_binary=_merged(desired.only_binary, written.only_binary),
        compile_bytecode=desired.compile_bytecode,
        sources=_with_written(desired.sources, written),
        title=f"environment {desired.name}",
    )
    return Contents(found, request, _digest(desired, found, request), note.of(desired, contents))


def _listed(lines: t.Sequence[str], host: Host) -> tuple[Requirement, ...]:
    def nothing(path: str) -> bytes:
        raise FileNotFoundError(path)

    return requirement_files.read(load=nothing, packages=lines, variables=host.environ).requirements


def _overridden(item: Requirement, overrides: t.Iterable[Requirement]) -> Requirement:
    """What an override says in place of a requirement, as uv does with those of dependencies."""
    for other in overrides:
        if other.name == item.name and other.marker in (None, item.marker):
            return other._replace(extras=item.extras, marker=item.marker)
    return item


def _digest(desired: DesiredEnvironment, found: RequirementSet, request: Request) -> str:
    # Where distributions come from is no part of it: a new mirror is no reason to build anew.
    meant = [
        requirement_text.digest(found),
        request.require_hashes,
        request.pre,
        sorted(request.no_binary),
        sorted(request.only_binary),
        request.compile_bytecode,
        desired.python,
        sorted(desired.verify_imports),
    ]
    built = [request.no_deps, requirement_text.lines(request.overrides), sorted(request.no_build_isolation)]
    built.append(requirement_text.lines(request.build_constraints))
    return hashlib.sha256(json.dumps(meant + built * any(built)).encode()).hexdigest()


def _with_written(sources: Sources, written: t.Any) -> Sources:
    """Sources that a requirement file names count where the arguments are silent."""
    return Sources(
        index_url=sources.index_url or written.index_url or "",
        extra_index_urls=_merged(sources.extra_index_urls, written.extra_index_urls),
        find_links=_merged(sources.find_links, written.find_links),
        no_index=sources.no_index or written.no_index,
        trusted_hosts=_merged(sources.trusted_hosts, written.trusted_hosts),
        ca_bundle=sources.ca_bundle,
        offline=sources.offline,
    )


def _merged(first: t.Iterable[str], second: t.Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
