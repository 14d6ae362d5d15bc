# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audits of all hosts together, as every output reads them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import (
    DatabaseInfo,
    Environment,
    Finding,
    Flaw,
    HostAudit,
    Package,
    Problem,
    from_plain,
    worst_first,
)

VERSION = "0.1.0"
TOOL = f"gpufleet.mlstack {VERSION}"


@dataclass(frozen=True)
class Host:
    """One host; ``failed`` says why nothing is known of it."""

    name: str
    audit: HostAudit = field(default_factory=HostAudit)
    failed: str = ""


@dataclass(frozen=True)
class Placed:
    """An environment and the host it stands on."""

    host: str
    environment: Environment

    @property
    def path(self) -> str:
        """Where it stands, and which one: a kept generation shares its link with the one in use."""
        item = self.environment
        return item.path if item.in_use or not item.generation else f"{item.path}@{item.generation}"

    def found(self) -> list[tuple[Finding, Package]]:
        """The findings, the worst first and ignored ones last, each with the package that has the flaw."""
        here = {(item.name, item.version): item for item in self.environment.packages}
        pairs = [
            (finding, here.get((finding.package, finding.version)) or Package(finding.package, finding.version))
            for finding in self.environment.findings
        ]
        return sorted(pairs, key=lambda pair: (bool(pair[0].ignored), rank(pair[0].flaw), pair[0].package))

    @property
    def has_malware(self) -> bool:
        return any(flaw.malware for flaw in self.open_flaws())

    def open_flaws(self) -> set[Flaw]:
        return {item.flaw for item in self.environment.findings if not item.ignored}

    def open_problems(self) -> list[Problem]:
        return [item for item in self.environment.problems if not item.ignored]


@dataclass(frozen=True)
class Fleet:
    """``made`` is the time of the audit (ISO 8601, UTC)."""

    made: str
    hosts: tuple[Host, ...] = ()
    title: str = "Audit of the fleet"

    def environments(self) -> t.Iterator[Placed]:
        return (Placed(host.name, item) for host in self.hosts for item in host.audit.environments)

    def databases(self) -> list[DatabaseInfo]:
        """Every source that some host was matched with, once, as of the oldest of its dates: a service answers about
        each package when it is asked."""
        found: dict[str, DatabaseInfo] = {}
        for host in self.hosts:
            for item in host.audit.databases:
                if item.source not in found or item.date < found[item.source].date:
                    found[item.source] = item
        return list(found.values())

    def reasons(self) -> list[str]:
        """The sentences in which the policy is not met, with the host each is about; hosts with malware come first."""
        hosts = sorted(self.hosts, key=lambda host: not host.audit.has_malware)
        return [f"{host.name}: {reason}" for host in hosts for reason in host.audit.verdict.reasons]

    @property
    def judged(self) -> bool:
        return any(host.audit.verdict.judged for host in self.hosts)

    @property
    def index_asked(self) -> bool:
        return any(host.audit.index_asked for host in self.hosts)

    def notes(self) -> list[str]:
        """What the audits remark, once, however many hosts it is about."""
        told = dict.fromkeys(note for host in self.hosts for note in host.audit.notes)
        return [*told, *self._idle()]

    def _idle(self) -> t.Iterator[str]:
        """Entries of the policy's C(ignore) that cover nothing on any host."""
        used = {item for host in self.hosts for item in host.audit.ignores_used}
        unused = dict.fromkeys(item for host in self.hosts for item in host.audit.ignores_unused)
        for item in unused:
            if item not in used:
                yield f"The entry {item} of the policy's 'ignore' covers nothing: it is mistyped, or no longer needed."

    def unheard(self) -> list[tuple[str, str]]:
        """What could not be audited, and why: whole hosts first."""
        hosts = [(host.name, host.failed) for host in self.hosts if host.failed]
        items = [(f"{one.host}: {one.path}", one.environment.failed) for one in self.environments()]
        return hosts + [(what, why) for what, why in items if why]


rank = worst_first


def from_results(results: t.Mapping[str, t.Any], made: str, title: str) -> Fleet:
    """The fleet of the results of dep_audit, by host. A host without a result that can be read is there as unheard.

    What many hosts have in common is kept once, so that memory grows with distinct packages.
    """
    packages: dict[Package, Package] = {}
    findings: dict[Finding, Finding] = {}
    hosts = []
    for name in sorted(results):
        try:
            audit = from_plain(results[name])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            hosts.append(Host(name, failed=_why(results[name], error)))
            continue
        environments = tuple(
            replace(
                item,
                packages=tuple(packages.setdefault(one, one) for one in item.packages),
                findings=tuple(findings.setdefault(one, one) for one in item.findings),
            )
            for item in audit.environments
        )
        hosts.append(Host(name, replace(audit, environments=environments)))
    return Fleet(made, tuple(hosts), title)


def _why(result: t.Any, error: Exception) -> str:
    if isinstance(result, t.Mapping) and result.get("msg"):
        return str(result["msg"])
    if isinstance(result, t.Mapping) and "schema" in result:
        return f"its result cannot be read: {error}"
    return "it was not asked, or did not answer"
