# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh environment of sixty conda packages from a warm cache, and a clone: the engine against bare py-rattler.

    python tests/bench/bench_conda_engine.py [--rounds 7]

The peer is a script of a dozen lines that does what py-rattler's own documentation shows: solve, install. Both run
under one Python, with one release of py-rattler, on one channel, and link from their warm caches on one file system.
The engine besides holds locks, keeps the history, notices failing scripts, and answers through a process of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from collections.abc import Callable
from pathlib import Path

import measure
from measure import Row

sys.path.insert(0, str(measure.TREE))
measure.link_collection()

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import engine_choice
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import Limits
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine_rattler import RattlerEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import (
    InstallRequest,
    Package,
    SolveRequest,
    Sources,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Cache
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources as PythonSources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.toolbox import Toolbox
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, host

SPECS = ("python", "bed-sixty")
BARE = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import rattler

async def main(channel, prefix, cache, *specs):
    gateway = rattler.Gateway(Path(cache, "repodata"))
    detected = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
    records = await rattler.solve(
        sources=[channel], specs=[rattler.MatchSpec(spec) for spec in specs], gateway=gateway,
        platforms=["linux-64", "noarch"], virtual_packages=[item.into_generic() for item in detected])
    await rattler.install(records, prefix, cache_dir=Path(cache, "pkgs"), show_progress=False,
                          execute_link_scripts=True)
    os._exit(0)

asyncio.run(main(*sys.argv[2:]))
"""


class Bench:
    """One folder for environments and caches, one channel, one engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.channel = conda_channel.basic()
        self.python = getattr(sys, "_base_executable", "") or sys.executable
        commands = Commands()
        (folder / "scratch").mkdir()
        toolbox = Toolbox(str(host.state_directory() / "toolbox"), commands, self.python, PythonSources(), 600, Cache())
        limits = Limits(scratch=str(folder / "scratch"), cache=str(folder / "cache"))
        self.engine: RattlerEngine = engine_choice.rattler(commands, toolbox, limits)
        self.library = self.engine.describe().program
        self.sources = Sources(channels=(self.channel.url,))

    def ours(self, prefix: Path, bytecode: bool = False) -> None:
        install = InstallRequest(str(prefix), (), self.sources, "linux-64", SPECS, compile_bytecode=bytecode)
        self.engine.create(SolveRequest(SPECS, self.sources, "linux-64"), install)

    def bare(self, prefix: Path, bytecode: bool = False) -> None:
        cache = self.folder / "bare-cache"
        argv = [self.python, "-I", "-c", BARE, self.library, self.channel.url, prefix, cache, *SPECS]
        measure.run(argv)
        if bytecode:
            measure.run([prefix / "bin" / "python", "-m", "compileall", "-q", "-j", "0", *prefix.glob("lib/python3*")])

    def clone(self, prefix: Path, source: Path) -> None:
        records = [json.loads(path.read_text()) for path in (source / "conda-meta").glob("*.json")]
        self._install(tuple(Package.from_record(record) for record in records), prefix, bytecode=False)

    def _install(self, packages: tuple[Package, ...], prefix: Path, bytecode: bool) -> None:
        request = InstallRequest(str(prefix), packages, self.sources, "linux-64", SPECS, compile_bytecode=bytecode)
        self.engine.install(request)


def timed(action: Callable[[Path], None], prefix: Path) -> float:
    """Seconds of one build, which is taken away again."""
    started = time.perf_counter()
    action(prefix)
    seconds = time.perf_counter() - started
    shutil.rmtree(prefix)
    return seconds


def medians(rounds: int, folder: Path, actions: dict[str, Callable[[Path], None]]) -> dict[str, float]:
    """The median of each action; they take turns."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    names = list(actions)
    for number in range(rounds):
        at = number % len(names)
        for name in (*names[at:], *names[:at]):
            times[name].append(timed(actions[name], folder / "prefix"))
    return {name: statistics.median(found) for name, found in times.items()}


def measured(rounds: int, folder: Path) -> list[Row]:
    bench = Bench(folder)
    source = folder / "source"
    bench.ours(source)  # fills one cache
    bench.bare(folder / "warm")  # and the other
    installed = len(list((source / "conda-meta").glob("*.json")))
    if installed != 60:
        raise measure.BenchmarkError(f"the environment has {installed} packages, not 60")
    actions: dict[str, t.Any] = {
        "ours": bench.ours,
        "bare": bench.bare,
        "clone": lambda prefix: bench.clone(prefix, source),
    }
    found = medians(rounds, folder, actions)
    return [
        Row("solve and install by the engine", found["ours"], "bare py-rattler", found["bare"], 1.25),
        Row("clone by the engine", found["clone"], "one second", 1.0, 1.0),
        Row("clone by the engine", found["clone"], "bare py-rattler, solving", found["bare"]),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="conda-", dir=measure.state_directory()) as folder:
        rows = measured(arguments.rounds, Path(folder))
    return measure.report(f"Environment of 60 conda packages, warm cache, {arguments.rounds} rounds", rows)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
