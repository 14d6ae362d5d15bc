# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's own package repository for a distribution. Addresses, keys and fingerprints are rows of the catalogue."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import repositories
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Repository

NAME = "nvidia-cuda"
# What its Release file calls itself; apt's pins go by it.
APT_LABEL = "NVIDIA CUDA"
# Whose key a mirror has, for a system for which NVIDIA itself publishes nothing.
_LIKE = {True: ("ubuntu", "24.04"), False: ("rhel", "9")}


def repository(
    distribution: Distribution,
    machine: str,
    *,
    url: str = "",
    key: str = "",
    key_url: str = "",
    fingerprints: tuple[str, ...] = (),
    name: str = NAME,
) -> Repository:
    """The repository of this distribution, or a mirror of it at ``url``, in the words of system_packages: both may
    configure it on one host. A mirror has NVIDIA's key unless another is given with its fingerprints.

    Raises MlstackError where NVIDIA publishes none and no ``url`` is given.
    """
    row = repositories.repository(distribution.id, distribution.version, machine)
    system = distribution.name or distribution.id or "this system"
    if row is None and not url:
        raise MlstackError(
            "no_repository",
            wanted="packages from NVIDIA's repository",
            found=f"none is known for {system} on {machine}",
            to_fix="name the address of one, with its key and fingerprint, or take the driver from the distribution",
        )
    # The table has those.
    row = row or t.cast(Row, repositories.repository(*_LIKE[distribution.family == "Debian"], "x86_64"))
    if not fingerprints and not row["fingerprint"]:
        raise MlstackError(
            "unknown_fingerprint",
            wanted="packages from NVIDIA's repository",
            found=f"its key for {system} is {row['key']}, and the catalogue has not the fingerprint",
            to_fix="give repository_fingerprints with the one that NVIDIA publishes",
        )
    url = url or f"{repositories.SITE}/{row['folder']}"
    if not key and not key_url:
        key_url = f"{url.rstrip('/')}/{row['key']}"
    return Repository(
        name=name,
        url=url,
        key=key,
        key_url="" if key else key_url,
        fingerprints=fingerprints or (row["fingerprint"],),
        suite="/",
    )
