# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`torch: "2.x"` with `cuda: auto`, by the roles, on hosts with stand-ins for GPUs and drivers: which build comes.

The wheels are stand-ins as well, on an index of this machine that has every release for every tag, as PyTorch's has.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, distributions, images
from ansible_collections.gpufleet.mlstack.tests.bed.conda_python import Interpreter
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, require_bed
from ansible_collections.gpufleet.mlstack.tests.bed.docker import NETWORK, docker
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in import driver_runfile
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in.hosts import gpu_host, reboot
from ansible_collections.gpufleet.mlstack.tests.integration import stand_in_torch
from ansible_collections.gpufleet.mlstack.tests.integration.gpu_fleet import GpuFleet

IMAGE, UV = "ubuntu2404", "/usr/local/bin/uv"
# "" is a host without a GPU.
DRIVERS = {"old": "470.82.01", "usual": "550.54.15", "cpu": ""}
RELEASES, TAGS = ("2.7.1", "2.14.1", "2.15.0"), ("cpu", "cu118", "cu126", "cu130", "cu132")
DESIRED = {"name": "ml", "torch": "2.x", "cuda": "auto", "verify_imports": ["torch"]}
# What the documentation promises for an A100 with each driver: docs/gpu-planning.md.
BUILDS = {
    "470.82.01": "2.7.1+cu118",
    "550.54.15": "2.14.1+cu126",
    "580.65.06": "2.15.0+cu132",
    "": "2.15.0+cpu",
}


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The folder over HTTP on the bed's network: its address, and the paths that are asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            asked.append(self.path)

    gateway = docker("network", "inspect", NETWORK, "--format", "{{(index .IPAM.Config 0).Gateway}}")
    with ThreadingHTTPServer((gateway, 0), functools.partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{gateway}:{server.server_address[1]}", asked
        server.shutdown()


def write_index(folder: Path) -> None:
    """An index as PyTorch's are, with a folder for each tag."""
    for tag in TAGS:
        project = folder / tag / "torch"
        for release in RELEASES:
            cuda = f"{tag[2:4]}.{tag[4:]}" if tag.startswith("cu") else None
            text = stand_in_torch.source(f"{release}+{tag}", cuda, gpus=int(tag != "cpu"))
            distributions.wheel(project, "torch", f"{release}+{tag}", files={"torch.py": text})
        names = sorted(path.name for path in project.glob("*.whl"))
        links = "\n".join(f'<a href="{name.replace("+", "%2B")}">{name}</a>' for name in names)
        (project / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>\n")


def load_driver(host: Container, version: str) -> None:
    host.write("/root/driver.run", driver_runfile.installer(version))
    host.check("sh /root/driver.run --silent --dkms >/dev/null")
    reboot(host)
    assert host.read("/sys/module/nvidia/version").strip() == version


@dataclass(frozen=True)
class Site:
    """The hosts, and what they are given."""

    fleet: GpuFleet
    asked: list[str]
    variables: Mapping[str, object]

    def converge(self, role: str) -> dict[str, int]:
        """Run a role on all hosts; how many tasks changed each."""
        playbook = self.fleet.folder / f"{role}.yml"
        playbook.write_text(f"- hosts: all\n  gather_facts: false\n  roles: [gpufleet.mlstack.{role}]\n")
        self.asked.clear()
        ran = self.fleet.play(str(playbook), self.variables)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return {name: int(count) for name, count in re.findall(r"^(\w+) .*changed=(\d+)", ran.stdout, re.MULTILINE)}

    def builds(self, root: str) -> dict[str, str]:
        """The version that each host's interpreter finds, and the CUDA it is for."""
        script = "import torch; print(torch.__version__, torch.version.cuda, torch.cuda.is_available())"
        python = f"{root}/ml/bin/python"
        return {name: host.check([python, "-c", script]).splitlines()[-1] for name, host in self.fleet.hosts.items()}

    def tags_asked(self) -> set[str]:
        return {path.split("/")[1] for path in self.asked}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, uv: str) -> Iterator[Site]:
    require_bed()
    folder = tmp_path_factory.mktemp("frameworks")
    write_index(folder / "whl")
    channel = conda_channel.basic([Interpreter.of_image(images.IMAGES[IMAGE].tag)])
    volumes = [f"{uv}:{UV}:ro", f"{channel.folder}:/opt/channel:ro"]
    managers = [
        gpu_host(IMAGE, gpus="a100" if driver else "none", headers=bool(driver), more_volumes=volumes)
        for driver in DRIVERS.values()
    ]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(managers)) as pool:
        hosts = dict(zip(DRIVERS, pool.map(stack.enter_context, managers), strict=True))
        address, asked = stack.enter_context(served(folder / "whl"))
        for name, version in DRIVERS.items():
            if version:
                load_driver(hosts[name], version)
        variables = {
            "python_envs_root": "/opt/python",
            "python_envs_executable": UV,
            "python_envs_index_url": f"{address}/nothing-else",
            "python_envs_torch_index": address,
            "python_envs_list": [DESIRED],
            "conda_envs_root": "/opt/conda",
            "conda_envs_channels": ["file:///opt/channel"],
            "conda_envs_torch_index": address,
            "conda_envs_list": [{**DESIRED, "packages": ["python=3.11"]}],
        }
        yield Site(GpuFleet(hosts, folder), asked, variables)


def expected(drivers: Mapping[str, str]) -> dict[str, str]:
    """What each host's interpreter should say."""
    told = {}
    for name, driver in drivers.items():
        tag = BUILDS[driver].partition("+")[2]
        told[name] = f"{BUILDS[driver]} {f'{tag[2:4]}.{tag[4:]}' if driver else None} {bool(driver)}"
    return told


def test_each_host_gets_the_build_for_its_driver(site: Site) -> None:
    assert site.converge("python_envs") == {"old": 1, "usual": 1, "cpu": 1}
    assert site.builds("/opt/python") == expected(DRIVERS)
    assert site.tags_asked() - {"nothing-else"} == {"cu118", "cu126", "cpu"}, "an index of another build was asked"
    assert site.converge("python_envs") == {"old": 0, "usual": 0, "cpu": 0} and site.asked == []


def test_a_newer_driver_brings_a_newer_build_to_its_host_alone(site: Site) -> None:
    load_driver(site.fleet.hosts["usual"], "580.65.06")
    assert site.converge("python_envs") == {"old": 0, "usual": 1, "cpu": 0}
    assert site.builds("/opt/python") == expected({**DRIVERS, "usual": "580.65.06"})
    assert site.tags_asked() - {"nothing-else"} == {"cu132"}


def test_pip_brings_the_same_builds_into_environments_of_conda(site: Site) -> None:
    for host in site.fleet.hosts.values():
        host.check("rm -rf /root/.cache/uv")  # what was fetched for the other role
    assert site.converge("conda_envs") == {"old": 1, "usual": 1, "cpu": 1}
    assert site.builds("/opt/conda") == expected({**DRIVERS, "usual": "580.65.06"})
    assert site.tags_asked() == {"cu118", "cu132", "cpu"}
    assert site.converge("conda_envs") == {"old": 0, "usual": 0, "cpu": 0}
