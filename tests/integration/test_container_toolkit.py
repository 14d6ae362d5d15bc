# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role container_toolkit as it is run, on a real apt and a real dnf: stand-ins for NVIDIA's packages, for a driver
and its GPU, and for engines that are only there by name."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.container_toolkit import toolkit_packages
from ansible_collections.gpufleet.mlstack.tests.bed.container_toolkit.program import program
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, container, require_bed
from ansible_collections.gpufleet.mlstack.tests.integration import nvidia_host
from ansible_collections.gpufleet.mlstack.tests.integration.gpu_fleet import GpuFleet

IMAGES = {"apt": "ubuntu2404", "dnf": "rocky9"}
LIBRARIES = {"apt": "/usr/lib/x86_64-linux-gnu", "dnf": "/usr/lib64"}
MAY_MOUNT = ("--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined")
FILE, BOOT_SPEC, SPEC = "/etc/docker/daemon.json", "/run/cdi/nvidia.yaml", "/etc/cdi/nvidia.yaml"
USERS = '{\n  "log-driver": "journald",\n  "features": {"containerd-snapshotter": true}\n}\n'
NVRM = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {}  Release Build\n"
PLAY = "- hosts: all\n  gather_facts: false\n  roles: [gpufleet.mlstack.container_toolkit]\n"


def load_driver(host: Container, version: str, *, on_disk: str = "") -> None:
    """What a driver that runs, its libraries and its GPU look like to who only looks."""
    folder = LIBRARIES["dnf" if host.image_key == "rocky9" else "apt"]
    host.check("mountpoint -q /proc/driver || mount -t tmpfs tmpfs /proc/driver; mkdir -p /proc/driver/nvidia")
    host.write("/proc/driver/nvidia/version", NVRM.format(version))
    host.check(
        f"rm -f {folder}/libnvidia-ml.so.* && ln -s libnvidia-ml.so.{on_disk or version} {folder}/libnvidia-ml.so.1"
    )
    host.check("test -e /dev/nvidia0 || mknod /dev/nvidia0 c 1 3")


class Site:
    """A host with each package manager, and the role on both at once."""

    def __init__(self, fleet: GpuFleet) -> None:
        self.fleet = fleet
        self.book = fleet.folder / "play.yml"
        self.book.write_text(PLAY)

    def run(self, *words: str, rc: int = 0, **variables: Any) -> str:
        given = {
            "container_toolkit_list": ["docker", "podman"],
            "container_toolkit_version": "1.19.1-1",
            "container_toolkit_repository_url": f"file:{toolkit_packages.FOLDER}",
            "container_toolkit_repository_key_url": "file:///opt/bed/toolkit.asc",
            "container_toolkit_repository_fingerprints": nvidia_host.fingerprints(),
            **variables,
        }
        ran = self.fleet.play(str(self.book), given, *words)
        assert ran.returncode == rc, ran.stdout + ran.stderr
        return ran.stdout

    def changed(self, *words: str, **variables: Any) -> dict[str, int]:
        """How many tasks changed each host."""
        text = self.run(*words, **variables)
        return {name: int(count) for name, count in re.findall(r"^(\w+) .*changed=(\d+)", text, re.MULTILINE)}

    def each(self, command: str) -> dict[str, str]:
        return {name: host.check(command) for name, host in self.fleet.hosts.items()}

    def both(self, command: str) -> str:
        """What a command prints on both hosts alike."""
        (text,) = set(self.each(command).values())
        return text


def prepare(host: Container) -> None:
    manager = "dnf" if host.image_key == "rocky9" else "apt"
    toolkit_packages.publish(host, manager)
    host.check("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
    key = {"apt": "/etc/apt/keyrings/bed.asc", "dnf": "/etc/pki/rpm-gpg/RPM-GPG-KEY-bed"}[manager]
    host.check(f"cp {key} /opt/bed/toolkit.asc")
    host.write("/usr/bin/dockerd", "#!/bin/sh\nexit 1 # a name, no engine\n", "0755")
    host.write("/usr/bin/podman", "#!/bin/sh\necho podman version 5.4.0\n", "0755")
    host.write(FILE, USERS, "0640")
    load_driver(host, "550.54.15")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    require_bed()
    managers = [container(key, network="none", options=MAY_MOUNT, booted=False) for key in IMAGES.values()]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        hosts = dict(zip(IMAGES, pool.map(stack.enter_context, managers), strict=True))
        list(pool.map(prepare, hosts.values()))
        yield Site(GpuFleet(hosts, tmp_path_factory.mktemp("toolkit")))


def test_from_a_bare_host_to_a_held_toolkit_and_back(site: Site) -> None:
    listing = f"find /etc/docker /etc/cdi /etc/nvidia* /var/lib/gpufleet-mlstack /usr/bin/nvidia* -type f; cat {FILE}"
    before = site.each(f"({listing}) 2>/dev/null; true")

    # Check mode tells of both tasks, though the second one's program is not there yet, and changes nothing.
    foretold = site.run("--check", "--diff")
    assert foretold.count("changed=2") == 2, foretold
    assert f"put into {FILE}: the runtime nvidia" in foretold and f'+{FILE}:     "nvidia"' in foretold
    assert site.each(f"({listing}) 2>/dev/null; true") == before

    assert site.changed() == {"apt": 2, "dnf": 2}
    merged = json.loads(site.both(f"cat {FILE}"))
    assert merged["runtimes"] == {"nvidia": {"path": "nvidia-container-runtime", "args": []}}
    assert {key: value for key, value in merged.items() if key != "runtimes"} == json.loads(USERS)
    assert site.both(f"stat -c %a {FILE}") == "640\n"
    versions = "cat " + " ".join(f"/usr/share/bed/{name}" for name in toolkit_packages.NAMES)
    assert site.both(versions) == "1.19.1-1\n" * 4
    # The toolkit's own service writes there at each boot, and this is its file.
    assert "libnvidia-ml.so.550.54.15" in site.each(f"cat {BOOT_SPEC}")["dnf"]
    assert site.both("nvidia-ctk cdi list 2>/dev/null") == "nvidia.com/gpu=0\nnvidia.com/gpu=all\n"
    assert site.changed() == {"apt": 0, "dnf": 0}

    # Held: not even somebody who upgrades everything takes it along.
    site.fleet.hosts["apt"].check("apt-get -qq update && apt-get -yqq dist-upgrade")
    site.fleet.hosts["dnf"].check("dnf -yq upgrade")
    assert site.both(versions) == "1.19.1-1\n" * 4

    # A driver that waits for its reboot changes nothing; one that runs does.
    for host in site.fleet.hosts.values():
        load_driver(host, "550.54.15", on_disk="580.65.06")
    assert site.changed() == {"apt": 0, "dnf": 0}
    for host in site.fleet.hosts.values():
        load_driver(host, "580.65.06")
    assert "for driver 580.65.06 (it is for 550.54.15, and the driver is 580.65.06)" in site.run("--check", "--diff")
    assert site.changed() == {"apt": 1, "dnf": 1}
    assert "libcuda.so.580.65.06" in site.each(f"cat {BOOT_SPEC}")["apt"]
    assert site.changed() == {"apt": 0, "dnf": 0}

    # Another version of all four at once, and then all of it away again.
    assert site.changed(container_toolkit_version="1.20.*") == {"apt": 1, "dnf": 1}
    assert site.both(versions) == "1.20.0-1\n" * 4
    assert site.changed(container_toolkit_state="absent") == {"apt": 2, "dnf": 2}
    assert site.changed(container_toolkit_state="absent") == {"apt": 0, "dnf": 0}
    assert site.both(f"cat {FILE}; stat -c %a {FILE}") == f"{USERS}640\n"
    left = "ls -d /run/cdi /etc/cdi /var/lib/gpufleet-mlstack/container* /usr/bin/nvidia* /usr/share/bed/*nvidia*"
    left += " /etc/apt/sources.list.d/*nvidia* /etc/yum.repos.d/*nvidia* /etc/apt/keyrings/*nvidia*"
    left += " /etc/pki/rpm-gpg/*nvidia*"
    assert site.both(f"{left} 2>/dev/null; true") == ""


def test_an_old_podman_and_an_old_toolkit(site: Site) -> None:
    site.both("sed -i s/5.4.0/4.9.3/ /usr/bin/podman")
    try:
        site.run(container_toolkit_list=["podman"], container_toolkit_base_only=True, container_toolkit_version="")
        assert site.both("ls /usr/share/bed | grep container") == "nvidia-container-toolkit-base\n"
        assert site.both(f"grep -c additionalGids {BOOT_SPEC}; true") == "0\n"
        setting = "NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS=no-additional-gids-for-device-nodes"
        assert setting in site.both("cat /etc/nvidia-container-toolkit/nvidia-cdi-refresh.env")
        assert site.both(f"cat {FILE}") == USERS
        site.run(container_toolkit_state="absent", container_toolkit_list=["podman"])

        # Before 1.18 nobody writes a specification at boot: it lies where it lasts.
        assert "1.17.8" in site.run(
            "-v",
            container_toolkit_list=["podman"],
            container_toolkit_version="1.17.8-1",
            container_toolkit_base_only=True,
        )
        assert "libcuda.so.580.65.06" in site.each(f"cat {SPEC}")["dnf"]
    finally:
        site.both("sed -i s/4.9.3/5.4.0/ /usr/bin/podman")
        site.run(container_toolkit_state="absent")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{\n  // comment\n  "debug": true\n}\n', "daemon_json_invalid"),
        (
            '{"runtimes": {"nvidia": {"path": "/usr/local/nvidia/toolkit/nvidia-container-runtime"}}}',
            "runtime_of_others",
        ),
    ],
)
def test_a_file_that_would_lose_something_is_left_alone(site: Site, text: str, code: str) -> None:
    host = site.fleet.hosts["apt"]
    host.write(FILE, text)
    host.write("/usr/bin/nvidia-ctk", program("1.20.0"), "0755")
    try:
        said = site.run("--limit", "apt", rc=2, container_toolkit_manage_packages=False)
        assert code in said
        assert host.read(FILE) == text and host.run(f"ls {SPEC} {BOOT_SPEC}").out == ""
    finally:
        host.write(FILE, USERS, "0640")
        host.check("rm /usr/bin/nvidia-ctk")
