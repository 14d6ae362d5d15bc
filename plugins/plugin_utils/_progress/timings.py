# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long phases took in earlier runs, kept in the user's cache, and what that says of the rest of this one."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import tempfile
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Run

KEPT = 15  # values of each phase
MOST_KINDS = 60
MOST_BYTES = 1_000_000
Timings = dict[str, dict[str, list[float]]]


def path(environ: t.Mapping[str, str]) -> str:
    """The file: below XDG_CACHE_HOME, else ~/.cache."""
    cache = environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "gpufleet-mlstack", "progress.json")


def load(name: str) -> Timings:
    """What the file says. A file that is not there, not ours or not understood says nothing."""
    try:
        with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            if os.fstat(stream.fileno()).st_uid != os.geteuid():
                return {}
            data = json.loads(stream.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return {
        kind: {phase: _numbers(spans) for phase, spans in phases.items()}
        for kind, phases in (data.items() if isinstance(data, dict) else ())
        if isinstance(phases, dict)
    }


def _numbers(spans: t.Any) -> list[float]:
    if not isinstance(spans, list):
        return []
    return [float(span) for span in spans[-KEPT:] if isinstance(span, (int, float)) and 0 <= span < 1e6]


def save(name: str, timings: Timings) -> None:
    """Write the file anew; where that cannot be, the next run knows less, which is all."""
    write(name, json.dumps(timings))


def write(name: str, text: str) -> bool:
    """Put a file there, in a folder of the user's own, by one rename."""
    folder = os.path.dirname(name)
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        handle, new = tempfile.mkstemp(prefix=".progress-", dir=folder)
        try:
            with open(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            os.replace(new, name)
            return True
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(new)
    return False


def learnt(timings: Timings, kind: str, run: Run) -> Timings:
    """With what this run took: the median host of each phase that was worked on, where hosts came through it."""
    known = {phase: list(spans) for phase, spans in timings.get(kind, {}).items()}
    for name in run.phases:
        phases = (host.phases.get(name) for host in run.hosts.values())
        spans = [phase.spent for phase in phases if phase is not None and phase.status in ("ok", "changed")]
        if spans:
            known[name] = [*known.get(name, []), round(statistics.median(spans), 2)][-KEPT:]
    others = {other: phases for other, phases in timings.items() if other != kind}
    return dict([*list(others.items())[-MOST_KINDS + 1 :], (kind, known)])


def rest(known: t.Mapping[str, list[float]], run: Run, now: float, forks: int) -> float | None:
    """Seconds that are likely left; None where earlier runs do not tell. What takes longer than ever is not guessed."""
    usual = {phase: statistics.median(spans) for phase, spans in known.items() if spans}
    if not usual or not run.hosts:
        return None
    left = []
    for host in run.hosts.values():
        if any(problem for problem in host.problems):
            continue  # it has no rest
        current = host.now.phase if host.now is not None else ""
        done = {name for name, phase in host.phases.items() if name != current}
        span = sum(usual[phase] for phase in usual if phase not in done and phase != current)
        if current in usual:
            spent = host.phases[current].spent if current in host.phases else 0.0
            over = usual[current] - spent - (now - host.since)
            if over < 0 and span == 0:
                return None
            span += max(0.0, over)
        left.append(span)
    return max([*left, sum(left) / max(1, forks)]) if left else None
