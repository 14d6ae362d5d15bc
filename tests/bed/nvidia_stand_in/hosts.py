# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with GPUs: a PCI bus of one of the profiles, NVIDIA's stand-in repositories in reach, and a boot of their own.

with gpu_host("ubuntu2404", gpus="a100x8") as host:
    host.check("apt-get install ...")
    host = reboot(host)  # the driver on disk is now the one that is loaded
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence

from ..containers import Container, container, wait_until_booted
from ..docker import docker
from ..host import BedError
from . import repositories

_UNITS = ("bed-boot-id.service", "bed-nvidia-load.service")


def volumes(gpus: str) -> list[str]:
    """What a container must have mounted to be such a host; molecule's platforms have the same."""
    top = repositories.folder()
    units = "/etc/systemd/system"
    return [
        f"{top / 'pci' / gpus}:/sys/bus/pci/devices:ro",
        f"{top / 'gpu'}:/opt/bed/gpu:ro",
        *(f"{top / 'gpu' / unit}:{units}/{unit}:ro" for unit in _UNITS),
        f"{top / 'gpu' / 'sysinit.target.conf'}:{units}/sysinit.target.d/bed.conf:ro",
    ]


@contextlib.contextmanager
def gpu_host(
    image_key: str,
    *,
    gpus: str = "a100",
    headers: bool = False,
    tmpfs: Mapping[str, str] | None = None,
    more_volumes: Sequence[str] = (),
    booted: bool = True,
) -> Iterator[Container]:
    """A host of the image with these GPUs (a profile of pci.py) that trusts the bed's CA.

    With `headers`, it has those of the running kernel. `booted` False gives one without systemd, which cannot reboot().
    """
    repositories.ensure()
    options = ["--restart=unless-stopped"] if booted else []
    mounts = [*volumes(gpus), *more_volumes]
    with container(image_key, tmpfs=tmpfs, volumes=mounts, options=options, booted=booted) as host:
        host.check(
            "cp /opt/bed/gpu/bed-ca.crt /usr/local/share/ca-certificates/ && update-ca-certificates >/dev/null 2>&1"
        )
        if headers:
            _install_headers(host)
        yield host


def reboot(host: Container, timeout_s: float = 90) -> None:
    """Let the host go down and come up again, as `ansible.builtin.reboot` does."""
    before = host.read("/proc/sys/kernel/random/boot_id")
    host.run(["systemctl", "reboot"])
    deadline = time.monotonic() + timeout_s
    while True:
        done = host.run(["cat", "/proc/sys/kernel/random/boot_id"])
        if done.rc == 0 and done.out != before:
            break
        if time.monotonic() > deadline:
            raise BedError(f"{host.name} did not come back: {docker('logs', '--tail', '20', host.name)}")
        time.sleep(0.3)
    wait_until_booted(host)


def _install_headers(host: Container) -> None:
    """The headers come as a package from the stand-in repository, without configuring that."""
    system = {"rocky9": "rhel9", "rocky10": "rhel10"}.get(host.image_key.partition("-")[0], "debian12")
    folder = f"https://{repositories.NAME}/{repositories.REPOSITORIES}/{system}/x86_64"
    top = repositories.folder() / "www" / repositories.REPOSITORIES / system / "x86_64"
    (file,) = [*top.glob("linux-headers-*.deb"), *top.glob("kernel-devel-*.rpm")]
    fetch = f'python3 -c \'import urllib.request as u; u.urlretrieve("{folder}/{file.name}", "/tmp/{file.name}")\''
    install = "rpm -i --nosignature" if file.suffix == ".rpm" else "dpkg -i"
    host.check(f"{fetch} && {install} /tmp/{file.name} >/dev/null 2>&1 && rm /tmp/{file.name}")
