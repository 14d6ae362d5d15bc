# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A converged conda_env on sixty packages against ping; fresh ones and clones against bare py-rattler.

    python tests/bench/bench_conda_env.py [--rounds 9] [--connections local,local-no-pipelining,ssh,docker]

The packages are those of the bed's channel: a real Python and made-up modules, a thousand files and more. Over ssh and
docker the host is a container of tests/bed; local is this machine. Where CONDA or MICROMAMBA names a program, or it is
on PATH, its own no-op stands beside ours. Fresh environments and clones are built here, from warm caches on one file
system; bare py-rattler runs as a task of the same play.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

import bench_conda_engine
import bench_pip_pinned
import measure
from measure import Row, Task

sys.path.insert(0, str(measure.TREE))
CONNECTIONS = ("local", "local-no-pipelining", "ssh", "docker")
MOST_SECONDS_OF_A_CLONE = 1.0


def task(root: str, channel: str, **environment: t.Any) -> Task:
    wanted = {"name": "sixty", "packages": ["python", "bed-sixty"], **environment}
    options = {"root": root, "channels": [channel], "environments": [wanted]}
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


def beside(inventory: str, env: dict[str, str], root: str, channel: str, ours: Task, rounds: int) -> list[Row]:
    """The no-op of the programs that are here: C(env update --prune) with the same packages."""
    found = []
    for name in ("conda", "micromamba"):
        program = os.environ.get(name.upper()) or shutil.which(name)
        if not program:
            print(f"no {name} here: set {name.upper()}=/path/to/{name} to have it beside ours", file=sys.stderr)
            continue
        folder = Path(root).parent
        listed = {"channels": [channel, "nodefaults"], "dependencies": ["python", "bed-sixty"]}
        file = folder / "environment.yml"
        file.write_text(json.dumps(listed))  # JSON is YAML
        place = ["--prefix", str(folder / name), "--file", str(file)]
        yes = {"CONDA_ALWAYS_YES": "true", "MAMBA_ALWAYS_YES": "true"}  # not each of them knows --yes
        measure.run([program, "env", "create", *place], env=yes)
        update = [program, "env", "update", "--prune", *place]
        peer: Task = {"name": name, "ansible.builtin.command": {"argv": update}, "environment": yes}
        times = measure.play(
            [{**peer, "name": "warm up"}, *measure.interleaved(rounds, ours, peer)], inventory, env=env
        )
        what = f"{name} env update --prune"
        found.append(Row("conda_env, local", times["conda_env"].median, what, times[name].median, at_least=True))
    return found


def fresh(inventory: str, env: dict[str, str], root: str, channel: str, rounds: int) -> list[Row]:
    """A task that builds, against one that has py-rattler solve and install; both from their own warm cache."""
    (library,) = Path(root, ".toolbox").glob("py-rattler-*")
    python = next(path for path in ("/usr/bin/python3", sys.executable) if os.path.exists(path))
    peer = str(Path(root).parent / "bare")
    script = [python, "-I", "-c", bench_conda_engine.BARE, str(library), channel, peer, f"{peer}-cache"]
    bare: Task = {"name": "bare", "ansible.builtin.command": {"argv": [*script, *bench_conda_engine.SPECS]}}
    compiled = shlex.join(["python3", "-m", "compileall", "-q", "-j", "0", "."])
    rows = []
    for bytecode in (False, True):
        wanted = task(root, channel, name="fresh", compile_bytecode=bytecode)
        ours = {**wanted, "name": "fresh"}
        gone = {**task(root, channel, name="fresh", packages=[], state="absent"), "name": "clean"}
        more: list[Task] = []
        if bytecode:
            folder = f"{peer}/lib/python3*/site-packages"
            command = f"cd {folder} && {peer}/bin/{compiled}"
            more = [{"name": "compile", "ansible.builtin.shell": command}]
        removed: Task = {"name": "clean", "ansible.builtin.file": {"path": peer, "state": "absent"}}
        way_of_ours, way_of_bare = [ours, gone], [bare, *more, removed]
        measure.play([*way_of_ours, *way_of_bare], inventory, env=env)  # fills the caches
        turns: list[Task] = []
        for number in range(rounds):
            turns += [*way_of_ours, *way_of_bare] if number % 2 else [*way_of_bare, *way_of_ours]
        times = measure.play(turns, inventory, env=env)
        theirs = times["bare"].median + (times["compile"].median if bytecode else 0)
        what = f"fresh environment, {'with' if bytecode else 'without'} bytecode"
        rows.append(Row(what, times["fresh"].median, "bare py-rattler as a task", theirs, None if bytecode else 1.25))
    return rows


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
                found += beside(inventory, env, root, channel, task(root, channel), arguments.rounds)
                found.append(cloned(inventory, env, root, channel))
                found += fresh(inventory, env, root, channel, arguments.rounds)
    return measure.report(f"Converged conda_env, 60 packages, {arguments.rounds} rounds", found)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (measure.BenchmarkError, subprocess.TimeoutExpired) as error:
        sys.exit(str(error))
