# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many hosts have in common, said once with all the places: a flaw of one version, a problem, an upgrade."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Flaw, Package
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import Fleet, Placed, rank

# Names that need no quoting in a command; those of generations are such.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass
class Found:
    """One flaw of one version of a package, wherever: ``places``, and the ``packages`` there in the same order."""

    flaw: Flaw
    package: Package
    ignored: str
    fixed: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    places: list[Placed] = field(default_factory=list)
    packages: list[Package] = field(default_factory=list)

    @property
    def advice(self) -> str:
        """What to do, as a sentence. There are several fixes only where hosts asked different indexes."""
        fixes = list(dict.fromkeys(item.fix for item in self.packages if item.fix))
        if not fixes:
            return "No fix is known."
        stays = any(self.flaw.id in item.left for item in self.packages)
        return f"Update it to {' or '.join(fixes)}{', which ends others but not this one' if stays else ''}."

    @property
    def identity(self) -> list[str]:
        """What stays the same from run to run, and no other group has."""
        return [self.flaw.id, self.package.kind, _name(self.package), self.package.version, self.ignored]


@dataclass
class Trouble:
    """One problem that is no flaw, wherever it is."""

    kind: str
    text: str
    ignored: str
    places: list[Placed] = field(default_factory=list)

    @property
    def identity(self) -> list[str]:
        return [self.kind, self.text, self.ignored]


@dataclass
class Upgrade:
    """A package that goes to a version; ``ends`` are the flaws that end by it, ``hosts`` where, in order. ``managed``
    are the names of environments that the playbook patch can mend."""

    package: str
    fix: str
    kind: str = "pypi"
    ends: dict[str, Flaw] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)
    environments: dict[str, None] = field(default_factory=dict)
    managed: dict[str, None] = field(default_factory=dict)

    @property
    def commands(self) -> list[str]:
        """What does it, for an operator to copy; empty where that depends on who made the environment."""
        if self.kind == "deb":
            return [f"apt-get install --only-upgrade {self.package}"]
        if self.kind == "rpm":
            return [f"dnf upgrade {self.package}"]
        patch = "ansible-playbook -i hosts.yml gpufleet.mlstack.patch"
        return [f"{patch} -e patch_name={name} -e patch_lock=files/{name}.lock" for name in self.managed]


def flaws(fleet: Fleet) -> list[Found]:
    """Malware first, then the worst; what is ignored comes last."""
    groups: dict[tuple[str, ...], Found] = {}
    seen: dict[tuple[str, ...], Found] = {}  # by the names as they are written, which is quicker
    for place in fleet.environments():
        for finding, package in place.found():
            key = (finding.flaw.id, package.kind, package.name, package.version, finding.ignored)
            if key not in seen:
                made = Found(finding.flaw, package, finding.ignored, fixed=finding.fixed, path=finding.path)
                seen[key] = groups.setdefault(tuple(made.identity), made)
            seen[key].places.append(place)
            seen[key].packages.append(package)
    return sorted(groups.values(), key=lambda item: (bool(item.ignored), rank(item.flaw), item.identity))


def troubles(fleet: Fleet) -> list[Trouble]:
    """By kind and text; what is ignored comes last."""
    groups: dict[tuple[str, str, str], Trouble] = {}
    for place in fleet.environments():
        for problem in place.environment.problems:
            key = (problem.kind, problem.text, problem.ignored)
            groups.setdefault(key, Trouble(*key)).places.append(place)
    return sorted(groups.values(), key=lambda item: (bool(item.ignored), item.kind, -len(item.places), item.text))


def upgrades(found: t.Iterable[Found]) -> list[Upgrade]:
    """What to do, the most urgent first: by the worst flaw that ends, then by the number of hosts."""
    groups: dict[tuple[str, str, str], Upgrade] = {}
    for item in found:
        for place, package in zip(item.places, item.packages):
            if item.ignored or not package.fix or item.flaw.id in package.left or not place.environment.in_use:
                continue
            name = _name(package)
            group = groups.setdefault((package.kind, name, package.fix), Upgrade(name, package.fix, package.kind))
            group.ends.setdefault(item.flaw.id, item.flaw)
            group.hosts.setdefault(place.host)
            group.environments.setdefault(place.environment.name)
            if (
                place.environment.kind == "venv"
                and place.environment.generation
                and _SAFE.fullmatch(place.environment.name)
            ):
                group.managed.setdefault(place.environment.name)
    return sorted(groups.values(), key=_urgency)


def _urgency(item: Upgrade) -> tuple[t.Any, ...]:
    return min(map(rank, item.ends.values()))[:2], -len(item.hosts), item.package, item.fix


def _name(package: Package) -> str:
    return names.normalize(package.name) if package.kind == "pypi" else package.name


def hosts_of(places: t.Iterable[Placed], most: int) -> str:
    """Names of the first hosts, and how many there are beyond."""
    hosts = list(dict.fromkeys(place.host for place in places))
    return ", ".join(hosts[:most]) + (f" and {len(hosts) - most} more" if len(hosts) > most else "")
