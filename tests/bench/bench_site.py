# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole playbooks/site.yml on hosts that have nothing to do, against gathering facts and one ping.

    python tests/bench/bench_site.py [--rounds 5] [--hosts 1,20] [--forks 8]

Both are whole runs of ansible-playbook, its start included, and take turns. The hosts are containers of tests/bed, half
of them Ubuntu, half Rocky stand-ins, reached through docker with pipelining. Each has twelve packages, two of them
held, and one environment of five packages, which a first run that doesn't count has made.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_system_packages
import measure
from measure import Row

sys.path.insert(0, str(measure.TREE))

SITE = measure.REPOSITORY / "playbooks" / "site.yml"
PINS = ["six==1.17.0", "idna==3.10", "certifi==2025.1.31", "attrs==24.3.0", "packaging==24.2"]
PHASES = ("system_packages", "python_envs")
PEER = [{"hosts": "all", "gather_facts": True, "tasks": [{"name": "ping", "ansible.builtin.ping": {}}]}]


def variables() -> dict[str, object]:
    """The desired state of every host."""
    held = bench_system_packages.HELD
    packages = [{"name": n, "hold": True} if n in held else n for n in bench_system_packages.PACKAGES]
    environment = {"name": "ml", "packages": PINS, "compile_bytecode": False}
    return {"system_packages_list": packages, "python_envs_list": [environment], "python_envs_engine": "pip"}


class Runs:
    """Wall and controller CPU seconds of whole runs, and how their tasks ended."""

    def __init__(self, book: Path, inventory: str, env: dict[str, str]) -> None:
        self._arguments = (book, inventory)
        self._env = env
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self.statuses: set[str] = set()

    def run(self) -> dict[str, measure.Times]:
        before, started = _cpu(), time.perf_counter()
        times = measure.playbook(*self._arguments, env=self._env, variables=variables())
        self.wall.append(time.perf_counter() - started)
        self.cpu.append(_cpu() - before)
        self.statuses = set().union(*(one.statuses for one in times.values()))
        return times


def _must_have_run(times: dict[str, measure.Times], count: int) -> None:
    for phase in PHASES:
        ran = sum(len(one.wall) for name, one in times.items() if name.startswith(f"gpufleet.mlstack.{phase} :"))
        if ran < count:
            raise measure.BenchmarkError(f"phase {phase} ran on {ran} of {count} hosts: {sorted(times)}")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(count: int, rounds: int, forks: int) -> list[Row]:
    from ansible_collections.gpufleet.mlstack.tests.bed import containers

    with containers.fleet(count) as hosts, tempfile.TemporaryDirectory(prefix="mlstack-bench-") as folder:
        peer_book = Path(folder) / "peer.yml"
        peer_book.write_text(json.dumps(PEER), encoding="utf-8")
        inventory = "\n".join(host.inventory_line for host in hosts)
        env = {**containers.ansible_environment(measure.REPOSITORY), "ANSIBLE_FORKS": str(forks)}
        site, peer = Runs(SITE, inventory, env), Runs(peer_book, inventory, env)
        Runs(SITE, inventory, env).run()  # brings the hosts to their desired state
        for number in range(rounds):
            for one in (site, peer) if number % 2 else (peer, site):
                times = one.run()
                if one.statuses != {"ok"}:
                    raise measure.BenchmarkError(f"converged hosts should be ok, but were {sorted(one.statuses)}")
                if one is site:
                    _must_have_run(times, count)
    ours, theirs = statistics.median(site.wall) / count, statistics.median(peer.wall) / count
    note = (
        f"controller CPU per host {statistics.median(site.cpu) / count:.2f}/{statistics.median(peer.cpu) / count:.2f} s"
    )
    return [Row(f"site.yml, {count} host{'s' if count > 1 else ''}", ours, "facts and ping", theirs, 2.5, note=note)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hosts", default="1,20")
    parser.add_argument("--forks", type=int, default=8)
    arguments = parser.parse_args()
    measure.link_collection()
    rows: list[Row] = []
    for count in arguments.hosts.split(","):
        rows += measured(int(count), arguments.rounds, arguments.forks)
    return measure.report(f"site.yml on converged hosts, seconds per host, {arguments.rounds} rounds", rows)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
