# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""The audit of a whole fleet as every output reads it: hosts, their environments, packages, and what is wrong."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

# The worst first. What no source rates may be anything, so it stands before what is known to be harmless.
SEVERITIES = ("critical", "high", "medium", "unknown", "low")


@dataclass(frozen=True)
class Flaw:
    """A vulnerability under its preferred id. ``score`` is the CVSS base score, None where no source gives one."""

    id: str
    aliases: tuple[str, ...] = ()
    severity: str = "unknown"
    score: float | None = None
    vector: str = ""
    summary: str = ""
    url: str = ""
    published: str = ""


@dataclass(frozen=True)
class Package:
    """What is installed. ``needs`` are the normalised names of what it requires here; ``fix`` is the smallest version
    without a known flaw, ``latest`` the newest one where that is newer, ``yanked`` why it was withdrawn."""

    name: str
    version: str
    kind: str = "pypi"
    needs: tuple[str, ...] = ()
    licence: str = ""
    origin: str = ""
    fix: str = ""
    latest: str = ""
    yanked: str = ""


@dataclass(frozen=True)
class Finding:
    """A flaw of a package in an environment. ``path`` leads from what was asked for to the package, ``ignored`` is why
    the policy lets it pass."""

    package: Package
    flaw: Flaw
    fixed: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    ignored: str = ""


@dataclass(frozen=True)
class Problem:
    """Anything else that is wrong: C(kind) is a stable word such as C(broken_requirement)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Environment:
    """One thing that was audited on a host; ``failed`` says why it could not be."""

    host: str
    name: str
    path: str
    kind: str
    python: str = ""
    packages: tuple[Package, ...] = ()
    requested: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    failed: str = ""

    def open_findings(self) -> t.Iterator[Finding]:
        return (item for item in self.findings if not item.ignored)


@dataclass(frozen=True)
class Host:
    """``failed`` says why nothing is known of it."""

    name: str
    environments: tuple[Environment, ...] = ()
    failed: str = ""


@dataclass(frozen=True)
class Database:
    """Where the advisories came from, of what time they are, and how old that was when the audit was made."""

    source: str
    date: str = ""
    age_days: int | None = None
    advisories: int | None = None


@dataclass(frozen=True)
class Fleet:
    """``reasons`` are the sentences in which the policy is not met; ``judged`` says that there was a policy."""

    made: str
    hosts: tuple[Host, ...]
    databases: tuple[Database, ...] = ()
    reasons: tuple[str, ...] = ()
    judged: bool = False
    notes: tuple[str, ...] = ()
    index_asked: bool = False
    title: str = "Audit of the fleet"

    def environments(self) -> t.Iterator[Environment]:
        for host in self.hosts:
            yield from host.environments


def rank(flaw: Flaw) -> tuple[int, float, str]:
    """A key that sorts the worst first."""
    return SEVERITIES.index(flaw.severity), -(flaw.score or 0.0), flaw.id


def tool() -> str:
    """The name and version under which outputs are made."""
    return f"gpufleet.mlstack {VERSION}"


VERSION = "0.1.0"
