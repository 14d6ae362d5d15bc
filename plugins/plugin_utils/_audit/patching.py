# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""From the audits of many hosts to what the next lock of one environment asks for: the fixes, and else no change.

What somebody asked for is pinned as it is, what is flawed at the smallest version without a known flaw. All other
versions are the seed of the lock, which the resolver keeps where they still fit.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, versions
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Environment, HostAudit, from_plain


@dataclass(frozen=True)
class Patch:
    """``fixes`` are name to version, ``unfixable`` the flawed packages for which no fix is known, ``requirements`` what
    the lock asks for, ``seed`` the lock's text before."""

    fixes: t.Mapping[str, str]
    unfixable: tuple[str, ...]
    requirements: tuple[str, ...]
    seed: str


def patch(audits: t.Iterable[t.Any], name: str, found: t.Mapping[str, t.Any]) -> Patch:
    """What is to be changed in the environment ``name``.

    ``audits`` are results of dep_audit; those of hosts that gave none are passed over, and their findings are met when
    their turn comes. ``found`` is what python_env_info with C(tree) says of the environment on the host on which the
    lock is made. Raises ValueError where that is no environment.
    """
    if not isinstance(found, t.Mapping) or "freeze" not in found or "tree" not in found:
        raise ValueError(f"{name} is no environment on the host on which the lock would be made")
    fixes: dict[str, str] = {}
    unfixable: set[str] = set()
    for audit in audits:
        for environment in _current(audit, name):
            _add_fixes(environment, fixes, unfixable)
    lines = {_name(line): line for line in found["freeze"]}
    here = {package: version for package, version in fixes.items() if package in lines}
    asked = {names.normalize(item["name"]) for item in found["tree"]}
    requirements = [lines[package] for package in sorted(asked - set(here)) if package in lines]
    requirements += [f"{package}=={version}" for package, version in sorted(here.items())]
    seed = "".join(f"{line}\n" for _package, line in sorted(lines.items()) if "==" in line)
    return Patch(here, tuple(sorted(unfixable - set(here))), tuple(requirements), seed)


def _current(audit: t.Any, name: str) -> list[Environment]:
    if not isinstance(audit, t.Mapping) or "schema" not in audit:
        return []
    read: HostAudit = from_plain(audit)
    return [item for item in read.environments if item.name == name and item.in_use and item.kind == "venv"]


def _add_fixes(environment: Environment, fixes: dict[str, str], unfixable: set[str]) -> None:
    known = {(item.name, item.version): item.fix for item in environment.packages}
    for finding in environment.findings:
        if finding.ignored:
            continue
        package, fix = names.normalize(finding.package), known.get((finding.package, finding.version), "")
        if not fix:
            unfixable.add(package)
        elif package not in fixes or _order(fix) > _order(fixes[package]):
            fixes[package] = fix


def _order(version: str) -> versions.Version:
    try:
        return versions.parse(version)
    except versions.InvalidVersion:
        return versions.parse("0")


def _name(line: str) -> str:
    return names.normalize(re.split(r"\s*(?:==|@)", line, maxsplit=1)[0].strip())
