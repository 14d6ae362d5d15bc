# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CUDA toolkits of a host, read from the files that they bring; nothing is run."""

from __future__ import annotations

import json
import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DISTRIBUTION,
    NVIDIA_REPOSITORY,
    RUNFILE,
    UNKNOWN,
    Toolkit,
)

PARENT = "/usr/local"
DEFAULT_LINK = f"{PARENT}/cuda"
# Where Debian's and Ubuntu's own package nvidia-cuda-toolkit lies.
_DISTRIBUTION_PATH = "/usr/lib/nvidia-cuda-toolkit"
_DISTRIBUTION_PACKAGE = "nvidia-cuda-toolkit"
_FOLDER = re.compile(r"^cuda-(\d+\.\d+)(?:\.\d+)?\Z")
# A third number of eight digits is the date of a build, as in '11.8.20220929'.
_VERSION = re.compile(r"(\d+\.\d+)(?:\.(\d+))?")
_RELEASE = re.compile(r"release (\d+\.\d+), V(\d+\.\d+\.\d+)")
_PACKAGED = re.compile(r"~(\d+\.\d+(?:\.\d+)?)")


def find(host: Host, packages: t.Mapping[str, str]) -> tuple[Toolkit, ...]:
    """Every toolkit below C(/usr/local) and the distribution's, the oldest first.

    ``packages`` are the installed packages with their versions; they tell who brought a toolkit.
    """
    default = _resolved(host, DEFAULT_LINK)
    found = []
    for name in host.names(PARENT):
        match = _FOLDER.match(name)
        path = f"{PARENT}/{name}"
        if match and (host.exists(f"{path}/bin") or host.exists(f"{path}/version.json")):
            version = version_of(host, path) or match.group(1)
            found.append(
                Toolkit(
                    path=path,
                    version=version,
                    compiler=host.exists(f"{path}/bin/nvcc"),
                    default=default == path,
                    source=_source(host, path, match.group(1), packages),
                )
            )
    if _DISTRIBUTION_PACKAGE in packages and host.exists(_DISTRIBUTION_PATH):
        packaged = _PACKAGED.search(packages[_DISTRIBUTION_PACKAGE])
        found.append(
            Toolkit(
                path=_DISTRIBUTION_PATH,
                version=packaged.group(1) if packaged else packages[_DISTRIBUTION_PACKAGE].partition("-")[0],
                compiler=host.exists("/usr/bin/nvcc"),
                source=DISTRIBUTION,
            )
        )
    return tuple(sorted(found, key=lambda toolkit: [int(part) for part in toolkit.version.split(".")]))


def version_of(host: Host, path: str) -> str:
    """The version that a toolkit's own files name, or empty."""
    text = host.read_text(f"{path}/version.json")
    if text is not None:
        return parse_version_json(text)
    return _number(host.read_text(f"{path}/version.txt") or "")


def parse_version_json(text: str) -> str:
    """C(version.json), which toolkits bring since 11.1. Empty where it is broken or names no version."""
    try:
        version = json.loads(text)["cuda"]["version"]
    except (ValueError, TypeError, KeyError):
        return ""
    return _number(str(version))


def parse_compiler(text: str) -> str:
    """The release in what C(nvcc --version) prints, or empty: C(11.8)."""
    match = _RELEASE.search(text)
    return match.group(1) if match else ""


def _number(text: str) -> str:
    match = _VERSION.search(text)
    if match is None:
        return ""
    patch = match.group(2)
    # version.txt of the toolkits up to 11.0 has three numbers, the last of them a build ('10.1.105').
    return f"{match.group(1)}.{patch}" if patch and len(patch) < 3 else match.group(1)


def _source(host: Host, path: str, release: str, packages: t.Mapping[str, str]) -> str:
    dashed = release.replace(".", "-")
    # Every package of a toolkit carries its release at the end, in apt and in dnf.
    if any(name.startswith("cuda-") and name.endswith(f"-{dashed}") for name in packages):
        return NVIDIA_REPOSITORY
    return RUNFILE if host.exists(f"{path}/bin/cuda-uninstaller") else UNKNOWN


def _resolved(host: Host, path: str) -> str:
    """Where a chain of links leads (alternatives put a second one behind the first), as a path of the host."""
    for _hop in range(8):
        try:
            target = os.readlink(host.path(path))
        except OSError:
            return path
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return path
