# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit of one host says, and the plain data that a task returns and that outputs read.

``HostAudit.plain()`` is the result of the task: lists, dictionaries, texts and numbers alone, with ``schema`` 1.
"""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field, fields

SCHEMA = 1
# The worst first. What no source rates may be anything, so it stands before what is known to be harmless.
SEVERITIES = ("critical", "high", "medium", "unknown", "low")

Plain = dict[str, t.Any]


@dataclass(frozen=True)
class Flaw:
    """A vulnerability under its preferred id. ``score`` is the CVSS base score, None where no source gives one;
    ``severity`` is one of SEVERITIES. ``malware`` says that the package was made to do harm: that is critical."""

    id: str
    aliases: tuple[str, ...] = ()
    severity: str = "unknown"
    score: float | None = None
    vector: str = ""
    summary: str = ""
    url: str = ""
    published: str = ""
    modified: str = ""
    malware: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """All names that it has, the preferred one first."""
        return (self.id, *self.aliases)

    @property
    def word(self) -> str:
        """How bad it is, as people are told."""
        return "malware" if self.malware else self.severity


def worst_first(flaw: Flaw) -> tuple[bool, int, float, str]:
    """A key that sorts the worst first, malware before everything else."""
    return not flaw.malware, SEVERITIES.index(flaw.severity), -(flaw.score or 0.0), flaw.id


@dataclass(frozen=True)
class Package:
    """What is installed, or pinned in a file.

    ``kind`` is C(pypi), C(conda), C(nvidia), or C(deb) or C(rpm) for a package of the distribution ``system``, which
    was made from ``source`` and brings the Python packages ``provides``. ``needs`` are the normalised names of what it
    requires here, ``requested`` says that somebody asked for it by name, ``origin`` where it came from as far as that
    is recorded: a URL without credentials, or a conda channel. ``status`` is C(matched) where advisories of its name
    are known, C(no_advisory) where none are, C(unknown) where nobody could tell; ``why`` says why not, or how far the
    others may be trusted.
    ``fix`` is the smallest version with the fewest and least severe flaws, none as a rule, ``left`` the ids of those
    that it has, ``latest`` the newest one where that is newer, ``yanked`` why it was withdrawn from the index.
    """

    name: str
    version: str
    kind: str = "pypi"
    needs: tuple[str, ...] = ()
    requested: bool = False
    licence: str = ""
    origin: str = ""
    installer: str = ""
    status: str = "no_advisory"
    why: str = ""
    fix: str = ""
    latest: str = ""
    yanked: str = ""
    left: tuple[str, ...] = ()
    system: str = ""
    source: str = ""
    provides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A flaw of a package in an environment. ``fixed`` are the versions that end it, the smallest first, ``path``
    leads from what was asked for to the package, ``ignored`` is why the policy lets it pass."""

    package: str
    version: str
    flaw: Flaw
    fixed: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    ignored: str = ""


@dataclass(frozen=True)
class Problem:
    """Anything else that is wrong. ``kind`` is a stable word: see docs/audit.md for all of them."""

    kind: str
    text: str
    package: str = ""
    ignored: str = ""


@dataclass(frozen=True)
class Environment:
    """One thing that was audited.

    ``kind`` is C(venv), C(system), C(conda), C(file) or C(os); ``generation`` its id where it is one of this
    collection, and ``in_use`` whether people get it. ``failed`` says why it could not be audited.
    """

    name: str
    path: str
    kind: str
    python: str = ""
    generation: str = ""
    in_use: bool = True
    packages: tuple[Package, ...] = ()
    findings: tuple[Finding, ...] = ()
    problems: tuple[Problem, ...] = ()
    failed: str = ""


@dataclass(frozen=True)
class DatabaseInfo:
    """Where advisories came from. ``date`` is that of the newest advisory in it, or when a service answered (ISO 8601,
    UTC); ``age_days`` is how old that was at the audit, None where no advisory tells its date. ``unanswered`` counts
    the packages of which a service did not tell everything, ``skipped`` the records of a mirror that could not be read,
    or not in whole."""

    source: str
    kind: str = ""
    date: str = ""
    age_days: int | None = None
    advisories: int | None = None
    unanswered: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Verdict:
    """What the policy says. ``reasons`` are the sentences in which it is not met; empty means that it is.

    ``judged`` says that there was a policy at all.
    """

    judged: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostAudit:
    """All that the audit of one host says. ``ignores_used`` are the policy's entries of C(ignore) that cover something
    here, ``ignores_unused`` those that are for this host and cover nothing. ``system_databases`` are those that the
    packages of its distribution were judged by."""

    environments: tuple[Environment, ...] = ()
    database: DatabaseInfo | None = None
    verdict: Verdict = field(default_factory=Verdict)
    notes: tuple[str, ...] = ()
    index_asked: bool = False
    ignores_used: tuple[str, ...] = ()
    ignores_unused: tuple[str, ...] = ()
    system_databases: tuple[DatabaseInfo, ...] = ()

    @property
    def databases(self) -> tuple[DatabaseInfo, ...]:
        """All that something was judged by."""
        return (*((self.database,) if self.database else ()), *self.system_databases)

    def plain(self) -> Plain:
        """The task's result: ``schema``, ``environments``, ``database``, ``verdict``, ``notes``, ``index_asked`` and
        the ``summary``, which counts findings that are not ignored by severity, and everything else."""
        return {"schema": SCHEMA, **_plain(asdict(self)), "summary": self.summary()}

    @property
    def has_malware(self) -> bool:
        """Whether malware was found that nobody ignores."""
        return any(one.flaw.malware and not one.ignored for item in self.environments for one in item.findings)

    def summary(self) -> dict[str, int]:
        flaws = [finding.flaw for item in self.environments for finding in item.findings if not finding.ignored]
        counts = {severity: sum(flaw.severity == severity for flaw in flaws) for severity in SEVERITIES}
        ignored = sum(bool(finding.ignored) for item in self.environments for finding in item.findings)
        problems = sum(not problem.ignored for item in self.environments for problem in item.problems)
        return {
            **counts,
            "findings": len(flaws),
            "ignored": ignored,
            "problems": problems,
            "environments": len(self.environments),
            "packages": sum(len(item.packages) for item in self.environments),
            "malware": sum(flaw.malware for flaw in flaws),
            "unknown_packages": sum(one.status == "unknown" for item in self.environments for one in item.packages),
        }


def from_plain(data: t.Mapping[str, t.Any]) -> HostAudit:
    """The audit that a task's result tells. Raises ValueError for a result of another schema."""
    if data.get("schema") != SCHEMA:
        raise ValueError(f"the result has schema {data.get('schema')!r}, and this release reads {SCHEMA}")
    return HostAudit(
        environments=tuple(_environment(item) for item in data.get("environments", ())),
        database=_made(DatabaseInfo, data["database"]) if data.get("database") else None,
        verdict=_made(Verdict, data.get("verdict") or {}),
        notes=tuple(data.get("notes", ())),
        index_asked=bool(data.get("index_asked", False)),
        ignores_used=tuple(data.get("ignores_used", ())),
        ignores_unused=tuple(data.get("ignores_unused", ())),
        system_databases=tuple(_made(DatabaseInfo, item) for item in data.get("system_databases", ())),
    )


def _environment(data: t.Mapping[str, t.Any]) -> Environment:
    findings = [_made(Finding, {**item, "flaw": _made(Flaw, item["flaw"])}) for item in data.get("findings", ())]
    made: Environment = _made(
        Environment,
        {
            **data,
            "packages": [_made(Package, item) for item in data.get("packages", ())],
            "findings": findings,
            "problems": [_made(Problem, item) for item in data.get("problems", ())],
        },
    )
    return made


def _made(kind: t.Any, data: t.Mapping[str, t.Any]) -> t.Any:
    known = {item.name for item in fields(kind)}
    return kind(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key in known}
    )


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
