# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a task's arguments to a desired state. What cannot be meant is refused here, before the host is looked at."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import (
    ABSENT,
    COMPAT,
    COMPONENTS,
    DISTRIBUTION,
    FULL,
    METHODS,
    NVIDIA,
    PRESENT,
    RUNFILE,
    WHEELS,
    Desired,
    DesiredToolkit,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution

# 12.4, 12.4.1, and 11.8.0_520.61.05 as NVIDIA's installers are named.
_VERSION = re.compile(
    r"^(?P<release>\d{1,2}\.\d{1,2})(?:\.(?P<patch>\d{1,3}))?(?:_(?P<driver>\d{3}\.\d+(?:\.\d+)?))?\Z"
)
_LIBRARY = re.compile(r"^[0-9][0-9.]*\*?\Z")
_SHA256 = re.compile(r"^[0-9a-fA-F]{64}\Z")
_SOURCE = re.compile(r"^(?:https?://[^\s@\x00-\x1f\x7f]+|/[^\s\x00-\x1f\x7f]+)\Z")
_KEYS: dict[str, tuple[type, ...]] = {
    "version": (str, int, float),
    "method": (str,),
    "state": (str,),
    "components": (str,),
    "hold": (bool,),
    "source": (str,),
    "sha256": (str,),
    "environment": (str,),
}
# What the packages' own desired state takes from the task.
_OPTIONS = ("allow_downgrade", "update_cache", "cache_valid_time", "lock_timeout")


def read_desired(params: t.Mapping[str, t.Any], distribution: Distribution, machine: str) -> Desired:
    """The task as a Desired state. Raises InvalidArguments."""
    toolkits = tuple(read_toolkit(entry, params["method"]) for entry in params["toolkits"])
    releases = [toolkit.release for toolkit in toolkits]
    twice = next((release for release in releases if releases.count(release) > 1), "")
    if twice:
        raise _invalid(f"CUDA {twice}", "it is listed twice", "list each release once")
    manager = {"Debian": "apt", "RedHat": "dnf"}.get(distribution.family, "")
    desired = Desired(
        toolkits=toolkits,
        default=params["default"] or "",
        driver=params["driver"],
        cudnn=_library(params["cudnn"], "cudnn"),
        nccl=_library(params["nccl"], "nccl"),
        environment=params["environment"],
        manager=manager,
        repository=_repository(params, toolkits, distribution, machine),
        options={name: params[name] for name in _OPTIONS},
    )
    if desired.default and desired.chosen is None:
        raise _invalid(
            f"default {desired.default}",
            "no toolkit of the list has that release and state present",
            "list it, or name another (as 12.4, without a third number)",
        )
    _refuse_contradictions(desired)
    return desired


def read_toolkit(entry: t.Any, method: str = NVIDIA) -> DesiredToolkit:
    """One entry of the list, a version or a mapping. Raises InvalidArguments."""
    fields: t.Any = {"version": entry} if isinstance(entry, str) else entry
    if isinstance(entry, (int, float)) and not isinstance(entry, bool):
        raise _invalid(repr(entry), "the version is a number, and 12.10 is not 12.1", "put the version in quotes")
    if not isinstance(fields, t.Mapping):
        raise _invalid(repr(entry), "neither a version nor a mapping", "write a version, or a mapping with version")
    for key, value in fields.items():
        if key not in _KEYS:
            raise _invalid(repr(entry), f"the key {key!r} is unknown", f"use {', '.join(_KEYS)}")
        if value is not None and (not isinstance(value, _KEYS[key]) or (key != "hold" and isinstance(value, bool))):
            raise _invalid(repr(entry), f"{key} is {value!r}", "give hold as true or false and the others as text")
    version = fields.get("version")
    if isinstance(version, (int, float)):
        raise _invalid(repr(version), "the version is a number, and 12.10 is not 12.1", "put the version in quotes")
    match = _VERSION.match(version or "")
    if match is None:
        raise _invalid(repr(version), "that is no version of CUDA", "use 12.4, 12.4.1 or 11.8.0_520.61.05")
    method = fields.get("method") or (RUNFILE if match.group("driver") else method)
    wanted = DesiredToolkit(
        release=match.group("release"),
        version=f"{match.group('release')}.{match.group('patch')}" if match.group("patch") else "",
        method=method,
        state=_one_of(fields.get("state") or PRESENT, (PRESENT, ABSENT), "state"),
        components=_one_of(fields.get("components") or FULL, COMPONENTS, "components"),
        hold=fields.get("hold"),
        source=fields.get("source") or "",
        sha256=(fields.get("sha256") or "").lower(),
        environment=(fields.get("environment") or "").rstrip("/"),
    )
    _one_of(method, METHODS, "method")
    _refuse_what_a_method_has_not(wanted, bool(match.group("driver")))
    return wanted


def _refuse_what_a_method_has_not(toolkit: DesiredToolkit, driver_named: bool) -> None:
    name, method = toolkit.name, toolkit.method
    if method != RUNFILE and (toolkit.source or toolkit.sha256 or driver_named):
        raise _invalid(name, f"a runfile, with method {method}", "use method runfile, or leave source and sha256 out")
    if method == RUNFILE and toolkit.state == PRESENT:
        if not toolkit.version:
            raise _invalid(name, "a runfile of no exact version", "give all three numbers, as 11.8.0")
        if toolkit.source and not _SOURCE.match(toolkit.source):
            raise _invalid(
                name,
                "a source that is neither a path nor a URL without credentials",
                "give /path/to.run or https://...",
            )
        if toolkit.sha256 and not _SHA256.match(toolkit.sha256):
            raise _invalid(name, f"the digest {toolkit.sha256!r}", "give the 64 hexadecimal digits of its SHA-256")
    if (method == WHEELS) != bool(toolkit.environment):
        raise _invalid(name, "wheels and an environment belong together", "give environment with method wheels only")
    if toolkit.environment and not re.match(r"^/[\w./+-]+\Z", toolkit.environment):
        raise _invalid(name, f"the environment {toolkit.environment!r}", "give its absolute path")
    if toolkit.hold is not None and method not in (NVIDIA, DISTRIBUTION):
        raise _invalid(name, f"a hold, with method {method}", "only packages can be held")
    if toolkit.components != FULL and method in (RUNFILE, DISTRIBUTION):
        raise _invalid(name, f"components {toolkit.components}", f"method {method} installs a toolkit as a whole")
    if toolkit.state == ABSENT and toolkit.hold:
        raise _invalid(name, "state absent with a hold", "leave the hold out")


def _refuse_contradictions(desired: Desired) -> None:
    methods = {toolkit.method for toolkit in desired.present}
    if (desired.cudnn or desired.nccl) and (desired.chosen is None or desired.chosen.method not in (NVIDIA, RUNFILE)):
        raise _invalid(
            "cudnn or nccl",
            "they come from NVIDIA's repository, and the default toolkit does not",
            "choose a default with method nvidia or runfile, or leave them out",
        )
    if desired.driver == COMPAT and methods - {NVIDIA}:
        raise _invalid(
            "driver: compat", f"method {', '.join(sorted(methods - {NVIDIA}))}", "the package comes with method nvidia"
        )
    if DISTRIBUTION in methods and desired.manager == "dnf":
        raise _invalid("method distribution", "Enterprise Linux has no CUDA of its own", "use method nvidia or runfile")


def _repository(
    params: t.Mapping[str, t.Any], toolkits: t.Sequence[DesiredToolkit], distribution: Distribution, machine: str
) -> t.Any:
    needed = any(toolkit.method == NVIDIA for toolkit in toolkits) or params["cudnn"] or params["nccl"]
    if not needed or not params["manage_repository"]:
        return None
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import nvidia_repository
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.signing_key import normal

    return nvidia_repository.repository(
        distribution,
        machine,
        url=params["repository_url"] or "",
        key=params["repository_key"] or "",
        key_url=params["repository_key_url"] or "",
        fingerprints=tuple(normal(fingerprint) for fingerprint in params["repository_fingerprints"]),
    )


def _library(value: str | None, name: str) -> str:
    if value and not _LIBRARY.match(value):
        raise _invalid(
            f"{name} {value!r}", "that is no version", "use one as 9.10.2.21, or a beginning and an asterisk"
        )
    return value or ""


def _one_of(value: str, known: t.Sequence[str], what: str) -> str:
    if value not in known:
        raise _invalid(f"{what} {value!r}", "that is not known", f"use {', '.join(known)}")
    return value


def _invalid(wanted: str, found: str, to_fix: str) -> InvalidArguments:
    return InvalidArguments("invalid_toolkit", wanted=f"toolkits: {wanted}", found=found, to_fix=to_fix)
