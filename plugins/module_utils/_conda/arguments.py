# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of conda_env, and from them to desired states."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Credential, Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import arguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.arguments import (
    ENVIRONMENT,
    INDEXES,
    Params,
    Spec,
    flag,
    strings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import arguments as python_arguments

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import DesiredEngine

_PACKAGE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")

ENVIRONMENT_SPEC: Spec = {
    **ENVIRONMENT,
    "state": {
        "type": "str",
        "choices": ["present", "updated", "cloned", "absent", "rolled_back"],
        "default": "present",
    },
    "channels": strings(),
    "file": {"type": "path"},
    "categories": strings("main"),
    "environment": {"type": "str", "default": "default"},
    "exact": flag(True),
    "pip_packages": strings(),
    "pip_requirements": strings(),
    "pip_require_hashes": flag(),
    "pip_may_replace": strings(),
    "virtual_packages": {"type": "dict"},
    "clone_of": {"type": "str"},
    "link_scripts": flag(True),
    "export_to": {"type": "path"},
    "export_format": {
        "type": "str",
        "choices": ["environment", "history", "explicit", "conda_lock"],
        "default": "explicit",
    },
}
SPEC: Spec = {
    **arguments.spec(ENVIRONMENT_SPEC, "environment_files"),
    **INDEXES,
    "engine": {"type": "str", "choices": ["auto", "rattler", "micromamba", "mamba", "conda"], "default": "auto"},
    "executable": {"type": "str"},
    "toolbox": {"type": "path"},
    "channels": strings(),
    "channel_alias": {"type": "str"},
    "channel_priority": {"type": "str", "choices": ["strict", "flexible", "disabled"], "default": "strict"},
    "mirrors": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "of": {"type": "str", "required": True},
            "urls": {"type": "list", "elements": "str", "required": True},
        },
    },
    "credentials": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str", "required": True},
            "user": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "token": {"type": "str", "no_log": True},
            "conda_token": {"type": "str", "no_log": True},
        },
    },
    "proxy": {"type": "str"},
    "no_proxy": {"type": "str"},
    "cache_dir": {"type": "path"},
    "pip_engine": {"type": "str", "choices": ["auto", "uv", "pip"], "default": "auto"},
    "pip_executable": {"type": "str"},
    "platform": {"type": "str"},
}


def all_desired(params: Params) -> list[DesiredCondaEnvironment]:
    """The desired states of a call of conda_env. Raises InvalidArguments for what contradicts itself."""
    shared: dict[str, t.Any] = {
        "sources": sources_of(params),
        "more_channels": tuple(params["channels"]),
        "platform": params["platform"] or "",
    }
    files = arguments.unpacked(params["environment_files"])
    return arguments.all_desired(DesiredCondaEnvironment, params, files, _problem, **shared)


def sources_of(params: Params) -> Sources:
    """The arguments about channels; which they are, an environment says."""
    credentials = tuple(
        Credential(**{key: value or "" for key, value in item.items()}) for item in params["credentials"]
    )
    return Sources(
        channel_alias=params["channel_alias"] or "",
        channel_priority=params["channel_priority"],
        mirrors=tuple((item["of"], tuple(item["urls"])) for item in params["mirrors"]),
        credentials=credentials,
        ca_bundle=params["ca_bundle"] or "",
        proxy=params["proxy"] or "",
        no_proxy=params["no_proxy"] or "",
        offline=params["offline"],
    )


def engine_of(params: Params) -> DesiredEngine:
    """The arguments about the program that builds."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import DesiredEngine

    return DesiredEngine(
        toolbox=python_arguments.toolbox_of(params),
        name=params["engine"],
        executable=params["executable"] or "",
        cache_dir=params["cache_dir"] or "",
        timeout=params["timeout"],
        sources=python_arguments.sources_of(params),
    )


def pip_engine_of(params: Params) -> DesiredEngine:
    """The arguments about the program that builds the pip part; conda's packages bring the Python."""
    named = {"name": params["pip_engine"], "executable": params["pip_executable"] or "", "cache_dir": ""}
    return replace(engine_of(params), **named)


def _problem(desired: DesiredCondaEnvironment) -> tuple[str, str]:
    state = desired.state
    contents = [key for key in ("packages", "file", "pip_packages", "pip_requirements") if getattr(desired, key)]
    if bool(desired.clone_of) != (state == "cloned"):
        return "clone_of and state: cloned belong together, and one is missing", "give both, or neither"
    if state == "cloned" and contents:
        return f"a clone has {', '.join(contents)} of its own", "clone first, then change with state: present"
    if state == "cloned" and desired.clone_of in (desired.name, desired.link):
        return "it is to be a clone of itself", "name another environment with clone_of"
    if state == "present" and not contents:
        return "neither packages nor a file are given", "say what the environment should hold"
    if state == "absent" and [key for key in contents if key != "packages"]:
        return f"state is absent, and {', '.join(contents)} are given", "name packages alone, or nothing"
    if state == "absent":
        bad = [name for name in desired.packages if not _PACKAGE.fullmatch(name)]
        return (f"{', '.join(map(repr, bad))} is no package's name", "give names without versions") if bad else ("", "")
    return "", ""
