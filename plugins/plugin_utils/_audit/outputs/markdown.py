# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Markdown for a merge request, a chat or an issue: the verdict, the flaws with the worst first, the hosts."""

from __future__ import annotations

import html
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import SEVERITIES, Flaw, Package
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import (
    TOOL,
    Fleet,
    rank,
)

_MOST_HOSTS = 50  # of one table; the page has them all


def render(fleet: Fleet) -> str:
    """The text of the file."""
    lines = [f"# {_text(fleet.title)}", "", f"{fleet.made[:16].replace('T', ' ')} UTC, {TOOL}.", ""]
    lines += [f"Advisories: {_text(one.source)}, {_age(one.date, one.age_days)}." for one in fleet.databases()]
    lines += ["", *_verdict(fleet), "", *_counts(fleet), ""]
    lines += [f"> {_text(note)}" for note in fleet.notes()]
    lines += _flaws(fleet) + _problems(fleet) + _hosts(fleet)
    lines += ["", "What is not listed is not proven safe: it is only in no advisory of the source above.", ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _age(date: str, days: int | None) -> str:
    return "of an unknown date" if days is None else f"{date[:10]}, {days} days old when asked"


def _verdict(fleet: Fleet) -> list[str]:
    reasons = fleet.reasons()
    if reasons:
        return ["**The policy is not met.**", "", *(f"- {_text(reason)}" for reason in reasons)]
    return ["**The policy is met.**"] if fleet.judged else []


def _counts(fleet: Fleet) -> list[str]:
    where = [(one.host, one.open_flaws()) for one in fleet.environments()]
    flaws = {flaw for _host, found in where for flaw in found}
    numbers = {name: sum(flaw.severity == name for flaw in flaws) for name in SEVERITIES}
    affected = len({host for host, found in where if found})
    told = ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or "none known"
    return [f"{len(fleet.hosts)} hosts, {affected} with a known flaw. Flaws: {told}."]


def _flaws(fleet: Fleet) -> list[str]:
    found: dict[Flaw, list[Package]] = {}
    where: dict[Flaw, set[str]] = {}
    for one in fleet.environments():
        for finding, package in one.found():
            if not finding.ignored:
                found.setdefault(finding.flaw, []).append(package)
                where.setdefault(finding.flaw, set()).add(one.host)
    rows = []
    for flaw in sorted(found, key=rank):
        packages = sorted({f"{item.name} {item.version}" for item in found[flaw]})
        fixes = sorted({item.fix or "no fix known" for item in found[flaw]})
        score = f" {flaw.score:.1f}" if flaw.score is not None else ""
        name = f"[{_text(flaw.id)}]({flaw.url})" if re.fullmatch(r"https://[^\s()<>|]+", flaw.url) else _text(flaw.id)
        rows.append((name, f"{flaw.word}{score}", _listed(packages), _listed(fixes), str(len(where[flaw]))))
    return _table("Flaws", ("flaw", "severity", "installed", "update to", "hosts"), rows)


def _problems(fleet: Fleet) -> list[str]:
    where: dict[tuple[str, str], set[str]] = {}
    for one in fleet.environments():
        for problem in one.open_problems():
            where.setdefault((problem.kind.replace("_", " "), problem.text), set()).add(one.host)
    rows = [(kind, _text(text), str(len(hosts))) for (kind, text), hosts in sorted(where.items())]
    return _table("Other findings", ("kind", "finding", "hosts"), rows)


def _hosts(fleet: Fleet) -> list[str]:
    rows = []
    for host in fleet.hosts:
        flaws = {item.flaw for one in host.audit.environments for item in one.findings if not item.ignored}
        numbers = [sum(flaw.severity == name for flaw in flaws) for name in SEVERITIES]
        failed = host.failed or "; ".join(one.failed for one in host.audit.environments if one.failed)
        rows.append((bool(failed), numbers, host.name, failed))
    rows.sort(key=lambda row: (not row[0], [-number for number in row[1]], row[2]))
    shown = [(_text(name), *map(str, numbers), _text(failed)) for _bad, numbers, name, failed in rows[:_MOST_HOSTS]]
    lines = _table("Hosts", ("host", *SEVERITIES, "not audited"), shown)
    if len(rows) > _MOST_HOSTS:
        lines += ["", f"And {len(rows) - _MOST_HOSTS} hosts more, none of them worse."]
    return lines


def _table(title: str, heads: t.Sequence[str], rows: t.Sequence[t.Sequence[str]]) -> list[str]:
    if not rows:
        return []
    lines = ["", f"## {title}", "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _listed(items: t.Sequence[str]) -> str:
    return ", ".join(map(_text, items[:5])) + (f" and {len(items) - 5} more" if len(items) > 5 else "")


def _text(text: str) -> str:
    """Text that stays text in Markdown, and in the HTML that is made of it."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", escaped)
