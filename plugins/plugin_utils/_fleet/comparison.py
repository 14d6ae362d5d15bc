# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same environment on many hosts: which hosts differ from the majority, in what, since when.

It works on what python_env_info and conda_env_info return, an entry per environment with C(name), C(path), C(packages)
(C(name), C(version), C(build) for conda, C(installed_at)), C(python), and where there is a lock C(lock_differences)
(C(name), C(locked), C(installed), C(since)). The majority is taken name by name: the
version that most hosts have, or that most have none. Hosts that each have one oddity are thus still one fleet.
"""

from __future__ import annotations

import collections
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names

Content = t.Mapping[str, str]


@dataclass(frozen=True)
class Standing:
    """One environment on one host: name to version, and to the time when it came. ``built`` is when all of it did.

    ``counts`` are the names by which it may be odd; None means all. Where the packages are those of the lock that it
    was compared with, that is how it should be, whatever most hosts have.
    """

    host: str
    versions: Content
    since: t.Mapping[str, str]
    built: str | None
    counts: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Ordinary:
    """What most hosts have under one name; None stands for nothing. ``tied`` says that as many have something else."""

    version: str | None
    hosts: int
    tied: bool


def compare(infos: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Compare what modules found on hosts, a result, or a list of results, by the name of its host.

    Raises ValueError where it is no such mapping. The result has C(agree), C(environments) by name, C(unlike_lock),
    C(odd_hosts), C(lines), and C(unheard): the hosts of which nothing is known, with the reason.
    """
    if not isinstance(infos, t.Mapping):
        raise ValueError("a mapping of hosts to results of python_env_info or conda_env_info is needed")
    infos = {host: _merged(info) for host, info in infos.items()}
    ambiguous = _ambiguous(infos)
    groups: dict[str, list[Standing]] = collections.defaultdict(list)
    unheard: dict[str, str] = {}
    unlike: list[dict[str, t.Any]] = []
    for host in sorted(infos):
        for item in _readable(host, infos[host], unheard):
            groups[_label(item, ambiguous)].append(_standing(host, item))
        unlike += _unlike_lock(host, infos[host], ambiguous)
    heard = [host for host in sorted(infos) if host not in unheard]
    environments = [_compared(name, groups[name], heard) for name in sorted(groups)]
    odd = {one["host"] for environment in environments for one in environment["differing"]}
    odd |= {host for environment in environments for host in environment["absent"]}
    odd |= {one["host"] for one in unlike} | set(unheard)
    return {
        "agree": not odd,
        "odd_hosts": sorted(odd),
        "environments": environments,
        "unlike_lock": unlike,
        "unheard": [{"host": host, "why": why} for host, why in sorted(unheard.items())],
        "lines": _lines(environments, unlike, unheard),
    }


def _merged(info: t.Any) -> t.Any:
    """One result of several modules' about a host: all environments, or the first result that tells of none."""
    if not isinstance(info, (list, tuple)):
        return info
    silent = [
        one for one in info if not isinstance(one, t.Mapping) or not isinstance(one.get("environments"), t.Sequence)
    ]
    return silent[0] if silent else {"environments": [item for one in info for item in one["environments"]]}


def _ambiguous(infos: t.Mapping[str, t.Any]) -> set[str]:
    """Names under which some host has more than one environment; their paths tell them apart."""
    found: set[str] = set()
    for info in infos.values():
        environments = info.get("environments") if isinstance(info, t.Mapping) else None
        counted = collections.Counter(str(item.get("name")) for item in environments or () if "packages" in item)
        found |= {name for name, number in counted.items() if number > 1}
    return found


def _label(item: t.Mapping[str, t.Any], ambiguous: t.Container[str]) -> str:
    """Hosts may have an environment in different places, a home for example, so it goes by its name."""
    name = str(item.get("name") or item["path"])
    return str(item["path"]) if name in ambiguous else name


def _readable(host: str, info: t.Any, unheard: dict[str, str]) -> t.Iterator[t.Mapping[str, t.Any]]:
    if not isinstance(info, t.Mapping) or not isinstance(info.get("environments"), t.Sequence):
        message = info.get("msg") if isinstance(info, t.Mapping) else None
        unheard[host] = str(message or "it was not asked, or did not answer")
        return
    for item in info["environments"]:
        if item.get("failed"):
            unheard.setdefault(host, f"{item.get('path')}: {item.get('msg')}")
        elif isinstance(item.get("packages"), t.Sequence):
            yield item


def _unlike_lock(host: str, info: t.Any, ambiguous: t.Container[str]) -> list[dict[str, t.Any]]:
    environments = info.get("environments") if isinstance(info, t.Mapping) else None
    return [
        {"host": host, "environment": _label(item, ambiguous), "path": str(item["path"]), **difference}
        for item in environments or ()
        for difference in item.get("lock_differences") or ()
    ]


def _standing(host: str, item: t.Mapping[str, t.Any]) -> Standing:
    versions: dict[str, str] = {}
    since: dict[str, str] = {}
    for package in item["packages"]:
        name = names.normalize(str(package["name"]))
        versions[name] = " ".join(str(package[key]) for key in ("version", "build") if package.get(key))
        if package.get("installed_at"):
            since[name] = str(package["installed_at"])
    built = (item.get("record") or {}).get("created")
    locked = item.get("lock_differences") == []
    counts: tuple[str, ...] | None = () if locked else None
    python = (item.get("python") or {}).get("version")
    if python and "python" not in versions:  # conda has it among the packages
        versions["python"] = str(python)
        counts = ("python",) if locked else None  # no lock of pip says which Python it is for
        if built:
            since["python"] = str(built)
    return Standing(host, versions, since, str(built) if built else None, counts)


def _compared(label: str, standings: t.Sequence[Standing], heard: t.Sequence[str]) -> dict[str, t.Any]:
    known = sorted({name for standing in standings for name in standing.versions})
    ordinary = {name: _ordinary(name, standings) for name in known}
    having = {standing.host for standing in standings}
    differing = []
    for standing in standings:
        counting = known if standing.counts is None else standing.counts
        found = [_difference(name, standing, ordinary[name]) for name in counting]
        odd = [item for item in found if item is not None]
        if odd:
            times = [item["since"] for item in odd if item["since"]]
            differing.append({"host": standing.host, "since": min(times, default=None), "differences": odd})
    return {
        "name": label,
        "hosts": len(standings),
        "absent": [host for host in heard if host not in having],
        "majority": {name: kind.version for name, kind in ordinary.items() if kind.version is not None},
        "differing": sorted(differing, key=lambda one: (-len(one["differences"]), one["host"])),
    }


def _ordinary(name: str, standings: t.Sequence[Standing]) -> Ordinary:
    """Of versions that as many hosts have, the one that came first stands; what has no time comes after."""
    counted = collections.Counter(standing.versions.get(name) for standing in standings)
    most = max(counted.values())
    candidates = [version for version, number in counted.items() if number == most]

    def first(version: str | None) -> tuple[str, str]:
        times = [
            standing.since.get(name) or standing.built or "9"
            for standing in standings
            if standing.versions.get(name) == version
        ]
        return min(times), version or ""

    return Ordinary(min(candidates, key=first), most, len(candidates) > 1)


def _difference(name: str, standing: Standing, ordinary: Ordinary) -> dict[str, t.Any] | None:
    here = standing.versions.get(name)
    if here == ordinary.version:
        return None
    # What is gone left no trace of its own; the build of its environment is the latest that is known.
    since = standing.since.get(name) if here is not None else standing.built
    return {
        "name": name,
        "majority": ordinary.version,
        "here": here,
        "since": since,
        "hosts": ordinary.hosts,
        "tied": ordinary.tied,
    }


def _lines(
    environments: t.Iterable[t.Mapping[str, t.Any]],
    unlike: t.Iterable[t.Mapping[str, t.Any]],
    unheard: t.Mapping[str, str],
) -> list[str]:
    """The comparison as sentences."""
    lines = []
    for environment in environments:
        place, number = environment["name"], environment["hosts"]
        have = "1 host has" if number == 1 else f"{number} hosts have"
        lines += [f"{host}: there is no {place}, which {have}" for host in environment["absent"]]
        for one in environment["differing"]:
            lines += [f"{one['host']}: {place}: {_told(item, number)}" for item in one["differences"]]
    lines += [f"{one['host']}: {one['environment']}: {_told_of_lock(one)}" for one in unlike]
    return lines + [f"{host}: nothing is known: {why}" for host, why in sorted(unheard.items())]


def _told_of_lock(one: t.Mapping[str, t.Any]) -> str:
    if one["installed"] is None:
        return f"{one['name']} is missing, the lock has {one['locked'] or 'it'}"
    since = f"; since {one['since']}" if one["since"] else ""
    if one["locked"] is None:
        return f"{one['name']} {one['installed']} is there, the lock has none{since}"
    return f"{one['name']} is {one['installed']}, the lock has {one['locked']}{since}"


def _told(item: t.Mapping[str, t.Any], number: int) -> str:
    share = f"{item['hosts']} of {number} hosts"
    if item["here"] is None:
        text = f"{item['name']} is missing, {share} have {item['majority']}"
    elif item["majority"] is None:
        text = f"{item['name']} {item['here']} is there, {share} have none"
    else:
        text = f"{item['name']} is {item['here']}, {share} have {item['majority']}"
    if item["tied"]:
        text += " (as many have something else, this came first)"
    if item["since"] and item["here"] is not None:
        return f"{text}; since {item['since']}"
    return f"{text}; at the earliest since {item['since']}" if item["since"] else text
