# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a task's arguments to a desired state. Everything that cannot be meant is refused here, before the host is
looked at.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    ABSENT,
    LATEST,
    PRESENT,
    Desired,
    DesiredPackage,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.names import real_names

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Sources

# Debian policy 5.6.1 and RPM's names, with an architecture behind ':' or '.'. No leading '-': it would be an option.
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9+._-]*(?::[a-z0-9]+)?\Z")
_GROUP = re.compile(r"^@(?P<name>[A-Za-z0-9][A-Za-z0-9 +._-]*)\Z|^(?P<task>[a-z0-9][a-z0-9+.-]*)\^\Z")
_VERSION = re.compile(r"^[0-9A-Za-z*][0-9A-Za-z.+:~^*_-]*\Z")
_KEYS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "state": (str,),
    "version": (str, int, float),
    "hold": (bool,),
}


def read_desired(params: t.Mapping[str, t.Any], distribution: Distribution) -> Desired:
    """The task as a Desired state. Raises InvalidArguments."""
    packages = tuple(read_package(entry, distribution) for entry in params["packages"])
    _refuse_contradictions(packages)
    upgrade = "" if params["upgrade"] == "none" else params["upgrade"]
    if upgrade:
        _refuse_loose_versions(packages)
    return Desired(
        packages=packages,
        allow_downgrade=params["allow_downgrade"],
        allow_removal=_read_removal(params["allow_removal"]),
        update_cache=params["update_cache"],
        cache_valid_time=params["cache_valid_time"],
        lock_timeout=params["lock_timeout"],
        install_recommends=params["install_recommends"],
        sources=read_sources(params["repositories"]),
        upgrade=upgrade,
    )


def read_sources(entries: t.Sequence[t.Mapping[str, t.Any]]) -> Sources | None:
    """The repositories of a task; None where it names none."""
    if not entries:
        return None
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Repository, Sources
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.signing_key import normal

    return Sources(
        repositories=tuple(
            Repository(
                name=entry["name"],
                url=entry["url"] or "",
                key=entry["key"] or "",
                key_url=entry["key_url"] or "",
                fingerprints=tuple(normal(fingerprint) for fingerprint in entry["fingerprints"]),
                suite=entry["suite"],
                components=tuple(entry["components"]),
                architectures=tuple(entry["architectures"]),
                priority=entry["priority"],
                check_metadata=entry["check_metadata"],
                state=entry["state"],
            )
            for entry in entries
        )
    )


def read_package(entry: t.Any, distribution: Distribution) -> DesiredPackage:
    """One entry of the list, a name or a mapping. Raises InvalidArguments."""
    fields: t.Any = {"name": entry} if isinstance(entry, str) else entry
    if not isinstance(fields, t.Mapping):
        raise _invalid(repr(entry), "neither a name nor a mapping", "write a name, or a mapping with name")
    for key, value in fields.items():
        if key not in _KEYS:
            raise _invalid(repr(entry), f"the key {key!r} is unknown", f"use {', '.join(_KEYS)}")
        if value is not None and not isinstance(value, _KEYS[key]):
            raise _invalid(repr(entry), f"{key} is {value!r}", "give hold as true or false and the others as text")
    name = fields.get("name") or ""
    state = fields.get("state") or PRESENT
    version = fields.get("version")
    if isinstance(version, (int, float)):
        raise _invalid(name, f"the version {version!r} is a number, and 3.10 is not 3.1", "put the version in quotes")
    version, hold = version or "", fields.get("hold")
    group = _GROUP.match(name)
    if group is not None:
        if state == ABSENT or version or hold is not None:
            raise _invalid(name, "a group with a state absent, a version or a hold", "name its packages one by one")
        return DesiredPackage(name, (), state, group=group["name"] or group["task"])
    if not _NAME.match(name):
        raise _invalid(repr(name), "that is no package name", "use the name that apt or dnf lists, or a canonical one")
    if state not in (PRESENT, ABSENT, LATEST):
        raise _invalid(name, f"the state {state!r}", "use present, absent or latest")
    if version and not _VERSION.match(version):
        raise _invalid(name, f"the version {version!r}", "use an exact version, or a beginning of one and an asterisk")
    names = real_names(name, distribution)
    if version and len(names) > 1:
        raise _invalid(name, f"one version for {', '.join(names)}", "name these packages one by one")
    if state == ABSENT and (version or hold):
        raise _invalid(name, "state absent with a version or a hold", "leave these out of what shall be absent")
    return DesiredPackage(name, names, state, version, hold)


def _refuse_contradictions(packages: t.Iterable[DesiredPackage]) -> None:
    seen: dict[str, DesiredPackage] = {}
    for package in packages:
        for name in package.names:
            other = seen.setdefault(name, package)
            wanted = (package.state, package.version, package.hold)
            if wanted != (other.state, other.version, other.hold):
                raise _invalid(
                    name, f"two different desired states ({other.requested}, {package.requested})", "keep one of them"
                )


def _refuse_loose_versions(packages: t.Iterable[DesiredPackage]) -> None:
    """A version that nothing holds is gone again with the upgrade of the whole host; and what that would make of a
    package whose hold ends in the same task nobody can say before."""
    for package in packages:
        if package.hold is False:
            raise _invalid(
                package.requested,
                "the end of a hold, beside an upgrade of the whole host",
                "end holds in a task before",
            )
        if package.version and not package.hold:
            raise _invalid(
                package.requested,
                f"version {package.version} without a hold, beside an upgrade of the whole host that takes it away",
                "set hold to true, or leave the version out",
            )


def _read_removal(value: t.Any) -> bool | frozenset[str]:
    """A boolean in any of YAML's spellings, or the names of packages."""
    if isinstance(value, bool):
        return value
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise _invalid("allow_removal", f"{value!r}", "use true, false or a list of package names")
    if len(words) == 1 and words[0].lower() in ("true", "yes", "on", "1", "false", "no", "off", "0"):
        return words[0].lower() in ("true", "yes", "on", "1")
    return frozenset(words)


def _invalid(wanted: str, found: str, to_fix: str) -> InvalidArguments:
    return InvalidArguments("invalid_packages", wanted=f"packages: {wanted}", found=found, to_fix=to_fix)
