# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few GPU hosts of the bed, an inventory of them, and playbooks that run on it as an operator runs them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import signing_key
from ansible_collections.gpufleet.mlstack.tests.bed import images
from ansible_collections.gpufleet.mlstack.tests.bed.containers import (
    Container,
    ansible_environment,
    wait_until_booted,
)
from ansible_collections.gpufleet.mlstack.tests.bed.docker import docker
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in.hosts import gpu_host
from ansible_collections.gpufleet.mlstack.tests.bed.signing import BED
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import CHECKOUT

STAND_IN = Path(__file__).with_name("stand_in_scheduler.py")


@dataclass(frozen=True)
class GpuFleet:
    """Hosts by their names in the inventory, and a folder for what a run needs."""

    hosts: Mapping[str, Container]
    folder: Path
    over_ssh: bool = False

    def play(
        self,
        playbook: str,
        variables: Mapping[str, Any],
        *words: str,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook, by its name in the collection or its path, to its end."""
        scheduler = self.folder / "scheduler"
        scheduler.mkdir(exist_ok=True)
        for name in ("scontrol", "kubectl"):
            if not (scheduler / name).exists():
                (scheduler / name).write_text(f"#!/usr/bin/env python3\n{STAND_IN.read_text()}")
                (scheduler / name).chmod(0o755)
        fingerprints = list(signing_key.fingerprints(images.keys().public_key(BED).encode()))
        hosts = {name: self._reached(host) for name, host in self.hosts.items()}
        shared = {"nvidia_driver_repository_fingerprints": fingerprints}
        inventory = {"all": {"hosts": hosts, "vars": shared}}
        (self.folder / "hosts.json").write_text(json.dumps(inventory))
        (self.folder / "variables.json").write_text(json.dumps(variables))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environ = {
            **kept,
            **ansible_environment(CHECKOUT),
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
            "PATH": f"{scheduler}:{os.environ['PATH']}",
            "STAND_IN_SCHEDULER": str(scheduler),
        }
        return subprocess.run(
            [
                Path(sys.executable).parent / "ansible-playbook",
                *("-i", self.folder / "hosts.json", "-e", f"@{self.folder / 'variables.json'}", playbook, *words),
            ],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def _reached(self, host: Container) -> dict[str, str]:
        """How Ansible reaches a host. Only over SSH does one that is down count as unreachable, as in the field."""
        python = {"ansible_python_interpreter": "/usr/bin/python3"}
        if not self.over_ssh:
            return {"ansible_connection": "community.docker.docker", "ansible_host": host.name, **python}
        # No address is needed, which a container that was stopped might change: each connection is an sshd of its own.
        serve = f"docker exec -i {host.name} sh -c 'mkdir -p /run/sshd && exec /usr/sbin/sshd -i'"
        options = f'-o ProxyCommand="{serve}" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'
        return {
            "ansible_connection": "ssh",
            "ansible_host": host.name,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.folder / "key"),
            "ansible_ssh_common_args": options,
            **python,
        }

    def pull_the_plug(self, name: str) -> list[str]:
        """The program that stops a host at once, for a task of a playbook; `plug_in` starts it again."""
        return ["docker", "kill", self.hosts[name].name]

    def plug_in(self, name: str) -> None:
        docker("start", self.hosts[name].name)
        wait_until_booted(self.hosts[name])

    def asked(self) -> list[str]:
        """What the stand-ins of schedulers were asked to change since the last time, in order."""
        log = self.folder / "scheduler" / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if not line.startswith(("scontrol show", "kubectl get"))]

    def loaded(self) -> dict[str, str]:
        """The driver that each host runs."""
        return {name: host.run(["cat", "/sys/module/nvidia/version"]).out.strip() for name, host in self.hosts.items()}


@contextlib.contextmanager
def gpu_fleet(
    folder: Path, images_by_name: Mapping[str, str], *, gpus: str = "a100", over_ssh: bool = False
) -> Iterator[GpuFleet]:
    """Booted hosts with the headers of their kernel, made quick: apt knows of no other packages than NVIDIA's, since
    the archive's sixty thousand make it slow, and dpkg does not wait for the disk."""
    if over_ssh:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(images_by_name)) as pool:
        managers = [gpu_host(image, gpus=gpus, headers=True) for image in images_by_name.values()]
        started = list(pool.map(stack.enter_context, managers))
        for host in started:
            host.write("/etc/dpkg/dpkg.cfg.d/bed", "force-unsafe-io\n")
            host.check("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
            if over_ssh:
                host.check("ssh-keygen -A")
                host.write("/root/.ssh/authorized_keys", (folder / "key.pub").read_text(), "0600")
        yield GpuFleet(dict(zip(images_by_name, started, strict=True)), folder, over_ssh)
