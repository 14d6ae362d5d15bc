# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for the packages of NVIDIA's container toolkit, in a repository that a test puts onto its host.

Names, relations and files are those of packaging/debian/control, packaging/rpm/SPECS and deployments/systemd of
NVIDIA/nvidia-container-toolkit at v1.17.8, v1.19.1 and v1.20.0, and of libnvidia-container beside them; the programs in
them are not NVIDIA's, and say so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from .. import deb, images, rpm
from ..containers import Container
from ..package_specs import Package
from ..signing import BED
from .program import program

FOLDER = "/opt/nvidia-container-toolkit"
VERSIONS = ("1.17.8", "1.19.1", "1.20.0")
NAMES = (
    *("nvidia-container-toolkit", "nvidia-container-toolkit-base"),
    *("libnvidia-container-tools", "libnvidia-container1"),
)
# Units came with 1.18; NVIDIA's have conditions besides, on what a stand-in host does not have.
_SERVICE = """\
[Unit]
Description=Refresh NVIDIA CDI specification file (stand-in)
[Service]
Type=oneshot
Environment=NVIDIA_CTK_CDI_OUTPUT_FILE_PATH=/var/run/cdi/nvidia.yaml
EnvironmentFile=-/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env
ExecStart=/usr/bin/nvidia-ctk cdi generate
[Install]
WantedBy=multi-user.target
"""


def packages() -> Iterator[Package]:
    """All packages in all versions."""
    for version in VERSIONS:
        yield from _packages(version)


def _packages(version: str) -> Iterator[Package]:
    def made(name: str, *needs: str, files: dict[str, str] | None = None, after: str = "") -> Package:
        marked = {f"/usr/share/bed/{name}": f"{version}-1\n", **(files or {})}
        equal = tuple(f"{need} = {version}-1" for need in needs)
        return Package(name, version, requires=equal, files=marked, after_install=after, stand_in_for=name)

    runtime = '#!/bin/sh\necho "stand-in of the gpufleet test bed for nvidia-container-runtime" >&2\nexec runc "$@"\n'
    base = {"/usr/bin/nvidia-ctk": program(version), "/usr/bin/nvidia-container-runtime": runtime}
    if version != "1.17.8":
        base["/usr/lib/systemd/system/nvidia-cdi-refresh.service"] = _SERVICE
        base["/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env"] = "# Settings of nvidia-cdi-refresh.service\n"
    settings = "/usr/bin/nvidia-ctk --quiet config --in-place"
    yield made("nvidia-container-toolkit-base", files=base, after=settings)
    yield made("nvidia-container-toolkit", "nvidia-container-toolkit-base", "libnvidia-container-tools")
    yield made("libnvidia-container-tools", "libnvidia-container1")
    yield made("libnvidia-container1")


def publish(container: Container, manager: str) -> str:
    """Put the repository onto a host and return its address."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "repository"
        if manager == "apt":
            deb.build_flat_repository(packages(), folder, images.keys(), BED, "libnvidia-container")
        else:
            rpm.build_repository(packages(), folder, images.keys(), BED)
        container.copy_in(folder, FOLDER)
    return f"file:{FOLDER}"
