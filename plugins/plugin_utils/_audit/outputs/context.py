# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit alone cannot tell: since when a flaw is known here, when it is due, and whether it is being exploited.

The history is a file beside the reports. EPSS (U(https://www.first.org/epss/data_stats)) says how likely it is that a
flaw is exploited in the next 30 days, KEV (U(https://www.cisa.gov/known-exploited-vulnerabilities-catalog)) which ones
are known to be.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import typing as t
from dataclasses import dataclass, field
from datetime import date, timedelta

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import SEVERITIES, Flaw
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import Fleet

HISTORY = "audit-history.json"
_MOST_RUNS = 60
_MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Context:
    """``first_seen`` has by the id of a flaw the day on which an audit found it first, ``days`` by severity in how many
    days it is due, ``epss`` and ``kev`` by CVE how likely it is exploited and until when those must mend it who have to
    follow that list. ``runs`` are the audits before, the oldest first."""

    first_seen: t.Mapping[str, str] = field(default_factory=dict)
    days: t.Mapping[str, int] = field(default_factory=dict)
    epss: t.Mapping[str, float] = field(default_factory=dict)
    kev: t.Mapping[str, str] = field(default_factory=dict)
    runs: tuple[dict[str, t.Any], ...] = ()

    def seen(self, flaw: Flaw) -> str:
        return self.first_seen.get(flaw.id, "")

    def due(self, flaw: Flaw) -> str:
        """The last day on which it should be there; empty where nobody set one."""
        days, seen = self.days.get(flaw.severity), self.seen(flaw)
        return (date.fromisoformat(seen) + timedelta(days=days)).isoformat() if days is not None and seen else ""

    def chance(self, flaw: Flaw) -> float | None:
        """The highest of the probabilities of its CVEs; None where the file tells none."""
        return max((self.epss[name] for name in flaw.ids if name in self.epss), default=None)

    def exploited(self, flaw: Flaw) -> str:
        return next((self.kev[name] for name in flaw.ids if name in self.kev), "")


def read(folder: str, audited: Fleet, options: t.Mapping[str, t.Any]) -> Context:
    """What is known beside the audit. Raises MlstackError for a file that was named and cannot be read."""
    before = _history(os.path.join(folder, HISTORY)) if folder else {}
    seen = dict(before.get("first_seen") or {})
    today = audited.made[:10]
    found = {flaw.id for one in audited.environments() for flaw in one.open_flaws()}
    return Context(
        first_seen={name: str(seen.get(name, today)) for name in sorted(found)},
        days={name: days for name, days in (options.get("due_days") or {}).items() if days is not None},
        epss=_named(options.get("epss"), _epss),
        kev=_named(options.get("kev"), _kev),
        runs=tuple(item for item in before.get("runs") or () if isinstance(item, dict) and item.get("made")),
    )


def history(audited: Fleet, context: Context) -> str:
    """The text of the file that the next audit reads. An audit that is made again on a day takes the place of the
    one before."""
    runs = [item for item in context.runs if str(item["made"])[:10] != audited.made[:10]]
    content = {"schema": 1, "first_seen": context.first_seen, "runs": [*runs, run(audited)][-_MOST_RUNS:]}
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def run(audited: Fleet) -> dict[str, t.Any]:
    """The numbers of one audit."""
    open_flaws = [(one.host, flaw) for one in audited.environments() for flaw in one.open_flaws()]
    flaws = {flaw for _host, flaw in open_flaws}
    return {
        "made": audited.made,
        "hosts": len(audited.hosts),
        "affected": len({host for host, _flaw in open_flaws}),
        "unheard": len(audited.unheard()),
        **{severity: sum(flaw.severity == severity for flaw in flaws) for severity in SEVERITIES},
    }


def _history(path: str) -> dict[str, t.Any]:
    """What the file says; one that is broken says nothing, and is written anew."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
        for value in (found.get("first_seen") or {}).values():
            date.fromisoformat(value)
        return dict(found)
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _named(path: t.Any, reader: t.Callable[[str], dict[str, t.Any]]) -> dict[str, t.Any]:
    if not path:
        return {}
    path = os.path.abspath(os.path.expanduser(str(path)))
    try:
        if os.path.getsize(path) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES} bytes")
        found = reader(path)
        if not found:
            raise ValueError("it names no CVE")
        return found
    except (OSError, ValueError, TypeError, KeyError, AttributeError, EOFError, csv.Error) as exc:
        raise MlstackError(
            "exploits_unreadable",
            wanted=f"know from {path} which flaws are exploited",
            found=str(exc) or type(exc).__name__,
            to_fix="fetch it again: EPSS as CSV (may be .gz), KEV as JSON; or leave the option out",
        ) from exc


def _epss(path: str) -> dict[str, float]:
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(line for line in stream if not line.startswith("#"))
        return {row["cve"]: float(row["epss"]) for row in rows}


def _kev(path: str) -> dict[str, str]:
    with open(path, encoding="utf-8") as stream:
        return {item["cveID"]: str(item.get("dueDate") or "yes") for item in json.load(stream)["vulnerabilities"]}
