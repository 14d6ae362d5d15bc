# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: plays whose tasks are timed, medians, and the table they print.

Everything is a ratio to a named peer of the same run. The machine may be busy: the tasks take turns, the medians are
compared, and the table says what the load was.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TREE = REPOSITORY / ".tree"

Task = dict[str, t.Any]


class BenchmarkError(Exception):
    """Something could not be measured, or was not in the state in which it is to be measured."""


@dataclass
class Times:
    """Seconds of one task: wall time by host and repetition, CPU of the controller by repetition."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    statuses: set[str] = field(default_factory=set)

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def cpu_median(self) -> float:
        return statistics.median(self.cpu) if self.cpu else float("nan")


def state_directory() -> Path:
    """Where benchmarks keep what is costly to make; safe to delete."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(cache) / "gpufleet-mlstack" / "bench"
    path.mkdir(parents=True, exist_ok=True)
    return path


def program(name: str) -> str:
    """A program of the environment that this script runs in."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise BenchmarkError(f"{path} is not there: run this with the Python of an environment that has {name}")
    return str(path)


def run(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> str:
    """Run a program that must succeed; its standard output."""
    # A developer's habit of writing no bytecode is none of a fleet's, and would keep ours from this machine as a host.
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [str(word) for word in argv],
        env={**usual, **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-4000:]
        raise BenchmarkError(f"{' '.join(map(str, argv))} ended with {done.returncode}:\n{said}")
    return done.stdout


def link_collection() -> None:
    """Make this checkout importable as a collection, as ./test does."""
    link = TREE / "ansible_collections" / "gpufleet" / "mlstack"
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(REPOSITORY)


def play(
    tasks: Sequence[Task],
    inventory: str,
    *,
    env: Mapping[str, str] | None = None,
    variables: Mapping[str, t.Any] | None = None,
    strict: bool = True,
    **keywords: t.Any,
) -> dict[str, Times]:
    """Run tasks as one play on all hosts of an INI inventory and return the times of each task name.

    Tasks of one name are repetitions. ``strict``: a failure or an unreachable host is an error.
    """
    whole = [{"hosts": "all", "gather_facts": False, "tasks": list(tasks), **keywords}]
    with tempfile.TemporaryDirectory(prefix="mlstack-bench-") as folder:
        book = Path(folder) / "play.yml"
        book.write_text(json.dumps(whole), encoding="utf-8")
        return playbook(book, inventory, env=env, variables=variables, strict=strict)


def playbook(
    book: Path,
    inventory: str,
    *,
    env: Mapping[str, str] | None = None,
    variables: Mapping[str, t.Any] | None = None,
    strict: bool = True,
) -> dict[str, Times]:
    """Run a playbook file; see play()."""
    link_collection()
    with tempfile.TemporaryDirectory(prefix="mlstack-bench-") as folder:
        hosts, times = Path(folder) / "hosts.ini", Path(folder) / "times.jsonl"
        hosts.write_text(inventory + "\n", encoding="utf-8")
        defaults = Path(folder) / "ansible.cfg"  # an empty one: nobody's own settings count
        defaults.touch()
        settings = {
            "ANSIBLE_CONFIG": str(defaults),
            "ANSIBLE_COLLECTIONS_PATH": str(TREE),
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_times",
            "ANSIBLE_NOCOLOR": "1",
            "MLSTACK_TASK_TIMES": str(times),
            **(env or {}),
        }
        argv: list[str | Path] = [program("ansible-playbook"), "-i", hosts, book]
        argv += ["--extra-vars", json.dumps(dict(variables))] if variables else []
        try:
            run(argv, env=settings)
        except BenchmarkError:
            if strict:
                raise
        return read_times(times)


def read_times(path: Path) -> dict[str, Times]:
    """What the callback task_times wrote."""
    found: dict[str, Times] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        times = found.setdefault(told["task"], Times())
        if "cpu" in told:
            times.cpu.append(told["cpu"])
        else:
            times.wall.append(told["seconds"])
            times.statuses.add(told["status"])
    return found


def must_be(times: Times, status: str, what: str) -> Times:
    """The times, provided that every repetition ended as it should: a converged task that changes is no such task."""
    if times.statuses != {status}:
        raise BenchmarkError(f"{what} should always have been {status!r}, but was {sorted(times.statuses)}")
    return times


def interleaved(rounds: int, *tasks: Task) -> list[Task]:
    """The tasks in turns, each round beginning with another one, so that none always follows the same."""
    ordered = []
    for number in range(rounds):
        at = number % len(tasks)
        ordered += [*tasks[at:], *tasks[:at]]
    return ordered


@dataclass(frozen=True)
class Row:
    """One comparison. ``limit`` is the ratio that it must not exceed, or, with ``at_least``, must reach."""

    what: str
    seconds: float
    peer: str
    peer_seconds: float
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.peer_seconds / self.seconds if self.at_least else self.seconds / self.peer_seconds

    @property
    def met(self) -> bool | None:
        if self.limit is None:
            return None
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit

    def cells(self) -> list[str]:
        bound = "as measured"
        if self.limit is not None:
            bound = f"{'at least' if self.at_least else 'at most'} {self.limit:g}"
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        ratio = f"{self.ratio:.2f}{' faster' if self.at_least else ''}"
        return [
            self.what,
            f"{self.seconds:.3f}",
            self.peer,
            f"{self.peer_seconds:.3f}",
            ratio,
            bound,
            verdict,
            self.note,
        ]


HEADINGS = ["what", "seconds", "peer", "seconds", "ratio", "wanted", "", "note"]


def circumstances() -> str:
    """The machine in words, without its name."""
    import ansible

    load = os.getloadavg()
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {load[0]:.1f} (1 min) "
        f"{load[2]:.1f} (15 min), Python {platform.python_version()}, ansible-core {ansible.release.__version__}"
    )


def report(title: str, rows: Sequence[Row]) -> int:
    """Print a Markdown table; the exit status: 1 where a bound was missed."""
    table = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(HEADINGS))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths)) + " |" for cells in table]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    print(f"{title}\n{circumstances()}\n", *lines, "", sep="\n")
    return int(any(row.met is False for row in rows))
