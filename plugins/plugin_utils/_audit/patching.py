# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the audits of many hosts to the next locks of one environment: one for each set of hosts with equal contents.

What somebody asked for stays, as it is or at its fix, and what is flawed goes to the smallest version that leaves the
fewest and least severe flaws. All other versions are the seed of the lock, which the resolver keeps where they still
fit. Nothing that is decided from one host is done on another that holds something else.
"""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import lockfile, names, versions
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Environment, from_plain

Found = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Group:
    """Hosts whose environment holds the same.

    The first of ``hosts`` makes the lock, and builds it before the others. ``lock`` is the file it is written to,
    ``fixes`` are name to version. ``left`` are the ids of flaws that stay, by package, ``unfixable`` those of its
    packages for which no fix is known, ``foreign`` those that came from a URL or a file, so that no index mends them,
    ``leave`` those whose fix does not fit. ``requirements`` are what the lock asks for, ``seed`` is its text before.
    """

    hosts: tuple[str, ...]
    lock: str
    fixes: t.Mapping[str, str]
    left: t.Mapping[str, tuple[str, ...]]
    unfixable: tuple[str, ...]
    foreign: tuple[str, ...]
    leave: tuple[str, ...]
    requirements: tuple[str, ...]
    seed: str


@dataclass(frozen=True)
class _Host:
    """What one host has: the line of each package in a requirement file, what somebody asked for, and what nothing else
    needs."""

    name: str
    python: str
    lines: t.Mapping[str, str]
    asked: frozenset[str]
    tops: frozenset[str]
    environment: Environment | None

    @property
    def contents(self) -> tuple[str, frozenset[tuple[str, str]]]:
        """Equal where a lock that was made on the one host is right for the other. A name has one spelling here."""
        return self.python, frozenset((package, _beyond(line)) for package, line in self.lines.items())


def patches(
    audits: t.Mapping[str, t.Any], name: str, found: t.Mapping[str, t.Any], lock: str = "", leave: t.Iterable[str] = ()
) -> list[Group]:
    """What is to be changed in the environment ``name``, the largest group of hosts first.

    ``audits`` are results of dep_audit by host, ``found`` what python_env_info with ``tree`` says of the environment.
    Hosts that have it not are passed over. The largest group has ``lock``, the others a file beside it with the name of
    their first host. Packages in ``leave`` stay as they are. Raises ValueError for what was read without ``tree``.
    """
    hosts = [_host(host, audits.get(host), name, item) for host, item in found.items() if _has(item)]
    groups: dict[t.Any, list[_Host]] = {}
    for host in hosts:
        groups.setdefault(host.contents, []).append(host)
    ordered = sorted(groups.values(), key=len, reverse=True)  # stable: of equals the first of the inventory comes first
    places = _places(lock, [members[0].name for members in ordered])
    kept = {names.normalize(item) for item in leave}
    return [_group(members, place, kept) for members, place in zip(ordered, places)]


def lost(lock: str, name: str, audit: t.Any, found: t.Any) -> list[str]:
    """Packages of a host that somebody asked for and that a lock's text would not leave there."""
    if not _has(found):
        return []
    locked = lockfile.versions_in(lock)
    return sorted(_host("", audit, name, found).asked - set(locked))


def unended(audit: t.Any, name: str, group: t.Mapping[str, t.Any]) -> list[str]:
    """What the patched environment still has of what a group's fixes end, and what was to be upgraded and is gone."""
    environment = _current(audit, name)
    if environment is None:
        return [f"{name} could not be audited"]
    fixes = group["fixes"]
    there = {names.normalize(item.name) for item in environment.packages}
    told = [f"{package} is gone" for package in sorted(set(fixes) - there)]
    for finding in environment.findings:
        package = names.normalize(finding.package)
        foretold = group["left"].get(package, ())
        if package in fixes and not finding.ignored and finding.flaw.id not in foretold:
            told.append(f"{package} {finding.version} still has {finding.flaw.id}")
    return told


def _has(found: t.Any) -> bool:
    return isinstance(found, t.Mapping) and found.get("standing") == "link" and "freeze" in found


def _host(host: str, audit: t.Any, name: str, found: Found) -> _Host:
    if "tree" not in found:
        raise ValueError(f"nothing says what was asked for in {name} on {host}: python_env_info needs tree")
    environment = _current(audit, name)
    tops = frozenset(names.normalize(item["name"]) for item in found["tree"])
    asked = {names.normalize(item.name) for item in environment.packages if item.requested} if environment else set()
    lines = {_name(line): line for line in found["freeze"]}
    python = ".".join(str((found.get("python") or {}).get("version", "")).split(".")[:2])
    return _Host(host, python, lines, (tops | asked) & lines.keys(), tops, environment)


def _current(audit: t.Any, name: str) -> Environment | None:
    if not isinstance(audit, t.Mapping) or "schema" not in audit:
        return None
    told = [item for item in audit.get("environments", ()) if item.get("name") == name]
    read = from_plain({**audit, "environments": told}).environments
    return next((item for item in read if item.in_use and item.kind == "venv" and not item.failed), None)


def _group(members: t.Sequence[_Host], lock: str, leave: t.Collection[str]) -> Group:
    lines = members[0].lines
    asked = frozenset().union(*(host.asked for host in members))
    foreign = {package for package, line in lines.items() if " @ " in line}
    fixes: dict[str, str] = {}
    left: dict[str, tuple[str, ...]] = {}
    for environment in (host.environment for host in members if host.environment is not None):
        _add_fixes(environment, foreign | set(leave), fixes, left)
    tops = members[0].tops
    # What is asked for and needed by others too may have to move with them; by its name alone it cannot go.
    requirements = [
        lines[package] if package in tops | foreign else package for package in sorted((asked | foreign) - set(fixes))
    ]
    requirements += [f"{package}=={version}" for package, version in sorted(fixes.items())]
    seed = "".join(f"{line}\n" for _package, line in sorted(lines.items()) if " @ " not in line)
    unfixable = tuple(sorted(set(left) - set(fixes) - foreign - set(leave)))
    return Group(
        tuple(host.name for host in members),
        lock,
        fixes,
        left,
        unfixable,
        tuple(sorted(set(left) & foreign)),
        tuple(sorted(set(left) & set(leave))),
        tuple(requirements),
        seed,
    )


def _add_fixes(
    environment: Environment, kept: t.Collection[str], fixes: dict[str, str], left: dict[str, tuple[str, ...]]
) -> None:
    known = {(item.name, item.version): item for item in environment.packages}
    for finding in environment.findings:
        package, item = names.normalize(finding.package), known.get((finding.package, finding.version))
        if finding.ignored:
            continue
        if item is None or not item.fix or package in kept:
            left[package] = tuple(dict.fromkeys((*left.get(package, ()), finding.flaw.id)))
        elif package not in fixes or _order(item.fix) > _order(fixes[package]):
            fixes[package] = item.fix
            left.pop(package, None)
            left.update({package: item.left} if item.left else {})


def _places(lock: str, firsts: t.Sequence[str]) -> list[str]:
    stem, suffix = os.path.splitext(lock)
    places = [lock] if firsts else []
    for host in firsts[1:]:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", host)
        place, number = f"{stem}-{name}{suffix}", 2
        while place in places:
            place, number = f"{stem}-{name}-{number}{suffix}", number + 1
        places.append(place)
    return places


def _order(version: str) -> versions.Version:
    try:
        return versions.parse(version)
    except versions.InvalidVersion:
        return versions.parse("0")


_HEAD = re.compile(r"\s*(?:==|@)\s*")


def _name(line: str) -> str:
    return names.normalize(_HEAD.split(line, maxsplit=1)[0].strip())


def _beyond(line: str) -> str:
    """What a line says of its package, beside the name."""
    return _HEAD.split(line, maxsplit=1)[-1].strip()
