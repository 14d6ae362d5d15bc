# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CUDA toolkits of a host by their files, and what of the host decides about them. Reads only; runs no program."""

from __future__ import annotations

import glob
import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda import facts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import (
    COMPAT,
    DISTRIBUTION,
    DISTRIBUTION_PATH,
    NVIDIA,
    RUNFILE,
    WHEELS,
    Desired,
    Found,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import hardware, libraries, loaded, toolkits

_PARENT = "/usr/local"
_FOLDER = re.compile(r"^cuda-(\d+\.\d+)\Z")


def toolkits_of(host: Host, desired: Desired) -> tuple[dict[str, Found], dict[str, str]]:
    """Every toolkit by its path, and the path of each wanted release."""
    found: dict[str, Found] = {}
    for name in host.names(_PARENT):
        match = _FOLDER.match(name)
        path = f"{_PARENT}/{name}"
        if match and (
            host.exists(f"{path}/bin") or host.exists(f"{path}/version.json") or host.exists(f"{path}/lib64")
        ):
            source = RUNFILE if host.exists(f"{path}/bin/cuda-uninstaller") else NVIDIA
            version = toolkits.version_of(host, path)
            found[path] = Found(match.group(1), path, version, host.exists(f"{path}/bin/nvcc"), source)
    paths: dict[str, str] = {}
    for toolkit in desired.toolkits:
        path = toolkit.path
        if toolkit.method == WHEELS:
            root = "" if host.root == "/" else host.root.rstrip("/")
            places = sorted(place[len(root) :] for place in glob.glob(host.path(path)))
            path = places[-1] if places else ""
            if path:
                compiler = host.exists(f"{path}/bin/nvcc")
                found[path] = Found(toolkit.release, path, "", compiler, WHEELS)
        elif toolkit.method == DISTRIBUTION and host.exists("/usr/bin/nvcc"):
            found[path] = Found(toolkit.release, DISTRIBUTION_PATH, "", True, DISTRIBUTION)
        paths[toolkit.release] = path
    return found, paths


def driver_of(host: Host) -> str:
    """The driver that programs will meet: the loaded one, else the one whose libraries are on disk."""
    running = loaded.read(host)
    return running.version if running is not None else libraries.version(host)


def consumer_gpus(host: Host, desired: Desired) -> tuple[str, ...]:
    """The GPUs for which there is no forward compatibility, where that is wanted."""
    if desired.driver != COMPAT:
        return ()
    gpus, _switches = hardware.scan(host)
    return facts.not_for_data_centres(gpu.device for gpu in gpus)
