# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalogue says of one toolkit: which drivers run it, and where its installer lies."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import table_cuda
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import branch_of, number, rows

SITE = "https://developer.download.nvidia.com/compute/cuda"
# In the names of installers; that of the common architecture is left out.
_ARCHITECTURES = {"x86_64": "", "aarch64": "_sbsa", "ppc64le": "_ppc64le"}


@dataclass(frozen=True)
class Needs:
    """The oldest drivers for a toolkit, empty for a release that the catalogue does not know.

    ``full`` is for everything in it, ``minor`` for programs built ahead of time for the GPU (minor-version
    compatibility).
    """

    full: str = ""
    minor: str = ""


@dataclass(frozen=True)
class Installer:
    """An installer that the catalogue knows; ``sha256`` is empty where nobody has its digest."""

    url: str
    sha256: str


def needs(release: str, version: str = "") -> Needs:
    """The drivers for an exact version, or for the first one of a release."""
    of_release = [row for row in rows(table_cuda.TABLE) if row["version"].startswith(f"{release}.")]
    exact = [row for row in of_release if row["version"] == version]
    chosen = exact or sorted(of_release, key=lambda row: number(row["version"]))[:1]
    return Needs(chosen[0]["driver"], chosen[0]["minor_driver"]) if chosen else Needs()


def compatible(driver: str, major: str) -> bool:
    """Whether NVIDIA's forward compatibility package of a CUDA major release works on a driver's branch."""
    # Only of use to who asks for that package.
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import table_forward

    return any(
        row["cuda_major"] == major and branch_of(driver) in row["base_branches"].split()
        for row in rows(table_forward.TABLE)
    )


def not_for_data_centres(devices: t.Iterable[str]) -> tuple[str, ...]:
    """The products among PCI device ids for which there is no forward compatibility. What nobody knows is not among
    them."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import table_gpus

    products = {row["id"]: row for row in rows(table_gpus.TABLE)}
    known = (products[device] for device in dict.fromkeys(devices) if device in products)
    return tuple(row["product"] for row in known if row["class"] != "datacenter")


def installer(version: str, machine: str) -> Installer | None:
    """The installer of an exact version, or None."""
    # Long, and only of use to who installs from it.
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import table_runfiles

    for row in (*rows(table_runfiles.TABLE), *rows(table_runfiles.WITHOUT_DIGEST)):
        if (row["version"], row["architecture"]) == (version, machine):
            # From 13.4 on an installer has no driver, nor its version in the name.
            driver = f"_{row['driver']}" if row["driver"] else ""
            file = f"cuda_{version}{driver}_linux{_ARCHITECTURES[machine]}.run"
            return Installer(f"{SITE}/{row['folder']}/local_installers/{file}", row["sha256"])
    return None


def older(driver: str, than: str) -> bool:
    """Whether a driver is older than another; a bare branch (C(615)) is its first release."""
    return bool(than) and number(driver) < number(than)
