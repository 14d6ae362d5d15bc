# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of pip_pinned, and those that it shares with python_env_info; arguments to desired states."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import arguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.arguments import (
    ENVIRONMENT,
    INDEXES,
    Params,
    Spec,
    flag,
    strings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment, Sources

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import DesiredEngine

# Their texts are in the fragment python_sources.
SOURCES_SPEC: Spec = {
    **INDEXES,
    "engine": {"type": "str", "choices": ["auto", "uv", "pip"], "default": "auto"},
    "executable": {"type": "str"},
    "toolbox": {"type": "path"},
    "no_cache": flag(),
    "cache_dir": {"type": "path"},
    "python_downloads": flag(True),
    "python_mirror": {"type": "str"},
    "python_downloads_json": {"type": "str"},
}
ENVIRONMENT_SPEC: Spec = {
    **ENVIRONMENT,
    "state": {"type": "str", "choices": ["present", "absent", "rolled_back", "locked"], "default": "present"},
    "requirements": strings(),
    "constraints": strings(),
    "require_hashes": flag(),
    "pre": flag(),
    "no_binary": strings(),
    "only_binary": strings(),
    "no_deps": flag(),
    "overrides": strings(),
    "build_constraints": strings(),
    "no_build_isolation": strings(),
    "python": {"type": "str", "default": "auto"},
    "freeze_to": {"type": "path"},
    "lock_to": {"type": "path"},
    "universal": flag(),
    "python_version": {"type": "str"},
    "upgrade": flag(),
}
SPEC: Spec = {**arguments.spec(ENVIRONMENT_SPEC, "requirement_files"), **SOURCES_SPEC}


def all_desired(params: Params) -> list[DesiredEnvironment]:
    """The desired states of a call of pip_pinned. Raises InvalidArguments for what contradicts itself."""
    files = arguments.unpacked(params["requirement_files"])
    return arguments.all_desired(DesiredEnvironment, params, files, _problem, sources=sources_of(params))


def sources_of(params: Params) -> Sources:
    """The arguments about indexes and the like."""
    return Sources(
        index_url=params["index_url"] or "",
        extra_index_urls=tuple(params["extra_index_urls"]),
        find_links=tuple(params["find_links"]),
        no_index=params["no_index"],
        trusted_hosts=tuple(params["trusted_hosts"]),
        ca_bundle=params["ca_bundle"] or "",
        offline=params["offline"],
    )


def engine_of(params: Params) -> DesiredEngine:
    """The arguments about the program that builds."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import DesiredEngine

    return DesiredEngine(
        toolbox=toolbox_of(params),
        name=params["engine"],
        executable=params["executable"] or "",
        cache_dir=params["cache_dir"] or "",
        no_cache=params["no_cache"],
        timeout=params["timeout"],
        sources=sources_of(params),
        python_downloads=params["python_downloads"] and not params["offline"],
        python_mirror=params["python_mirror"] or "",
        python_downloads_json=params["python_downloads_json"] or "",
    )


def toolbox_of(params: Params) -> str:
    return params["toolbox"] or os.path.join(params["root"], ".toolbox")


def _problem(desired: DesiredEnvironment) -> tuple[str, str]:
    if desired.state == "locked" and not desired.lock_to:
        return "state is locked and lock_to is missing", "say with lock_to where the lock is to be written"
    if desired.lock_to and desired.state != "locked":
        return "lock_to is given, but state is not locked", "set state: locked, or leave lock_to out"
    if desired.state == "present" and not (desired.packages or desired.requirements):
        return "neither packages nor requirements are given", "say what the environment should hold"
    if desired.state != "absent":
        return "", ""
    if desired.requirements or desired.constraints:
        # To take them for the names of packages would be one guess, to remove the whole environment another.
        problem = "state is absent, and requirements or constraints are given"
        return (
            problem,
            "name the packages that are to go with packages, or give neither to remove the whole environment",
        )
    bad = [name for name in desired.packages if not names.is_valid(name)]
    return (f"{', '.join(map(repr, bad))} is not a package's name", "give names without versions") if bad else ("", "")
