# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia_driver and cuda_toolkit on hosts with eight GPUs that have nothing to do, against ping in the same play.

    python tests/bench/bench_gpu_modules.py [--rounds 9] [--hosts apt,dnf]

The hosts are booted containers of tests/bed with the PCI bus of a machine with eight A100, reached through docker with
pipelining. Driver and toolkits come from NVIDIA's stand-in repositories: names, versions and files of the real ones.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

import measure
from measure import Row, Task

sys.path.insert(0, str(measure.TREE))

IMAGES = {"apt": "ubuntu2404", "dnf": "rocky9"}
MODULES = ("nvidia_driver", "cuda_toolkit", "gpu_info")


def tasks(fingerprints: Sequence[str]) -> list[Task]:
    """A ping, and a converged task of each module."""
    known = {"repository_fingerprints": list(fingerprints)}
    toolkits = ["11.8", {"version": "12.4", "hold": True}]
    return [
        {"name": "ping", "ansible.builtin.ping": {}},
        {"name": "nvidia_driver", "gpufleet.mlstack.nvidia_driver": {"branch": "550", **known}},
        {"name": "cuda_toolkit", "gpufleet.mlstack.cuda_toolkit": {"toolkits": toolkits, "cudnn": "9", **known}},
        {"name": "gpu_info", "gpufleet.mlstack.gpu_info": {}},
    ]


def measured(manager: str, rounds: int) -> list[Row]:
    from ansible_collections.gpufleet.mlstack.tests.bed import containers
    from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in.hosts import gpu_host, reboot
    from ansible_collections.gpufleet.mlstack.tests.integration import nvidia_host

    env = {**containers.ansible_environment(measure.REPOSITORY), "ANSIBLE_PIPELINING": "True"}
    with gpu_host(IMAGES[manager], gpus="a100x8", headers=True) as host:
        every = tasks(nvidia_host.fingerprints())
        measure.play(every, host.inventory_line, env=env)
        reboot(host)  # the driver is loaded now
        measure.play([{**task, "name": "warm up"} for task in every], host.inventory_line, env=env)
        times = measure.play(measure.interleaved(rounds, *every), host.inventory_line, env=env)
    ping, *ours = (measure.must_be(times[task["name"]], "ok", task["name"]).median for task in every)
    limits = {"nvidia_driver": 1.5, "cuda_toolkit": 1.5}
    return [Row(f"{name}, {manager}", one, "ping", ping, limits.get(name)) for name, one in zip(MODULES, ours)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--hosts", default=",".join(IMAGES))
    arguments = parser.parse_args()
    measure.link_collection()
    found: list[Row] = []
    for manager in arguments.hosts.split(","):
        found += measured(manager, arguments.rounds)
    return measure.report(f"Converged hosts with eight GPUs, {arguments.rounds} rounds", found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
