# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""container_toolkit beside Debian's real dockerd with a container that runs: what it is told, what it is spared."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import ansible
import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.container_toolkit.program import program
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, container, require_bed
from ansible_collections.gpufleet.mlstack.tests.integration.nvidia_host import run_module
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import CHECKOUT

FILE = "/etc/docker/daemon.json"
# What a daemon in a container needs: no firewall, no bridge, no overlay on an overlay.
SETTINGS = '{\n  "iptables": false,\n  "bridge": "none",\n  "storage-driver": "vfs"\n}\n'
RUNTIME = '#!/bin/sh\necho "$*" >>/tmp/asked\nexec runc "$@"\n'


@pytest.fixture(scope="module")
def shared() -> Iterator[Container]:
    require_bed()
    volumes = (
        f"{CHECKOUT / 'plugins'}:/mlstack/ansible_collections/gpufleet/mlstack/plugins:ro",
        f"{os.path.dirname(ansible.__file__)}:/mlstack/ansible:ro",
        "/var/lib/docker",
    )
    with container("debian12", options=["--cap-add=NET_ADMIN"], volumes=volumes) as host:
        host.write(FILE, SETTINGS)
        host.check("apt-get -qq update && apt-get -yqq install --no-install-recommends docker.io busybox-static")
        host.check("tar -C / -c bin/busybox | docker import - box")
        host.check("docker run --detach --net none --name job box /bin/busybox sleep 3600")
        host.write("/usr/bin/nvidia-ctk", program("1.20.0"), "0755")
        host.write("/usr/bin/nvidia-container-runtime", RUNTIME, "0755")
        yield host


@pytest.fixture
def host(shared: Container) -> Iterator[Container]:
    before = job(shared)
    yield shared
    succeed(shared, state="absent")
    assert shared.read(FILE) == SETTINGS and runtimes(shared) & {"nvidia"} == set()
    assert job(shared) == before, shared.run("journalctl --no-pager --unit docker | grep -v grpc | tail -70").out


def succeed(host: Container, **arguments: Any) -> dict[str, Any]:
    check = arguments.pop("check", False)
    result = run_module(host, "container_toolkit", {"engines": ["docker"], **arguments}, check=check)
    assert not result.get("failed"), result["msg"]
    return result


def job(host: Container) -> str:
    return host.check("docker inspect -f '{{.State.Pid}} {{.State.StartedAt}}' job; cat /run/docker.pid")


def runtimes(host: Container) -> set[str]:
    return set(json.loads(host.check("docker info --format '{{json .Runtimes}}'")))


def verbs(result: dict[str, Any]) -> list[str]:
    return [step["action"] for step in result["plan"]]


def test_a_running_daemon_learns_of_the_runtime_and_its_containers_go_on(host: Container) -> None:
    assert verbs(succeed(host, check=True)) == ["configure", "reload"]
    assert runtimes(host) & {"nvidia"} == set()
    done = succeed(host)
    assert verbs(done) == ["configure", "reload"] and "nvidia" in runtimes(host)
    told = {check["code"]: check["ok"] for check in done["checks"]}
    assert told["docker_runtime"] is True and told["docker_cdi"] is False  # Debian's 20.10 has no CDI
    assert told["cgroups"] is True and told["cdi_driver"] is False
    assert not succeed(host)["changed"]
    # A container is really made by way of it.
    host.check("docker run --rm --net none --runtime nvidia box /bin/busybox true")
    assert "create" in host.read("/tmp/asked")


def test_a_default_comes_and_goes_and_a_file_that_nobody_has_read_is_read(host: Container) -> None:
    succeed(host, default_runtime=True)
    assert host.check("docker info --format '{{.DefaultRuntime}}'") == "nvidia\n"
    assert not succeed(host, default_runtime=True)["changed"]
    assert verbs(succeed(host, default_runtime=False)) == ["tell", "configure"]
    assert host.check("docker info --format '{{.DefaultRuntime}}'") == "runc\n"
    assert not succeed(host, default_runtime=False)["changed"]
    succeed(host, default_runtime=True)  # and from there away with all of it, at the end
    assert "default-runtime" in host.read(FILE)
    # Somebody took the runtime out, told the daemon, and put it back without telling.
    kept = host.read(FILE)
    # (With the default in the same breath: 20.10 dies of one that is gone.)
    host.write(FILE, SETTINGS.replace("{\n", '{\n  "runtimes": {}, "default-runtime": "runc",\n', 1))
    host.check("systemctl reload docker && until ! docker info | grep -q nvidia; do sleep 0.1; done", timeout_s=30)
    host.write(FILE, kept)
    assert verbs(succeed(host, default_runtime=True)) == ["reload"] and "nvidia" in runtimes(host)


def test_a_daemon_that_is_down_is_not_started_and_what_it_knows_is_not_known(shared: Container) -> None:
    shared.check("systemctl stop docker.socket docker")
    try:
        done = succeed(shared)
        assert verbs(done) == ["configure"]
        assert {check["code"]: check["ok"] for check in done["checks"]}["docker_runtime"] is None
        assert shared.run("systemctl is-active docker").out == "inactive\n"
    finally:
        shared.check("systemctl start docker")
    assert "nvidia" in runtimes(shared) and not succeed(shared)["changed"]
    succeed(shared, state="absent")
    assert shared.read(FILE) == SETTINGS
    shared.check("docker start job")


def test_flags_for_the_same_are_refused(shared: Container) -> None:
    host = shared
    unit = "[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// --add-runtime mine=/usr/bin/runc\n"
    host.write("/etc/systemd/system/docker.service.d/flags.conf", unit)
    host.check("systemctl daemon-reload && systemctl restart docker && docker start job")
    try:
        result = run_module(host, "container_toolkit", {"engines": ["docker"]})
        assert result["code"] == "docker_flags" and host.read(FILE) == SETTINGS
        # With a default in both places it does not start.
        host.write("/root/both.json", '{"default-runtime": "runc"}')
        said = host.run("timeout 20 dockerd --config-file /root/both.json --default-runtime runc")
        assert said.rc == 1 and "specified both as a flag and in the configuration file" in said.out + said.err
    finally:
        host.write(FILE, SETTINGS)
        host.check("rm /etc/systemd/system/docker.service.d/flags.conf && systemctl daemon-reload")
        host.check("systemctl restart docker && docker start job")
