# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that every kind of environment has, and how arguments become desired states."""

from __future__ import annotations

import base64
import typing as t
import zlib
from dataclasses import fields

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import argument_checks
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Desired
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

Params = t.Mapping[str, t.Any]
Spec = dict[str, dict[str, t.Any]]
DesiredT = t.TypeVar("DesiredT", bound=Desired)


def strings(*default: str) -> dict[str, t.Any]:
    return {"type": "list", "elements": "str", "default": list(default)}


def flag(default: bool = False) -> dict[str, t.Any]:
    return {"type": "bool", "default": default}


# Of each item of ``environments``; a kind adds its states and what only it has.
ENVIRONMENT: Spec = {
    "name": {"type": "str", "required": True},
    "packages": strings(),
    "remote_src": flag(),
    "verify_imports": strings(),
    "verify_files": flag(),
    "compile_bytecode": flag(True),
    "keep": {"type": "int", "default": 2},
    "adopt": flag(),
    "reinstall": flag(),
    "rollback_to": {"type": "str"},
    "force": flag(),
}
# Where Python's packages come from.
INDEXES: Spec = {
    "index_url": {"type": "str"},
    "extra_index_urls": strings(),
    "find_links": strings(),
    "no_index": flag(),
    "trusted_hosts": strings(),
    "ca_bundle": {"type": "path"},
    "offline": flag(),
    "timeout": {"type": "float", "default": 3600},
}
ROOT: Spec = {"root": {"type": "path", "default": "/opt/mlstack/envs"}}


def spec(environment: Spec, files: str) -> Spec:
    """The arguments of a module whose ``environments`` have these options; ``files`` is the argument in which the
    controller sends contents."""
    return {
        **ROOT,
        "environments": {"type": "list", "elements": "dict", "default": [], "options": environment},
        "lock_timeout": {"type": "float", "default": 600},
        "purge_cache": flag(),
        # Files may hold credentials, and arguments go to the system log.
        files: {"type": "dict", "no_log": True},
    }


def unpacked(sent: t.Mapping[str, str] | None) -> dict[str, bytes]:
    """The contents that the controller sent, by their paths there."""
    return {path: zlib.decompress(base64.b64decode(text)) for path, text in (sent or {}).items()}


def all_desired(
    kind: type[DesiredT],
    params: Params,
    files: t.Mapping[str, bytes],
    problem_of: t.Callable[[DesiredT], tuple[str, str]],
    **shared: t.Any,
) -> list[DesiredT]:
    """The desired states of a module call; ``shared`` are fields that no option of an environment gives.

    ``problem_of`` says what contradicts itself in one, and what to do. Raises InvalidArguments.
    """
    argument_checks.check(params)
    given = {"root": params["root"], "files": files, **shared}
    found = []
    for options in params["environments"]:
        desired = one(kind, options, given)
        problem, to_fix = _problem(desired) or problem_of(desired)
        if problem:
            wanted = f"environment {desired.name} {desired.state}"
            raise InvalidArguments("environment_invalid", wanted=wanted, found=problem, to_fix=to_fix)
        found.append(desired)
    listed = [desired.name for desired in found]
    twice = sorted({name for name in listed if listed.count(name) > 1})
    if twice:
        raise InvalidArguments(
            "environment_twice",
            wanted=f"environments below {params['root']}",
            found=f"{', '.join(twice)} is listed more than once",
            to_fix="merge the entries, or give them names of their own",
        )
    return found


def one(kind: type[DesiredT], options: Params, given: Params) -> DesiredT:
    """A desired state; ``given`` are the fields that no option says."""
    values = {item.name: _typed(options[item.name], item.type) for item in fields(kind) if item.name not in given}
    return kind(**given, **values)


def _typed(value: t.Any, kind: t.Any) -> t.Any:
    """What was not given is empty, and a list cannot change any more."""
    if value is None:
        return {} if "Mapping" in str(kind) else ""
    return tuple(value) if isinstance(value, list) else value


def _problem(desired: Desired) -> tuple[str, str] | None:
    if desired.keep < 0:
        return f"keep is {desired.keep}", "give the number of earlier generations to keep, 0 or more"
    if desired.rollback_to and desired.state != "rolled_back":
        return "rollback_to is given, but state is not rolled_back", "set state: rolled_back"
    return None
