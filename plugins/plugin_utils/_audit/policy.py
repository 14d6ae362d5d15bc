# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy lets pass and what it does not. Pure: an audit and a day in, an audit and a verdict out."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase

from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.arguments import PROBLEMS
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import advisories
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import (
    DatabaseInfo,
    Environment,
    Finding,
    Flaw,
    Package,
    Problem,
    Verdict,
)

# What nobody could tell of is not safe.
UNKNOWN = (
    "broken_metadata",
    "no_advisories",
    "not_answered",
    "not_audited",
    "undecided",
    "unknown_package",
    "unpinned",
)
_LEVELS = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Ignore:
    """Something that may pass until a day. ``id`` and ``package`` must both fit where both are given."""

    reason: str
    expires: date
    id: str = ""
    package: str = ""
    groups: frozenset[str] = frozenset()

    def names(self, flaw: Flaw) -> bool:
        """Whether it names this malware, which nothing else lets pass: no package's name, and no alias of its id."""
        malicious = [item for item in flaw.ids if advisories.is_malware((item,))]
        return bool(self.id) and self.id.upper() in {item.upper() for item in malicious or flaw.ids}

    def covers(self, ids: t.Collection[str], package: str) -> bool:
        return (not self.id or self.id.upper() in {item.upper() for item in ids}) and (
            not self.package or self.package == package
        )

    def __str__(self) -> str:
        return " of ".join(part for part in (self.id, self.package) if part)


@dataclass(frozen=True)
class Policy:
    """``max_age_days`` is None where any age passes; ``fail_on`` a severity, or empty."""

    fail_on: str = ""
    fail_on_unknown: bool = False
    max_age_days: int | None = None
    fail_on_problems: frozenset[str] = frozenset()
    ignore: tuple[Ignore, ...] = ()
    allow_licences: tuple[str, ...] = ()
    deny_licences: tuple[str, ...] = ()
    trusted_origins: tuple[str, ...] = ()


def read(option: t.Mapping[str, t.Any]) -> Policy:
    """The policy of a task's validated arguments. Raises InvalidArguments."""
    problems = {kind.lower() for kind in option.get("fail_on_problems") or ()}
    unknown = problems - set(PROBLEMS) - {"all"}
    if unknown:
        raise _invalid(f"no problem is called {', '.join(sorted(unknown))}", f"use {', '.join(PROBLEMS)} or all")
    return Policy(
        fail_on=option.get("fail_on") or "",
        fail_on_unknown=bool(option.get("fail_on_unknown")),
        max_age_days=option.get("max_age_days"),
        fail_on_problems=frozenset(PROBLEMS) if "all" in problems else frozenset(problems),
        ignore=tuple(_ignore(item) for item in option.get("ignore") or ()),
        allow_licences=tuple(option.get("allow_licences") or ()),
        deny_licences=tuple(option.get("deny_licences") or ()),
        trusted_origins=tuple(option.get("trusted_origins") or ()),
    )


def _ignore(item: t.Mapping[str, t.Any]) -> Ignore:
    identifier, package = item.get("id") or "", item.get("package") or ""
    if not identifier and not package:
        raise _invalid("an entry of ignore without id and package", "say what it is about")
    if not str(item["reason"]).strip():
        raise _invalid(f"no reason to ignore {identifier or package}", "write down why it may pass")
    try:
        expires = date.fromisoformat(str(item["expires"]))
    except ValueError:
        raise _invalid(
            f"{item['expires']!r} as the day until which {identifier or package} is ignored", "write it as YYYY-MM-DD"
        ) from None
    groups = frozenset(item.get("groups") or ())
    return Ignore(str(item["reason"]).strip(), expires, identifier, names.normalize(package), groups)


def _invalid(found: str, to_fix: str) -> InvalidArguments:
    return InvalidArguments("policy_invalid", wanted="judge an audit by a policy", found=found, to_fix=to_fix)


def origin_problems(policy: Policy, item: Environment, indexes: t.Iterable[str] = ()) -> t.Iterator[Problem]:
    """Where packages came from, or a file would take them from, that is not trusted. An index is told of once."""
    if not policy.trusted_origins:
        return
    indexes = tuple(indexes)
    for package in item.packages:
        if package.origin and package.origin not in indexes and not _trusted(policy, package.origin):
            yield Problem(
                "untrusted_origin", f"{package.name} {package.version} is from {package.origin}", package.name
            )
    for index in indexes:
        if not _trusted(policy, index):
            what = "names the index or channel" if item.kind == "file" else "was built from"
            yield Problem("untrusted_origin", f"{item.path} {what} {index}")


def _trusted(policy: Policy, origin: str) -> bool:
    bare = origin.partition("+")[2] if origin.startswith(("git+", "hg+", "svn+", "bzr+")) else origin
    # 'https://index.example' must not cover 'https://index.example.net'.
    return any(
        bare == trusted or bare.startswith(trusted if trusted.endswith("/") else f"{trusted}/")
        for trusted in policy.trusted_origins
    )


def licence_problems(policy: Policy, packages: t.Iterable[Package]) -> t.Iterator[Problem]:
    """Packages whose licence is denied, or not among those allowed. Patterns are compared without regard to case."""
    for item in packages:
        licence = item.licence.lower()
        if any(fnmatchcase(licence, pattern.lower()) for pattern in policy.deny_licences):
            yield Problem("licence_denied", f"{item.name} {item.version} has the licence {item.licence}", item.name)
        elif policy.allow_licences and not any(
            fnmatchcase(licence, pattern.lower()) for pattern in policy.allow_licences
        ):
            told = f"the licence {item.licence}, which is not allowed" if licence else "no licence that it tells"
            yield Problem("licence_denied", f"{item.name} {item.version} has {told}", item.name)


def judge(
    policy: Policy,
    environments: t.Iterable[Environment],
    databases: t.Iterable[DatabaseInfo],
    groups: t.Collection[str],
    today: date,
) -> tuple[tuple[Environment, ...], Verdict]:
    """Mark what is ignored, and say in which sentences the policy is not met. Those about malware come first."""
    ignores = [item for item in policy.ignore if not item.groups or item.groups & set(groups)]
    valid = [item for item in ignores if today <= item.expires]
    expired = [item for item in ignores if today > item.expires]
    judged = tuple(_marked(item, valid) for item in environments)
    reasons = malware_reasons(judged)
    reasons += [
        f"the reason to ignore {item} ended on {item.expires}: {item.reason}; decide anew, or take the entry away"
        for item in expired
    ]
    reasons += [reason for item in databases for reason in _age(policy, item)]
    for item in judged:
        title = _title(item)
        if item.failed:
            reasons.append(f"{title} could not be audited: {item.failed}")
        reasons += [f"{title}: {_sentence(finding)}" for finding in item.findings if _fails(policy, finding)]
        kinds = {*policy.fail_on_problems, *(UNKNOWN if policy.fail_on_unknown else ())}
        reasons += [
            f"{title}: {problem.text}" for problem in item.problems if problem.kind in kinds and not problem.ignored
        ]
    return judged, Verdict(True, tuple(dict.fromkeys(reasons)))


def malware_reasons(environments: t.Iterable[Environment]) -> list[str]:
    """The sentences about malware that nobody ignores: it fails whatever a policy says, and without one."""
    return [
        f"{_title(item)}: {_sentence(finding)}"
        for item in environments
        for finding in item.findings
        if finding.flaw.malware and not finding.ignored
    ]


def _title(item: Environment) -> str:
    return f"{item.name} ({item.generation})" if item.generation and not item.in_use else item.name


def uses(
    policy: Policy, environments: t.Sequence[Environment], groups: t.Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The entries of C(ignore) for a host of these groups that cover something, and those that cover nothing: a
    mistyped id, or a flaw that is gone."""
    used: list[str] = []
    unused: list[str] = []
    for item in policy.ignore:
        if item.groups and not item.groups & set(groups):
            continue
        covers = any(
            _passing([item], finding.flaw) and item.covers(finding.flaw.ids, names.normalize(finding.package))
            for one in environments
            for finding in one.findings
        ) or any(
            item.covers((problem.kind,), names.normalize(problem.package))
            for one in environments
            for problem in one.problems
        )
        (used if covers else unused).append(str(item))
    return tuple(used), tuple(unused)


def _age(policy: Policy, database: DatabaseInfo) -> list[str]:
    most = policy.max_age_days
    if most is None:
        return []
    if database.age_days is None:
        return [f"nothing says how old the advisories of {database.source} are, and {most} days are the most"]
    if database.age_days <= most:
        return []
    return [
        f"the newest advisory of {database.source} is {database.age_days} days old, and {most} are the most;"
        " fetch the mirror again"
    ]


def _fails(policy: Policy, finding: Finding) -> bool:
    if finding.ignored:
        return False
    severity = finding.flaw.severity
    if severity == "unknown":
        return policy.fail_on_unknown
    return bool(policy.fail_on) and _LEVELS.index(severity) >= _LEVELS.index(policy.fail_on)


def _sentence(finding: Finding) -> str:
    flaw = finding.flaw
    if flaw.malware:
        what = f"{finding.package} {finding.version} is malware: {flaw.id}"
        return f"{what}; take it out, and hold every secret on its hosts for stolen"
    rated = f"{flaw.severity}, {flaw.score}" if flaw.score is not None else f"severity {flaw.severity}"
    end = f"{finding.fixed[0]} ends it" if finding.fixed else "no version that ends it is known"
    return f"{finding.package} {finding.version} has {flaw.id} ({rated}); {end}"


def _marked(item: Environment, ignores: list[Ignore]) -> Environment:
    findings = tuple(
        replace(
            finding,
            ignored=_reason(_passing(ignores, finding.flaw), finding.flaw.ids, names.normalize(finding.package)),
        )
        for finding in item.findings
    )
    problems = tuple(
        replace(problem, ignored=_reason(ignores, (problem.kind,), names.normalize(problem.package)))
        for problem in item.problems
    )
    return replace(item, findings=findings, problems=problems)


def _passing(ignores: list[Ignore], flaw: Flaw) -> list[Ignore]:
    return [item for item in ignores if item.names(flaw)] if flaw.malware else ignores


def _reason(ignores: list[Ignore], ids: t.Collection[str], package: str) -> str:
    return next((f"{item.reason} (until {item.expires})" for item in ignores if item.covers(ids, package)), "")
