# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A converged conda_env on sixty packages against ping, and a clone of such an environment.

    python tests/bench/bench_conda_env.py [--rounds 9] [--connections local,local-no-pipelining,ssh,docker]

The packages are those of the bed's channel: a real Python and made-up modules, a thousand files and more. Over ssh and
docker the host is a container of tests/bed; local is this machine.
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
CONNECTIONS = ("local", "local-no-pipelining", "ssh", "docker")
MOST_SECONDS_OF_A_CLONE = 1.0


def task(root: str, channel: str, **environment: t.Any) -> Task:
    wished = {"name": "sixty", "packages": ["python", "bed-sixty"], **environment}
    options = {"root": root, "channels": [channel], "environments": [wished]}
    return {"name": "conda_env", "gpufleet.mlstack.conda_env": options}


@contextlib.contextmanager
def local(pipelining: bool) -> Iterator[tuple[str, dict[str, str], str, str]]:
    from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel

    with tempfile.TemporaryDirectory(prefix="mlstack-bench-") as folder:
        inventory = f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}"
        yield inventory, {"ANSIBLE_PIPELINING": str(pipelining)}, f"{folder}/envs", conda_channel.basic().url


@contextlib.contextmanager
def contained(connection: str) -> Iterator[tuple[str, dict[str, str], str, str]]:
    """A Debian 12 of the bed, reached through its ssh server or through docker."""
    from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, containers

    with containers.container("debian12") as host, tempfile.TemporaryDirectory(prefix="mlstack-bench-") as folder:
        host.copy_in(conda_channel.basic().folder, "/opt/channel")
        env = {**containers.ansible_environment(measure.REPOSITORY), "ANSIBLE_PIPELINING": "True"}
        inventory = host.inventory_line
        if connection == "ssh":
            inventory = bench_pip_pinned._through_ssh(host, Path(folder))
            env |= {"ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{folder}/cp"}
        yield inventory, env, "/opt/mlstack/envs", "file:///opt/channel"


def converged(connection: str, inventory: str, env: dict[str, str], ours: Task, rounds: int) -> Row:
    ping: Task = {"name": "ping", "ansible.builtin.ping": {}}
    measure.play([{**ours, "name": "prepare"}], inventory, env=env)
    warm_up = [{**item, "name": "warm up"} for item in (ping, ours)]
    times = measure.play([*warm_up, *measure.interleaved(rounds, ping, ours)], inventory, env=env)
    for name in ("ping", "conda_env"):
        measure.must_be(times[name], "ok", name)
    mine, theirs = times["conda_env"], times["ping"]
    note = f"CPU {mine.cpu_median:.2f}/{theirs.cpu_median:.2f} s, fastest {min(mine.wall):.3f}/{min(theirs.wall):.3f} s"
    return Row(f"conda_env, {connection}", mine.median, "ping", theirs.median, 1.3, note=note)


def cloned(inventory: str, env: dict[str, str], root: str, channel: str) -> Row:
    """The time of the whole task, Ansible's share in it included, for each of three clones."""
    clones = [
        task(root, channel, name=f"copy{number}", packages=[], state="cloned", clone_of="sixty") for number in range(3)
    ]
    times = measure.play([{**item, "name": "clone"} for item in clones], inventory, env=env)["clone"]
    return Row("clone of 60 packages, local", times.median, "one second", 1.0, MOST_SECONDS_OF_A_CLONE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--connections", default=",".join(CONNECTIONS))
    arguments = parser.parse_args()
    measure.link_collection()
    found: list[Row] = []
    for connection in arguments.connections.split(","):
        pipelining = connection != "local-no-pipelining"
        place = local(pipelining) if connection.startswith("local") else contained(connection)
        with place as (inventory, env, root, channel):
            found.append(converged(connection, inventory, env, task(root, channel), arguments.rounds))
            if connection == "local":
                found.append(cloned(inventory, env, root, channel))
    return measure.report(f"Converged conda_env, 60 packages, {arguments.rounds} rounds", found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
