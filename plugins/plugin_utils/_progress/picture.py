# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a run on a terminal: hosts and phases, what each host does now, how long it may still take."""

from __future__ import annotations

import io
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Host, Run
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.text import one_line, seconds

# Each state has a sign of its own: colour only helps.
SIGNS = {
    "": ("·", "dim"),
    "skipped": ("-", "dim"),
    "ok": ("✓", "green"),
    "changed": ("+", "yellow"),
    "ignored": ("!", "yellow"),
    "failed": ("✗", "bold red"),
    "unreachable": ("?", "bold red"),
    "running": ("▶", "bold cyan"),
}
MOST_COLUMNS = 8
_NAMES = ("unreachable", "failed", "running", "changed", "ok", "skipped", "")


def picture(run: Run, now: float, rest: float | None, width: int, height: int, colours: bool = True) -> list[str]:
    """Lines of at most ``width``, at most ``height`` of them. Raises ImportError where rich is missing."""
    from rich.console import Console, Group

    out = io.StringIO()
    # Both sizes: with one of them rich asks a terminal, and takes 80 columns where TERM is dumb.
    console = Console(
        file=out, width=max(20, width - 1), height=height, force_terminal=True, no_color=not colours,
        legacy_windows=False, color_system="standard", highlight=False, emoji=False, markup=False,
    )  # fmt: skip
    console.print(Group(_table(run, now, max(1, height - 5)), _foot(run, now, rest)), overflow="ellipsis", no_wrap=True)
    return out.getvalue().rstrip("\n").split("\n")[-height:]


def _table(run: Run, now: float, most: int) -> t.Any:
    from rich.table import Table
    from rich.text import Text

    phases = run.phases[-MOST_COLUMNS:]
    table = Table(box=None, padding=(0, 1), pad_edge=False, expand=True, header_style="bold")
    table.add_column("host", no_wrap=True, max_width=24)
    for phase in phases:
        table.add_column(Text(one_line(phase, 16)), justify="center", no_wrap=True, max_width=16)
    table.add_column("now", no_wrap=True, ratio=1)
    table.add_column("for", justify="right", no_wrap=True)
    shown = ordered(run)
    for host in shown[:most]:
        cells = [Text(*_sign(host, phase)) for phase in phases]
        span = seconds(now - host.since) if host.now is not None else ""
        table.add_row(Text(one_line(host.name, 60)), *cells, Text(doing(host)), span)
    if len(shown) > most:
        table.add_row(Text(f"and {len(shown) - most} more", "dim"))
    return table


def ordered(run: Run) -> list[Host]:
    """Those that move first, the longest before, then those with problems, then the rest by name."""
    rank = {"unreachable": 1, "failed": 1, "waiting": 2}
    return sorted(
        run.hosts.values(),
        key=lambda host: (0, host.since, host.name) if host.now else (rank.get(host.status, 3), 0.0, host.name),
    )


def doing(host: Host) -> str:
    """What a host does now, or what became of it."""
    if host.now is not None:
        return one_line(host.now.name, 100)
    if host.problems:
        problem = host.problems[-1]
        found = problem.sentences[0].found if problem.sentences else ""
        return f"{problem.code or problem.status}: {one_line(found, 100)}"
    return {"waiting": "waits"}.get(host.status, "")


def _sign(host: Host, phase: str) -> tuple[str, str]:
    if host.now is not None and host.now.phase == phase:
        return SIGNS["running"]
    known = host.phases.get(phase)
    return SIGNS[known.status if known is not None else ""]


def _foot(run: Run, now: float, rest: float | None) -> t.Any:
    from rich.text import Text

    ended = sum(host.now is None and host.status != "waiting" for host in run.hosts.values())
    parts = [f"{seconds(now - run.started)} gone"]
    if rest is not None:
        parts.append(f"about {seconds(rest)} left, by earlier runs" if rest >= 5 else "nearly done, by earlier runs")
    parts.append(f"{len(run.running())} of {len(run.hosts)} hosts at work" if ended else f"{len(run.hosts)} hosts")
    legend = "  ".join(f"{SIGNS[name][0]} {name or 'to come'}" for name in _NAMES)
    check = "CHECK, nothing is changed   " if run.preview else ""
    return Text("\n").join([Text(""), Text(check + "   ".join(parts), "bold"), Text(legend, "dim")])
