# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advisories in the OSV format, as far as they concern Python packages, or those of distributions.

Source: the OSV schema, U(https://ossf.github.io/osv-schema/). Records are data of strangers: whatever they hold, the
outcome is an Advisory, None, or BadAdvisory.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import distributions, severity

ECOSYSTEM = "PyPI"
# Embedded malicious code, in the words of MITRE's list of weaknesses.
MALICIOUS = "CWE-506"
EVENTS = ("introduced", "fixed", "last_affected", "limit")
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_ADVISORY_PAGE = "https://osv.dev/vulnerability/"


class BadAdvisory(ValueError):
    """The record is not in the OSV format; the text says where."""


@dataclass(frozen=True)
class Affected:
    """The versions of one package that an advisory is about: those listed, and those in a range.

    A range is its events in the order as written: (C(introduced), C(fixed), C(last_affected) or C(limit), version).
    ``fixed`` are versions known to be without the flaw beside those of the ranges: some services tell no range.
    ``covers`` are the flaws of the advisory that the package has, where they are not the same for all packages.
    """

    package: str  # a normalised name of Python's index, or one as distributions.key() has it
    versions: tuple[str, ...] = ()
    ranges: tuple[tuple[tuple[str, str], ...], ...] = ()
    fixed: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advisory:
    """One record. ``severity`` is a word of model.SEVERITIES; ``score`` and ``vector`` are CVSS where it has one.
    ``malware`` says that it is about code made to do harm, not about a mistake. Dates are C(YYYY-MM-DDTHH:MM:SSZ) or
    empty. ``covers`` are the flaws that one notice of a distribution is about, where they are several. ``odd`` says
    what of the record could not be used."""

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
    affected: tuple[Affected, ...] = ()
    odd: str = ""
    covers: tuple[str, ...] = ()


def read(record: t.Any, *, system: bool = False) -> Advisory | None:
    """The advisory that a record tells; None where it was withdrawn or is about nothing in Python's index, or with
    ``system`` about no package of a distribution. Raises BadAdvisory."""
    if not isinstance(record, dict):
        raise BadAdvisory("it is not a JSON object")
    identifier = _text(record, "id")
    if not identifier:
        raise BadAdvisory("it has no id")
    if is_withdrawn(record):
        return None
    odd: list[str] = []
    _date(record, "withdrawn", odd)  # what is no date takes nothing back
    affected = tuple(_merged(_sound(_list(record, "affected"), odd, _of_system if system else _affected)))
    if not affected:
        if odd:
            raise BadAdvisory(odd[0])
        return None
    rated = severity.of_record(record)
    aliases = [alias for alias in _list(record, "aliases") if isinstance(alias, str) and alias != identifier]
    covers = _of_notice(record, aliases) if system else ()
    if len(covers) == 1:
        aliases, covers = [*aliases, *covers], ()
    elif covers:
        aliases = [alias for alias in aliases if alias not in covers]
    return Advisory(
        id=identifier,
        aliases=tuple(dict.fromkeys(aliases)),
        severity=rated.level,
        score=rated.score,
        vector=rated.vector,
        summary=_summary(record),
        url=_url(record, identifier),
        published=_date(record, "published", odd),
        modified=_date(record, "modified", odd),
        malware=is_malware((identifier, *aliases)) or _is_malicious(record),
        affected=affected,
        odd="; ".join(odd),
        covers=covers,
    )


def is_withdrawn(record: t.Mapping[str, t.Any]) -> bool:
    """Whether its makers took it back: a time says so, and nothing else does."""
    return bool(_date(record, "withdrawn", []))


def _of_notice(record: t.Mapping[str, t.Any], aliases: t.Sequence[str]) -> tuple[str, ...]:
    """The CVEs that a distribution's notice is about, wherever it writes them: AlmaLinux among what is related."""
    told = (*aliases, *_list(record, "upstream"), *_list(record, "related"))
    return tuple(dict.fromkeys(item for item in told if isinstance(item, str) and item.startswith("CVE-")))


def _sound(
    items: list[t.Any], odd: list[str], read_one: t.Callable[[t.Any], Affected | None]
) -> t.Iterator[Affected | None]:
    """What can be read of the packages; of the others ``odd`` tells."""
    for item in items:
        try:
            yield read_one(item)
        except BadAdvisory as exc:
            odd.append(str(exc))


def _date(record: t.Mapping[str, t.Any], key: str, odd: list[str]) -> str:
    """An RFC 3339 time to the second; empty, and odd, where it is none."""
    value = record.get(key)
    if value is None:
        return ""
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    try:
        time = datetime.strptime(match.group(1), "%Y-%m-%dT%H:%M:%S") if match else None
    except ValueError:
        time = None
    if time is None:
        odd.append(f"{key} is {str(value)[:40]!r}, which is no date")
        return ""
    return f"{time.isoformat()}Z"


def is_malware(ids: t.Iterable[str]) -> bool:
    """Whether one of the ids is of the database of malicious packages."""
    return any(item.upper().startswith("MAL-") for item in ids)


def _is_malicious(record: t.Mapping[str, t.Any]) -> bool:
    """Whether a record names the weakness: GitHub's have C(cwe_ids), those of malicious packages C(cwes)."""
    for holder in (record, *_list(record, "affected")):
        specific = holder.get("database_specific") if isinstance(holder, dict) else None
        if isinstance(specific, dict):
            found = [item for key in ("cwe_ids", "cwes") for item in _listed(specific.get(key))]
            if any((item.get("cweId") if isinstance(item, dict) else item) == MALICIOUS for item in found):
                return True
    return False


def _listed(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else []


def _affected(item: t.Any) -> Affected | None:
    package = _package(item)
    # 'PyPI:suffix' would be another index of the same ecosystem.
    ecosystem = package.get("ecosystem")
    if not package or (ecosystem and not _is_ours(ecosystem)):
        return None
    if not ecosystem:
        raise BadAdvisory("it affects a package of no ecosystem")
    name = package.get("name")
    if not isinstance(name, str) or not names.is_valid(name):
        raise BadAdvisory(f"it affects a package named {name!r}")
    return _with_versions(item, names.normalize(name))


def _of_system(item: t.Any) -> Affected | None:
    package = _package(item)
    release = distributions.release_of(str(package.get("ecosystem", "")))
    if not release:
        return None
    name = package.get("name")
    if not isinstance(name, str) or not distributions.is_name(name):
        raise BadAdvisory(f"it affects a package named {name!r}")
    return _with_versions(item, distributions.key(release, name))


def _package(item: t.Any) -> dict[str, t.Any]:
    if not isinstance(item, dict):
        raise BadAdvisory("an entry of affected is not an object")
    package = item.get("package")
    return package if isinstance(package, dict) else {}


def _with_versions(item: dict[str, t.Any], name: str) -> Affected:
    versions = [str(version) for version in _list(item, "versions") if isinstance(version, (str, int, float))]
    ranges = [found for found in map(_range, _list(item, "ranges")) if found]
    return Affected(name, tuple(versions), tuple(ranges))


def _is_ours(ecosystem: t.Any) -> bool:
    """However it is spelled: a record that is not read is a flaw that nobody sees."""
    return str(ecosystem).partition(":")[0].strip().casefold() == ECOSYSTEM.casefold()


def _range(item: t.Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(item, dict):
        raise BadAdvisory("a range is not an object")
    if str(item.get("type")).upper() == "GIT":  # it speaks of commits; others of versions, whatever they are called
        return ()
    events = []
    for event in _list(item, "events"):
        if not isinstance(event, dict):
            raise BadAdvisory("an event is not an object")
        events += [(kind, str(event[kind])) for kind in EVENTS if kind in event]
    return tuple(events)


def _merged(items: t.Iterable[Affected | None]) -> t.Iterator[Affected]:
    """One entry per package: GitHub's records have one per range."""
    by_package: dict[str, Affected] = {}
    for item in items:
        if item is None:
            continue
        known = by_package.get(item.package, Affected(item.package))
        by_package[item.package] = Affected(
            item.package,
            tuple(dict.fromkeys(known.versions + item.versions)),
            tuple(dict.fromkeys(known.ranges + item.ranges)),
        )
    yield from by_package.values()


def _summary(record: t.Mapping[str, t.Any]) -> str:
    summary = _text(record, "summary") or _text(record, "details").strip().partition("\n")[0]
    summary = " ".join(summary.split())
    return summary if len(summary) <= 240 else f"{summary[:239].rstrip()}…"


def _url(record: t.Mapping[str, t.Any], identifier: str) -> str:
    for reference in _list(record, "references"):
        if isinstance(reference, dict) and reference.get("type") == "ADVISORY":
            url = str(reference.get("url", ""))
            if url.startswith(("https://", "http://")) and identifier in url:
                return url
    return f"{_ADVISORY_PAGE}{identifier}"


def _text(record: t.Mapping[str, t.Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""


def _list(record: t.Mapping[str, t.Any], key: str) -> list[t.Any]:
    value = record.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadAdvisory(f"{key} is not a list")
    return value
