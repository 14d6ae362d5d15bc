# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A converged system_packages with twelve packages and two holds against ping, and against the built-in modules.

    python tests/bench/bench_system_packages.py [--rounds 9] [--hosts apt,dnf] [--connections ssh,docker]

All are tasks of one play and take turns. ping does nothing on the host, so its time is what any task costs. The peer is
ansible.builtin.apt with the same list and ansible.builtin.dpkg_selections for the holds; with dnf there is no built-in
module for holds, so ansible.builtin.command asks dnf which there are, and changes none. Hosts are containers of
tests/bed.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

import bench_pip_pinned
import measure
from measure import Row, Task

sys.path.insert(0, str(measure.TREE))

HELD = ("bed-tool", "bed-leaf")
PACKAGES = (
    *HELD,
    "bed-library",
    "bed-provider",
    "bed-epoch",
    "bed-configured",
    "bed-mailer-a",
    "bed-new-name",
    "ca-certificates",
    "python3",
    "sudo",
    "make",
)
IMAGES = {"apt": "debian12", "dnf": "rocky9"}


def tasks(manager: str) -> dict[str, list[Task]]:
    """The tasks to compare; a peer that takes several tasks is the sum of them."""
    wanted = [{"name": name, "hold": True} if name in HELD else name for name in PACKAGES]
    peers: list[Task] = [
        {"name": f"builtin {manager}", f"ansible.builtin.{manager}": {"name": list(PACKAGES), "state": "present"}}
    ]
    if manager == "apt":
        hold = {"name": "{{ item }}", "selection": "hold"}
        peers.append({"name": "builtin holds", "ansible.builtin.dpkg_selections": hold, "loop": list(HELD)})
    else:
        # No built-in module knows version locks. Asking which there are is the least that a playbook has to do instead.
        argv = {"argv": ["dnf", "--quiet", "versionlock", "list"]}
        peers.append({"name": "builtin holds", "ansible.builtin.command": argv, "changed_when": False})
    return {
        "ping": [{"name": "ping", "ansible.builtin.ping": {}}],
        "ours": [{"name": "system_packages", "gpufleet.mlstack.system_packages": {"packages": wanted}}],
        "peer": peers,
    }


def measured(manager: str, inventory: str, env: dict[str, str], rounds: int) -> list[float]:
    """Median seconds of ping, ours and the peer, all converged. The first play makes them so and warms them up."""
    sides = tasks(manager)
    every = [task for side in sides.values() for task in side]
    measure.play([{**task, "name": "prepare"} for task in every], inventory, env=env)
    measure.play([{**task, "name": "warm up"} for task in every], inventory, env=env)
    turns: list[Task] = []
    for number, task in enumerate(measure.interleaved(rounds, *sides["ping"], *sides["ours"])):
        turns.append(task)
        if number % 6 == 5:
            turns += sides["peer"]
    times = measure.play(turns, inventory, env=env)
    return [
        sum(measure.must_be(times[task["name"]], "ok", task["name"]).median for task in side) for side in sides.values()
    ]


@contextlib.contextmanager
def reached(manager: str, connection: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A host of the bed, through its ssh server or through docker."""
    from ansible_collections.gpufleet.mlstack.tests.bed import containers

    with containers.container(IMAGES[manager]) as host, tempfile.TemporaryDirectory(prefix="mlstack-bench-") as folder:
        if manager == "apt":
            host.check("apt-get update -q && apt-get install -y -q python3-apt", timeout_s=600)  # the peer's own need
        env = {**containers.ansible_environment(measure.REPOSITORY), "ANSIBLE_PIPELINING": "True"}
        inventory = host.inventory_line
        if connection == "ssh":
            inventory = bench_pip_pinned._through_ssh(host, Path(folder))
            env |= {"ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{folder}/cp"}
        yield inventory, env


def rows(manager: str, connection: str, seconds: t.Sequence[float]) -> list[Row]:
    ping, ours, peer = seconds
    what = f"system_packages, {manager}, {connection}"
    name = f"builtin {manager} and {'dpkg_selections' if manager == 'apt' else 'dnf versionlock list'}"
    return [Row(what, ours, "ping", ping, 1.5), Row(what, ours, name, peer, 3, at_least=True)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--hosts", default=",".join(IMAGES))
    parser.add_argument("--connections", default="ssh,docker")
    arguments = parser.parse_args()
    measure.link_collection()
    found: list[Row] = []
    for manager in arguments.hosts.split(","):
        for connection in arguments.connections.split(","):
            with reached(manager, connection) as (inventory, env):
                found += rows(manager, connection, measured(manager, inventory, env, arguments.rounds))
    return measure.report(f"Converged system_packages, 12 packages and 2 holds, {arguments.rounds} rounds", found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
