# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fresh environment of sixty packages from a warm cache: pip_pinned against bare uv, and against ansible.builtin.pip.

    python tests/bench/bench_fresh_environment.py [--rounds 5]

The bare commands `uv venv && uv pip sync` are timed twice: as a shell task of the same play, and started by this script
without Ansible. The first is the fair peer of a task; the second is that of the time which the module itself reports.
All use one uv and one cache, which a first build that doesn't count has filled, and link from it on one file system.
The pairs are alike in what they write: with or without bytecode, Python named or looked for. What pip_pinned does
beside that (checking the set as `pip check` does, writing the record, bringing everything to the disk) is in its time.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import measure
import sixty
from measure import Row, Task

UV = measure.program("uv")
PYTHON = str(Path(sys.executable).resolve())


class Variant(t.NamedTuple):
    """One fair pair: the options of pip_pinned, and those of `uv venv` and `uv pip sync` that mean the same."""

    title: str
    ours: dict[str, t.Any]
    venv: tuple[str, ...]
    sync: tuple[str, ...]


VARIANTS = (
    Variant("no bytecode", {"compile_bytecode": False, "python": PYTHON}, ("--python", PYTHON), ()),
    Variant("bytecode", {"compile_bytecode": True, "python": PYTHON}, ("--python", PYTHON), ("--compile-bytecode",)),
    Variant("no bytecode, any Python", {"compile_bytecode": False}, (), ()),
)


def bare(variant: Variant, prefix: Path, lock: Path) -> str:
    """The commands that a person would type."""
    venv = [UV, "venv", "--quiet", *variant.venv, str(prefix)]
    sync = [UV, "pip", "sync", "--quiet", "--require-hashes", *variant.sync, "--python", str(prefix), str(lock)]
    return f"{shlex.join(venv)} && {shlex.join(sync)}"


def tasks(variant: Variant, folder: Path, lock: Path, number: int, results: Path) -> list[Task]:
    """One round: build in three ways, in turns, keep what the module says of its time, and remove everything."""
    root, peer, pip = folder / f"envs{number}", folder / f"uv{number}", folder / f"pip{number}"
    environment = {"name": "ml", "requirements": [str(lock)], **variant.ours}
    ways: list[list[Task]] = [
        [
            {
                "name": "pip_pinned",
                "gpufleet.mlstack.pip_pinned": {
                    "root": str(root),
                    "executable": UV,
                    "engine": "uv",
                    "environments": [environment],
                },
                "register": "built",
            },
            {
                "name": "keep",
                "ansible.builtin.copy": {
                    "dest": str(results / f"{number}.json"),
                    "content": "{{ built.environments[0] | to_json }}",
                },
            },
        ],
        [{"name": "uv", "ansible.builtin.shell": {"cmd": bare(variant, peer, lock), "creates": str(peer)}}],
    ]
    if variant.title == "bytecode":
        module = {"requirements": str(lock), "virtualenv": str(pip), "virtualenv_command": f"{PYTHON} -m venv"}
        ways.append([{"name": "builtin pip", "ansible.builtin.pip": module}])
    at = number % len(ways)
    clean = {"name": "clean", "ansible.builtin.file": {"path": "{{ item }}", "state": "absent"}}
    built = [task for way in (*ways[at:], *ways[:at]) for task in way]
    return [*built, {**clean, "loop": [str(root), str(peer), str(pip)]}]


def alone(variant: Variant, folder: Path, lock: Path, rounds: int) -> float:
    """The median of the bare commands without Ansible."""
    seconds = []
    for number in range(rounds):
        prefix = folder / f"alone{number}"
        started = time.perf_counter()
        measure.run(["sh", "-c", bare(variant, prefix, lock)])
        seconds.append(time.perf_counter() - started)
        measure.run(["rm", "-rf", prefix])
    return statistics.median(seconds)


def measured(variant: Variant, folder: Path, lock: Path, rounds: int) -> list[Row]:
    inventory = f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}"
    results = folder / "results"
    results.mkdir(exist_ok=True)
    env = {"ANSIBLE_PIPELINING": "True"}
    measure.play(tasks(variant, folder, lock, 0, results), inventory, env=env)  # fills the cache
    bare_before = alone(variant, folder, lock, (rounds + 1) // 2)
    turns = [task for number in range(rounds) for task in tasks(variant, folder, lock, number + 1, results)]
    times = measure.play(turns, inventory, env=env)
    bare_after = alone(variant, folder, lock, (rounds + 1) // 2)
    ours, uv = (measure.must_be(times[name], "changed", name) for name in ("pip_pinned", "uv"))
    told = [json.loads((results / f"{number + 1}.json").read_text(encoding="utf-8")) for number in range(rounds)]
    steps = {step: statistics.median(one["timings"][step] for one in told) for step in told[0]["timings"]}
    inside = statistics.median(one["seconds"] for one in told)
    what = f"pip_pinned, {variant.title}"
    rows = [
        Row(
            what,
            ours.median,
            "uv in a shell task",
            uv.median,
            1.25,
            note=f"CPU {ours.cpu_median:.1f}/{uv.cpu_median:.1f} s",
        ),
        Row(
            f"{what}: the module's own time",
            inside,
            "uv without Ansible",
            (bare_before + bare_after) / 2,
            note=", ".join(f"{step} {seconds:.2f}" for step, seconds in steps.items()),
        ),
    ]
    if "builtin pip" in times:
        pip = measure.must_be(times["builtin pip"], "changed", "builtin pip")
        rows.append(Row(what, ours.median, "ansible.builtin.pip", pip.median, at_least=True))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variants", default=",".join(str(number) for number in range(len(VARIANTS))))
    arguments = parser.parse_args()
    lock = sixty.lock()
    rows: list[Row] = []
    for number in arguments.variants.split(","):
        # Beside uv's cache, so that it can link.
        with tempfile.TemporaryDirectory(prefix="fresh-", dir=measure.state_directory()) as folder:
            rows += measured(VARIANTS[int(number)], Path(folder), lock, arguments.rounds)
    return measure.report(f"Fresh environment of 60 packages, warm cache, {arguments.rounds} rounds", rows)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
