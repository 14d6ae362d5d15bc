# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markdown for a merge request, a chat or an issue: the verdict, what to do, the flaws from the worst on, the hosts."""

from __future__ import annotations

import html
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import SEVERITIES
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import grouped
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import TOOL, Fleet
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.grouped import Found, Upgrade

LONGEST = 65_536  # GitHub takes no longer text in an issue or a comment
_MOST = (50, 25, 10, 5, 3, 1)  # rows of one list: as many as there is room for; the page has them all
_LONGEST_CELL = 200


def render(fleet: Fleet) -> str:
    """The text of the file, with as many rows as fit. What is left out is counted."""
    found = grouped.flaws(fleet)
    text = ""
    for most in _MOST:
        text = _rendered(fleet, found, most)
        if len(text.encode()) <= LONGEST:
            break
    return text


def _rendered(fleet: Fleet, found: t.Sequence[Found], most: int) -> str:
    lines = [f"# {_text(fleet.title)}", "", f"{fleet.made[:16].replace('T', ' ')} UTC, {TOOL}.", ""]
    lines += [f"Advisories: {_text(one.source)}, {_age(one.date, one.age_days)}." for one in fleet.databases()[:most]]
    lines += ["", *_verdict(fleet, most), "", *_counts(fleet), ""]
    notes = [f"> {_text(note)}" for note in fleet.notes()]
    lines += _first(notes, most, "> And {} notes more.")
    lines += _upgrades(found, most) + _flaws(found, most) + _problems(fleet, most) + _hosts(fleet, most)
    lines += ["", "What is not listed is not proven safe: it is only in no advisory of the source above.", ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _first(lines: t.Sequence[str], most: int, beyond: str) -> list[str]:
    return [*lines[:most], *([beyond.format(len(lines) - most)] if len(lines) > most else [])]


def _age(date: str, days: int | None) -> str:
    return "of an unknown date" if days is None else f"{date[:10]}, {days} days old when asked"


def _verdict(fleet: Fleet, most: int) -> list[str]:
    """Each reason once, with the hosts that give it; malware first."""
    hosts: dict[str, list[str]] = {}
    for host in sorted(fleet.hosts, key=lambda host: not host.audit.has_malware):
        for reason in host.audit.verdict.reasons:
            hosts.setdefault(reason, []).append(host.name)
    if not hosts:
        return ["**The policy is met.**"] if fleet.judged else []
    lines = [f"- {_listed(names, 3)}: {_text(reason)}" for reason, names in hosts.items()]
    return ["**The policy is not met.**", "", *_first(lines, most, "- And {} reasons more.")]


def _counts(fleet: Fleet) -> list[str]:
    where = [(one.host, one.open_flaws()) for one in fleet.environments()]
    flaws = {flaw for _host, found in where for flaw in found}
    numbers = {name: sum(flaw.severity == name for flaw in flaws) for name in SEVERITIES}
    affected = len({host for host, found in where if found})
    told = ", ".join(f"{number} {name}" for name, number in numbers.items() if number) or "none known"
    return [f"{len(fleet.hosts)} hosts, {affected} with a known flaw. Flaws: {told}."]


def _upgrades(found: t.Iterable[Found], most: int) -> list[str]:
    rows = [
        (
            f"{_text(item.package)} to {_text(item.fix)}",
            _ended(item),
            _listed(list(item.hosts), 3),
            str(len(item.hosts)),
        )
        for item in grouped.upgrades(found)
    ]
    return _table("What to do", ("upgrade", "ends", "on", "hosts"), rows, most)


def _ended(item: Upgrade) -> str:
    return f"{len(item.ends)} {'flaw' if len(item.ends) == 1 else 'flaws'}: {_listed(sorted(item.ends), 3)}"


def _flaws(found: t.Iterable[Found], most: int) -> list[str]:
    flaws: dict[str, list[Found]] = {}
    for item in found:
        if not item.ignored:
            flaws.setdefault(item.flaw.id, []).append(item)
    rows = []
    for items in flaws.values():
        flaw = items[0].flaw
        packages = sorted({f"{item.package.name} {item.package.version}" for item in items})
        fixes = sorted({one.fix or "no fix known" for item in items for one in item.packages})
        score = f" {flaw.score:.1f}" if flaw.score is not None else ""
        name = f"[{_text(flaw.id)}]({flaw.url})" if re.fullmatch(r"https://[^\s()<>|]+", flaw.url) else _text(flaw.id)
        hosts = {place.host for item in items for place in item.places}
        rows.append((name, f"{flaw.word}{score}", _listed(packages), _listed(fixes), str(len(hosts))))
    return _table("Flaws", ("flaw", "severity", "installed", "update to", "hosts"), rows, most)


def _problems(fleet: Fleet, most: int) -> list[str]:
    rows = [
        (item.kind.replace("_", " "), _text(item.text), str(len({place.host for place in item.places})))
        for item in grouped.troubles(fleet)
        if not item.ignored
    ]
    return _table("Other findings", ("kind", "finding", "hosts"), rows, most)


def _hosts(fleet: Fleet, most: int) -> list[str]:
    rows = []
    for host in fleet.hosts:
        flaws = {item.flaw for one in host.audit.environments for item in one.findings if not item.ignored}
        numbers = [sum(flaw.severity == name for flaw in flaws) for name in SEVERITIES]
        failed = host.failed or "; ".join(one.failed for one in host.audit.environments if one.failed)
        rows.append((bool(failed), numbers, host.name, failed))
    rows.sort(key=lambda row: (not row[0], [-number for number in row[1]], row[2]))
    shown = [(_text(name), *map(str, numbers), _text(failed)) for _bad, numbers, name, failed in rows]
    return _table("Hosts", ("host", *SEVERITIES, "not audited"), shown, most)


def _table(title: str, heads: t.Sequence[str], rows: t.Sequence[t.Sequence[str]], most: int) -> list[str]:
    """The worst rows, and how many there are beyond them."""
    if not rows:
        return []
    lines = ["", f"## {title}", "", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows[:most]]
    return lines + (["", f"And {len(rows) - most} more, none of them worse."] if len(rows) > most else [])


def _listed(items: t.Sequence[str], most: int = 5) -> str:
    return ", ".join(map(_text, items[:most])) + (f" and {len(items) - most} more" if len(items) > most else "")


def _text(text: str) -> str:
    """Text that stays text in Markdown, and in the HTML that is made of it. What is very long is cut."""
    plain = " ".join(text.split())
    plain = plain if len(plain) <= _LONGEST_CELL else f"{plain[:_LONGEST_CELL]}..."
    escaped = html.escape(plain, quote=False)
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", escaped)
