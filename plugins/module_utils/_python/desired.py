# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What is wanted of Python environments: arguments turned into values. What the requirements say is read later."""

from __future__ import annotations

import base64
import os
import typing as t
import zlib
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import argument_checks, names

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Sources

Params = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class DesiredEnvironment:
    """One item of the argument ``environments``, with the module's ``arguments``. ``files`` are the contents of the
    requirement files that lie on the controller, by their paths there."""

    name: str
    root: str
    state: str
    options: Params
    arguments: Params
    files: t.Mapping[str, bytes]

    @property
    def link(self) -> str:
        return os.path.join(self.root, self.name)

    @property
    def sources(self) -> Sources:
        """Where distributions come from as far as the arguments say so."""
        return sources_of(self.arguments)

    def load(self, path: str) -> bytes:
        """The content of a requirement file. Raises OSError."""
        if self.options["remote_src"]:
            with open(path, "rb") as stream:
                return stream.read()
        if path not in self.files:
            raise FileNotFoundError(2, "not found on the controller")
        return self.files[path]

    @property
    def absent_packages(self) -> tuple[str, ...]:
        """The packages to take out of an environment that stays."""
        if self.state != "absent":
            return ()
        return tuple(dict.fromkeys(names.normalize(name) for name in self.options["packages"]))


def all_desired(params: Params) -> list[DesiredEnvironment]:
    """The desired states of a module call. Raises InvalidArguments for what contradicts itself."""
    argument_checks.check(params)
    root = params["root"]
    files = files_of(params)
    found = []
    for options in params["environments"]:
        desired = DesiredEnvironment(
            name=options["name"],
            root=root,
            state=options["state"],
            options=options,
            arguments=params,
            files=files,
        )
        _check(desired)
        found.append(desired)
    twice = sorted({desired.name for desired in found if [other.name for other in found].count(desired.name) > 1})
    if twice:
        raise InvalidArguments(
            "environment_twice",
            wanted=f"environments below {root}",
            found=f"{', '.join(twice)} is listed more than once",
            to_fix="merge the entries, or give them names of their own",
        )
    return found


def files_of(params: Params) -> dict[str, bytes]:
    """The contents of the requirement files that lie on the controller, as its action plugin packed them."""
    packed = params.get("requirement_files") or {}
    return {path: zlib.decompress(base64.b64decode(text)) for path, text in packed.items()}


def sources_of(params: Params) -> Sources:
    """The module's arguments about indexes and the like."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Sources

    return Sources(
        index_url=params["index_url"] or "",
        extra_index_urls=tuple(params["extra_index_urls"]),
        find_links=tuple(params["find_links"]),
        no_index=params["no_index"],
        trusted_hosts=tuple(params["trusted_hosts"]),
        ca_bundle=params["ca_bundle"] or "",
        offline=params["offline"],
    )


def _check(desired: DesiredEnvironment) -> None:
    options = desired.options
    problem = to_fix = ""
    if options["keep"] < 0:
        problem, to_fix = f"keep is {options['keep']}", "give the number of earlier generations to keep, 0 or more"
    elif desired.state == "locked" and not options["lock_to"]:
        problem, to_fix = "state is locked and lock_to is missing", "say with lock_to where the lock is to be written"
    elif options["lock_to"] and desired.state != "locked":
        problem, to_fix = "lock_to is given, but state is not locked", "set state: locked, or leave lock_to out"
    elif options["rollback_to"] and desired.state != "rolled_back":
        problem, to_fix = "rollback_to is given, but state is not rolled_back", "set state: rolled_back"
    elif desired.state == "present" and not (options["packages"] or options["requirements"]):
        problem, to_fix = "neither packages nor requirements are given", "say what the environment should hold"
    elif desired.state == "absent" and (options["requirements"] or options["constraints"]):
        # To take them for the names of packages would be one guess, to remove the whole environment another.
        problem = "state is absent, and requirements or constraints are given"
        to_fix = "name the packages that are to go with packages, or give neither to remove the whole environment"
    elif desired.state == "absent" and not all(map(names.is_valid, options["packages"])):
        bad = [name for name in options["packages"] if not names.is_valid(name)]
        problem, to_fix = f"{', '.join(map(repr, bad))} is not a package's name", "give names without versions"
    if problem:
        raise InvalidArguments(
            "environment_invalid", wanted=f"environment {desired.name} {desired.state}", found=problem, to_fix=to_fix
        )
