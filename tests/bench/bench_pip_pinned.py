# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A converged pip_pinned on sixty packages against ping, and against ansible.builtin.pip with the same requirements.

    python tests/bench/bench_pip_pinned.py [--rounds 9] [--connections local,local-no-pipelining,ssh,docker]

All three are tasks of one play and take turns. ping does nothing on the host, so its time is what any task costs. The
peer's environment is made by pip from the same file beforehand, so both have nothing to do. Over ssh and docker the
host is a container of tests/bed; local is this machine.
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

import measure
import sixty
from measure import Row, Task

sys.path.insert(0, str(measure.TREE))
CONNECTIONS = ("local", "local-no-pipelining", "ssh", "docker")


def tasks(root: str, lock: Path, lock_on_host: str, peer: str) -> dict[str, Task]:
    environment = {"name": "ml", "requirements": [str(lock)], "compile_bytecode": False}
    return {
        "ping": {"name": "ping", "ansible.builtin.ping": {}},
        "ours": {
            "name": "pip_pinned",
            "gpufleet.mlstack.pip_pinned": {"root": root, "environments": [environment]},
        },
        "pip": {
            "name": "builtin pip",
            "ansible.builtin.pip": {"requirements": lock_on_host, "virtualenv": peer},
        },
    }


def measured(inventory: str, env: dict[str, str], names: dict[str, Task], rounds: int) -> dict[str, measure.Times]:
    """The times of converged tasks. The first play makes them so; the peer has a third of the turns, being slow."""
    for name in ("ours", "pip"):
        measure.play([{**names[name], "name": "prepare"}], inventory, env=env)
    turns: list[Task] = []
    for number, task in enumerate(measure.interleaved(rounds, names["ping"], names["ours"])):
        turns.append(task)
        if number % 6 == 5:
            turns.append(names["pip"])
    warm_up = [{**names[name], "name": "warm up"} for name in ("ping", "ours")]
    times = measure.play([*warm_up, *turns], inventory, env=env)
    for name in names.values():
        measure.must_be(times[name["name"]], "ok", name["name"])
    return times


def rows(connection: str, times: dict[str, measure.Times]) -> list[Row]:
    ours, ping, pip = times["pip_pinned"], times["ping"], times["builtin pip"]
    note = f"CPU {ours.cpu_median:.2f}/{ping.cpu_median:.2f} s, fastest {min(ours.wall):.3f}/{min(ping.wall):.3f} s"
    what = f"pip_pinned, {connection}"
    return [
        Row(what, ours.median, "ping", ping.median, 1.3, note=note),
        Row(
            what, ours.median, "ansible.builtin.pip", pip.median, 10, at_least=True, note=f"CPU {pip.cpu_median:.2f} s"
        ),
    ]


@contextlib.contextmanager
def local(pipelining: bool, lock: Path) -> Iterator[tuple[str, dict[str, str], dict[str, Task]]]:
    with tempfile.TemporaryDirectory(prefix="mlstack-bench-") as folder:
        # Where an environment may stand: a folder that nobody else can replace.
        inventory = f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}"
        measure.run([sys.executable, "-m", "venv", f"{folder}/peer"])
        env = {"ANSIBLE_PIPELINING": str(pipelining)}
        yield inventory, env, tasks(f"{folder}/envs", lock, str(lock), f"{folder}/peer")


@contextlib.contextmanager
def contained(connection: str, lock: Path) -> Iterator[tuple[str, dict[str, str], dict[str, Task]]]:
    """A Debian 12 of the bed, reached through its ssh server or through docker."""
    from ansible_collections.gpufleet.mlstack.tests.bed import containers

    with containers.container("debian12") as host, tempfile.TemporaryDirectory(prefix="mlstack-bench-") as folder:
        # What ansible.builtin.pip needs on a host; pip_pinned needs none of it.
        host.check("apt-get update -q && apt-get install -y -q python3-venv python3-packaging", timeout_s=600)
        host.copy_in(lock, "/root/sixty.lock")
        host.check("python3 -m venv /root/peer")
        env = {**containers.ansible_environment(measure.REPOSITORY), "ANSIBLE_PIPELINING": "True"}
        inventory = host.inventory_line
        if connection == "ssh":
            inventory = _through_ssh(host, Path(folder))
            env |= {"ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{folder}/cp"}
        yield inventory, env, tasks("/opt/mlstack/envs", lock, "/root/sixty.lock", "/root/peer")


def _through_ssh(host: t.Any, folder: Path) -> str:
    measure.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"])
    host.write("/root/.ssh/authorized_keys", (folder / "key.pub").read_text(encoding="utf-8"), mode="0600")
    host.check("chmod 700 /root/.ssh && systemctl start ssh")
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = measure.run(["docker", "inspect", "--format", form, host.name]).strip()
    options = f"-o UserKnownHostsFile={folder}/known -o ControlMaster=auto -o ControlPersist=60s"
    return (
        f"{host.name} ansible_host={address} ansible_user=root ansible_ssh_private_key_file={folder}/key "
        f"ansible_python_interpreter=/usr/bin/python3 ansible_ssh_common_args='{options}'"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--connections", default=",".join(CONNECTIONS))
    arguments = parser.parse_args()
    measure.link_collection()
    lock = sixty.lock()
    found: list[Row] = []
    for connection in arguments.connections.split(","):
        pipelining = connection != "local-no-pipelining"
        place = local(pipelining, lock) if connection.startswith("local") else contained(connection, lock)
        with place as (inventory, env, names):
            found += rows(connection, measured(inventory, env, names, arguments.rounds))
    return measure.report(f"Converged pip_pinned, 60 packages with hashes, {arguments.rounds} rounds", found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
