# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What is wished of a Python environment: arguments and requirement files turned into values."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidWish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import (
    argument_checks,
    names,
    requirement_files,
    requirement_text,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Request, Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirement_files import RequirementSet

Params = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Wanted:
    """The contents that an environment should have. ``digest`` is the same for wishes that mean the same."""

    requirements: RequirementSet
    request: Request
    imports: tuple[str, ...]
    digest: str

    @property
    def pins(self) -> dict[str, str]:
        """Name to version of the requirements that name one."""
        return {item.name: item.version for item in self.requirements.requirements if item.name and item.version}


@dataclass(frozen=True)
class EnvironmentWish:
    """One item of the argument ``environments``, with the module's arguments that concern it."""

    name: str
    root: str
    state: str
    options: Params
    sources: Sources
    files: t.Mapping[str, bytes]

    @property
    def link(self) -> str:
        return os.path.join(self.root, self.name)

    @property
    def absent_packages(self) -> tuple[str, ...]:
        """The packages to take out of an environment that stays."""
        if self.state != "absent":
            return ()
        return tuple(dict.fromkeys(names.normalize(name) for name in self.options["packages"]))


def wishes(params: Params) -> list[EnvironmentWish]:
    """The wishes of a module call. Raises InvalidWish for what contradicts itself."""
    argument_checks.check(params)
    root = params["root"]
    files = {path: base64.b64decode(text) for path, text in (params.get("requirement_files") or {}).items()}
    found = []
    for options in params["environments"]:
        wish = EnvironmentWish(
            name=options["name"],
            root=root,
            state=options["state"],
            options=options,
            sources=sources_of(params),
            files=files,
        )
        _check(wish)
        found.append(wish)
    twice = sorted({wish.name for wish in found if [other.name for other in found].count(wish.name) > 1})
    if twice:
        raise InvalidWish(
            "environment_twice",
            wished=f"environments below {root}",
            found=f"{', '.join(twice)} is listed more than once",
            todo="merge the entries, or give them names of their own",
        )
    return found


def sources_of(params: Params) -> Sources:
    return Sources(
        index_url=params["index_url"] or "",
        extra_index_urls=tuple(params["extra_index_urls"]),
        find_links=tuple(params["find_links"]),
        no_index=params["no_index"],
        trusted_hosts=tuple(params["trusted_hosts"]),
        ca_bundle=params["ca_bundle"] or "",
        offline=params["offline"],
    )


def _check(wish: EnvironmentWish) -> None:
    options = wish.options
    problem = todo = ""
    if options["keep"] < 0:
        problem, todo = f"keep is {options['keep']}", "give the number of earlier generations to keep, 0 or more"
    elif wish.state == "locked" and not options["lock_to"]:
        problem, todo = "state is locked and lock_to is missing", "say with lock_to where the lock is to be written"
    elif options["lock_to"] and wish.state != "locked":
        problem, todo = "lock_to is given, but state is not locked", "set state: locked, or leave lock_to out"
    elif options["rollback_to"] and wish.state != "rolled_back":
        problem, todo = "rollback_to is given, but state is not rolled_back", "set state: rolled_back"
    elif wish.state == "present" and not (options["packages"] or options["requirements"]):
        problem, todo = "neither packages nor requirements are given", "say what the environment should hold"
    elif wish.state == "absent" and (options["requirements"] or options["constraints"]):
        # To take them for the names of packages would be one guess, to remove the whole environment another.
        problem = "state is absent, and requirements or constraints are given"
        todo = "name the packages that are to go with packages, or give neither to remove the whole environment"
    elif wish.state == "absent" and not all(map(names.is_valid, options["packages"])):
        bad = [name for name in options["packages"] if not names.is_valid(name)]
        problem, todo = f"{', '.join(map(repr, bad))} is not a package's name", "give names without versions"
    if problem:
        raise InvalidWish(
            "environment_invalid", wished=f"environment {wish.name} {wish.state}", found=problem, todo=todo
        )


def wanted(wish: EnvironmentWish, host: Host) -> Wanted:
    """Read the requirements of a wish. Raises InvalidWish with every line that cannot be accepted."""
    options = wish.options
    found = requirement_files.read(
        options["requirements"],
        load=_loader(wish),
        packages=options["packages"],
        constraint_files=options["constraints"],
        variables=host.environ,
    )
    written = found.options
    request = Request(
        *requirement_text.render(found),
        require_hashes=options["require_hashes"] or written.require_hashes,
        pre=options["pre"] or written.pre,
        no_binary=_merged(options["no_binary"], written.no_binary),
        only_binary=_merged(options["only_binary"], written.only_binary),
        compile_bytecode=options["compile_bytecode"],
        sources=_with_written(wish.sources, written),
        title=f"environment {wish.name}",
    )
    return Wanted(found, request, tuple(options["verify_imports"]), _digest(found, request, options))


def _digest(found: RequirementSet, request: Request, options: Params) -> str:
    # Where distributions come from is no part of it: a new mirror is no reason to build anew.
    asked = [
        requirement_text.digest(found),
        request.require_hashes,
        request.pre,
        sorted(request.no_binary),
        sorted(request.only_binary),
        request.compile_bytecode,
        options["python"],
        sorted(options["verify_imports"]),
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _loader(wish: EnvironmentWish) -> t.Callable[[str], bytes]:
    def from_controller(path: str) -> bytes:
        if path not in wish.files:
            raise FileNotFoundError(2, "not found on the controller")
        return wish.files[path]

    def from_host(path: str) -> bytes:
        with open(path, "rb") as stream:
            return stream.read()

    return from_host if wish.options["remote_src"] else from_controller


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
