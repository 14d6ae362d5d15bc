# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What is wanted of conda environments: arguments turned into values. What the files say is read later."""

from __future__ import annotations

import base64
import json
import os
import re
import typing as t
import zlib
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import argument_checks

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile, LockFile
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Sources

Params = t.Mapping[str, t.Any]
BUILDING = ("present", "updated", "cloned")
_PACKAGE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class DesiredCondaEnvironment:
    """One item of the argument C(environments), with the module's ``arguments``. ``files`` are what the controller
    read: environment files as JSON, requirement files as they are, by their paths."""

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
    def absent_packages(self) -> tuple[str, ...]:
        """The packages to take out of an environment that stays."""
        return tuple(dict.fromkeys(map(str.lower, self.options["packages"]))) if self.state == "absent" else ()

    def load(self, path: str) -> bytes:
        """The content of a requirement file. Raises OSError."""
        if path in self.files:
            return self.files[path]
        if self.options["remote_src"]:
            with open(path, "rb") as stream:
                return stream.read()
        raise FileNotFoundError(2, "not found on the controller")

    def described(self) -> EnvironmentFile | LockFile | None:
        """What the desired state's environment file says; None where there is none. Raises InvalidArguments where
        nobody read it.
        """
        path = self.options["file"]
        if not path:
            return None
        key = file_key(self.options)
        if key not in self.files:
            raise InvalidArguments(
                "file_missing",
                wanted=f"environment {self.name} from {path}",
                found="no such file" + (" on the host" if self.options["remote_src"] else " on the controller"),
                to_fix="correct the path",
            )
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import files

        return files.from_data(json.loads(self.files[key]))


def file_key(options: Params) -> str:
    """Under what name the controller sends an environment file: one file may be read in several ways."""
    return json.dumps([options["file"], sorted(options["categories"]), options["environment"]])


def all_desired(params: Params) -> list[DesiredCondaEnvironment]:
    """The desired states of a module call. Raises InvalidArguments for what contradicts itself."""
    argument_checks.check(params)
    packed = params.get("environment_files") or {}
    contents = {path: zlib.decompress(base64.b64decode(text)) for path, text in packed.items()}
    found = []
    for options in params["environments"]:
        desired = DesiredCondaEnvironment(options["name"], params["root"], options["state"], options, params, contents)
        _check(desired)
        found.append(desired)
    twice = sorted({desired.name for desired in found if [other.name for other in found].count(desired.name) > 1})
    if twice:
        raise InvalidArguments(
            "environment_twice",
            wanted=f"environments below {params['root']}",
            found=f"{', '.join(twice)} is listed more than once",
            to_fix="merge the entries, or give them names of their own",
        )
    return found


def sources_of(params: Params, channels: t.Iterable[str]) -> Sources:
    """The module's arguments about channels."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Credential, Sources

    credentials = tuple(
        Credential(**{key: value or "" for key, value in item.items()}) for item in params["credentials"]
    )
    mirrors = tuple((item["of"], tuple(item["urls"])) for item in params["mirrors"])
    return Sources(
        channels=tuple(channels),
        channel_alias=params["channel_alias"] or "",
        channel_priority=params["channel_priority"],
        mirrors=mirrors,
        credentials=credentials,
        ca_bundle=params["ca_bundle"] or "",
        proxy=params["proxy"] or "",
        no_proxy=params["no_proxy"] or "",
        offline=params["offline"],
    )


def _check(desired: DesiredCondaEnvironment) -> None:
    problem, to_fix = _problem(desired)
    if problem:
        raise InvalidArguments(
            "environment_invalid", wanted=f"environment {desired.name} {desired.state}", found=problem, to_fix=to_fix
        )


def _problem(desired: DesiredCondaEnvironment) -> tuple[str, str]:
    options, state = desired.options, desired.state
    contents = [key for key in ("packages", "file", "pip_packages", "pip_requirements") if options[key]]
    if options["keep"] < 0:
        return f"keep is {options['keep']}", "give the number of earlier generations to keep, 0 or more"
    if options["rollback_to"] and state != "rolled_back":
        return "rollback_to is given, but state is not rolled_back", "set state: rolled_back"
    if bool(options["clone_of"]) != (state == "cloned"):
        return "clone_of and state: cloned belong together, and one is missing", "give both, or neither"
    if state == "cloned" and contents:
        return f"a clone has {', '.join(contents)} of its own", "clone first, then change with state: present"
    if state == "cloned" and options["clone_of"] in (desired.name, desired.link):
        return "it is to be a clone of itself", "name another environment with clone_of"
    if state == "present" and not contents:
        return "neither packages nor a file are given", "say what the environment should hold"
    if state == "absent" and [key for key in contents if key != "packages"]:
        return f"state is absent, and {', '.join(contents)} are given", "name packages alone, or nothing"
    if state == "absent":
        bad = [name for name in options["packages"] if not _PACKAGE.fullmatch(name)]
        return (f"{', '.join(map(repr, bad))} is no package's name", "give names without versions") if bad else ("", "")
    return "", ""
