# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converged nvidia_driver and cuda_toolkit on a host with eight GPUs against ping.

    python tests/bench/bench_gpu.py [--rounds 9] [--hosts apt,dnf] [--connections ssh,docker]

All are tasks of one play and take turns. ping does nothing on the host, so its time is what any task costs. Hosts are
containers of tests/bed with a stand-in PCI bus of eight A100 and six NVSwitches, and packages from its stand-in of
NVIDIA's repository: a driver with Fabric Manager, held and loaded, and two toolkits with one default.
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

IMAGES = {"apt": "ubuntu2404", "dnf": "rocky9"}
DRIVER, TOOLKITS, DEFAULT = "580.95.05", ["12.4", "11.8"], "12.4"


def tasks(fingerprint: str) -> dict[str, Task]:
    """What is compared, by name."""
    repository = {"repository_fingerprints": [fingerprint]}
    driver = {"version": DRIVER, "flavour": "open", **repository}
    toolkit = {"toolkits": TOOLKITS, "default": DEFAULT, **repository}
    return {
        "ping": {"name": "ping", "ansible.builtin.ping": {}},
        "nvidia_driver": {"name": "nvidia_driver", "gpufleet.mlstack.nvidia_driver": driver},
        "cuda_toolkit": {"name": "cuda_toolkit", "gpufleet.mlstack.cuda_toolkit": toolkit},
    }


def measured(names: dict[str, Task], inventory: str, env: dict[str, str], rounds: int) -> dict[str, float]:
    """Median seconds of each task on a converged host."""
    measure.play([{**task, "name": "warm up"} for task in names.values()], inventory, env=env)
    times = measure.play(measure.interleaved(rounds, *names.values()), inventory, env=env)
    return {name: measure.must_be(times[name], "ok", name).median for name in names}


@contextlib.contextmanager
def converged(manager: str) -> Iterator[tuple[t.Any, dict[str, Task], dict[str, str]]]:
    """A host of the bed that has its driver loaded and its toolkits installed."""
    from ansible_collections.gpufleet.mlstack.tests.bed import containers
    from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in import hosts, repositories

    with hosts.gpu_host(IMAGES[manager], gpus="a100x8", headers=True) as host:
        names = tasks(repositories.fingerprint())
        env = {**containers.ansible_environment(measure.REPOSITORY), "ANSIBLE_PIPELINING": "True"}
        measure.play([names["nvidia_driver"]], host.inventory_line, env=env)
        hosts.reboot(host)
        measure.play([names["cuda_toolkit"]], host.inventory_line, env=env)
        yield host, names, env


@contextlib.contextmanager
def reached(host: t.Any, connection: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The host's line in an inventory, through docker or through its ssh server."""
    with tempfile.TemporaryDirectory(prefix="mlstack-bench-") as folder:
        if connection == "docker":
            yield host.inventory_line, {}
        else:
            inventory = bench_pip_pinned._through_ssh(host, Path(folder))
            yield inventory, {"ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{folder}/cp"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--hosts", default=",".join(IMAGES))
    parser.add_argument("--connections", default="ssh,docker")
    arguments = parser.parse_args()
    measure.link_collection()
    found: list[Row] = []
    for manager in arguments.hosts.split(","):
        with converged(manager) as (host, names, env):
            for connection in arguments.connections.split(","):
                with reached(host, connection) as (inventory, more):
                    seconds = measured(names, inventory, {**env, **more}, arguments.rounds)
                found += [
                    Row(f"{name}, {manager}, {connection}", seconds[name], "ping", seconds["ping"], 1.5)
                    for name in ("nvidia_driver", "cuda_toolkit")
                ]
    return measure.report(f"Converged nvidia_driver and cuda_toolkit, eight GPUs, {arguments.rounds} rounds", found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
