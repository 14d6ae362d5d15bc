# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for tests: containers of the bed's images, started, spoken to and removed.

with container("rocky9") as host:
    host.check("dnf -y install bed-tool-1.0")
    assert host.run("rpm -q bed-tool").out.strip() == "bed-tool-1.0-1.x86_64"
"""

from __future__ import annotations

import contextlib
import functools
import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from . import docker as engine
from . import galaxy_collections, service
from .docker import LABEL, NETWORK, docker
from .host import BedError, obstacles
from .images import IMAGES, missing

# What systemd needs in a container, on hosts with either version of cgroups.
_SYSTEMD_OPTIONS = (
    "--cgroupns=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--cap-add=SYS_ADMIN",
    "--security-opt=seccomp=unconfined",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
)


class Completed(NamedTuple):
    """What a command in a container did: exit status, standard output, standard error."""

    rc: int
    out: str
    err: str


class HostFailedError(AssertionError):
    """A command that a test takes for granted failed in a container."""


@dataclass(frozen=True)
class Container:
    """A running host of the bed."""

    name: str
    image_key: str

    @property
    def inventory_line(self) -> str:
        """This host for an Ansible inventory in INI form."""
        return (
            f"{self.name} ansible_connection=community.docker.docker ansible_python_interpreter=/usr/bin/python3 "
            "ansible_docker_timeout=60"
        )

    def run(
        self,
        command: str | Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        timeout_s: float = 300,
    ) -> Completed:
        """Run a command, through `sh` when it is one string; subprocess.TimeoutExpired when it takes too long."""
        argv = self.command_line(command, env=env, user=user, interactive=stdin is not None)
        done = subprocess.run(
            argv,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        return Completed(done.returncode, done.stdout, done.stderr)

    def check(self, command: str | Sequence[str], **options: object) -> str:
        """Run a command that must succeed and return what it printed; takes what `run` takes."""
        done = self.run(command, **options)  # type: ignore[arg-type]
        if done.rc != 0:
            raise HostFailedError(
                f"{self.name}: {command!r} ended with {done.rc}\n{done.out[-4000:]}{done.err[-4000:]}"
            )
        return done.out

    def popen(self, command: str | Sequence[str], **options: object) -> subprocess.Popen[str]:
        """Start a command and leave it running; its pipes are text.

        Ending this process ends docker's client, not the command: kill that one inside.
        """
        argv = self.command_line(command, interactive=True, **options)  # type: ignore[arg-type]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def command_line(
        self,
        command: str | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        interactive: bool = False,
    ) -> list[str]:
        """The docker command that runs `command` in this host."""
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        variables = [f"--env={key}={value}" for key, value in (env or {}).items()]
        options = ["--interactive"] if interactive else []
        return ["docker", "exec", *options, f"--user={user}", *variables, self.name, *words]

    def copy_in(self, source: Path | str, target: str) -> None:
        """Copy a file or a directory of this machine to a path in the host, owned by root.

        A directory becomes `target` itself; missing parents are made.
        """
        source = Path(source)
        parent = target if source.is_dir() else os.path.dirname(target)
        self.check(["mkdir", "-p", parent])
        docker("cp", f"{source}/." if source.is_dir() else source, f"{self.name}:{target}")
        self.check(["chown", "-R", "root:root", target])

    def copy_out(self, source: str, target: Path | str) -> None:
        """Copy a file or a directory of the host to a path of this machine."""
        docker("cp", f"{self.name}:{source}", target)

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Write a file in the host, making its directory."""
        quoted = shlex.quote(path)
        self.check(f"mkdir -p $(dirname {quoted}) && cat >{quoted} && chmod {mode} {quoted}", stdin=text)

    def read(self, path: str) -> str:
        """The text of a file in the host."""
        return self.check(["cat", path])


def bed_available() -> tuple[bool, str]:
    """Whether hosts can be had here, and if not, why."""
    why = engine.obstacle()
    try:
        if not why and missing():
            why = "; ".join(obstacles())
    except BedError as error:
        why = str(error)
    return not why, why


def require_bed() -> None:
    """Skip the calling test with the reason where there is no bed; where CI=true, fail it instead."""
    import pytest

    available, why = bed_available()
    if not available and os.environ.get("CI") == "true":
        pytest.fail(f"the test bed is needed: {why}")
    if not available:
        pytest.skip(f"the test bed cannot be had here: {why}")


def ansible_environment(repository: Path) -> dict[str, str]:
    """Environment variables for ansible-playbook against hosts of the bed: this collection and docker's connection."""
    return {
        "ANSIBLE_COLLECTIONS_PATH": f"{repository / '.tree'}:{galaxy_collections.ensure()}",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
    }


@functools.cache
def _ensure_bed() -> None:
    service.up()


@contextlib.contextmanager
def container(
    image_key: str,
    *,
    network: str = NETWORK,
    tmpfs: Mapping[str, str] | None = None,
    volumes: Sequence[str] = (),
    options: Sequence[str] = (),
    booted: bool = True,
) -> Iterator[Container]:
    """One host of the image, booted where the image boots and that is wanted, removed at the end.

    `network` "none" cuts it off; `tmpfs` maps a mount point to its options ("size=64m"); `volumes`
    and `options` go to `docker run` as they are.
    """
    _ensure_bed()
    boot = booted and IMAGES[image_key].systemd
    host = _start(image_key, network, tmpfs or {}, volumes, options, boot=boot)
    try:
        if boot:
            wait_until_booted(host)
        yield host
    finally:
        docker("rm", "--force", "--volumes", host.name)


@contextlib.contextmanager
def fleet(count: int, image_keys: Sequence[str] = ("ubuntu2404", "rocky9")) -> Iterator[list[Container]]:
    """`count` hosts that only sleep (no systemd, about 3 MiB each), the images by turns, removed at the end."""
    _ensure_bed()
    hosts: list[Container] = []
    try:
        for number in range(count):
            hosts.append(_start(image_keys[number % len(image_keys)], NETWORK, {}, (), (), boot=False))
        yield hosts
    finally:
        if hosts:
            docker("rm", "--force", "--volumes", *(host.name for host in hosts))


def _start(
    image_key: str,
    network: str,
    tmpfs: Mapping[str, str],
    volumes: Sequence[str],
    options: Sequence[str],
    *,
    boot: bool,
) -> Container:
    name = f"gpufleet-bed-{image_key}-{uuid.uuid4().hex[:8]}"
    words = ["--detach", "--name", name, "--hostname", name, "--label", LABEL, "--network", network]
    words += [f"--tmpfs={path}:{settings}" for path, settings in tmpfs.items()]
    words += [f"--volume={volume}" for volume in volumes]
    start = [IMAGES[image_key].tag] if boot else ["--init", IMAGES[image_key].tag, "sleep", "infinity"]
    docker("run", *words, *(_SYSTEMD_OPTIONS if boot else ()), *options, *start)
    return Container(name, image_key)


def wait_until_booted(host: Container, timeout_s: float = 60) -> None:
    """Wait until systemd has nothing more to start; BedError when that takes too long."""
    deadline = time.monotonic() + timeout_s
    while True:
        state = host.run(["systemctl", "is-system-running"]).out.strip()
        if state in ("running", "degraded"):
            return
        if time.monotonic() > deadline:
            raise BedError(
                f"{host.name} did not boot within {timeout_s:.0f} s (systemd says {state!r}). Many booted containers "
                "need more of fs.inotify.max_user_instances; see tests/bed/README.md."
            )
        time.sleep(0.2)
