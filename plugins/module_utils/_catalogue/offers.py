# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the system of a host offers: what NVIDIA's repository for it has, and what its kernel takes. Pure."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.gpus import Driver
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import HostFacts, Reason
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.needs import Release
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.repositories import folder
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.table import Row, number


def refuses_driver(driver: Driver, facts: HostFacts, catalogue: Catalogue) -> Reason | None:
    """Why a driver cannot come to a host, or not load there. The one that the host has came somehow, and runs."""
    if driver.kept:
        return None
    offer = _offer(facts, catalogue)
    if offer is not None and offer["first_branch"] and number(driver.branch) < number(offer["first_branch"]):
        begins = f"NVIDIA's repository {offer['folder']} begins with driver branch {offer['first_branch']}"
        return offer.reason(f"{begins}, and {driver.title} is older")
    row = catalogue.kernel(driver.branch)
    if row is None or not facts.kernel or number(facts.kernel)[:2] < number(row["too_new"])[:2]:
        return None
    return row.reason(f"{driver.title} does not build for kernel {row['too_new']} and newer, and {facts.kernel} runs")


def refuses_toolkit(release: Release, facts: HostFacts, catalogue: Catalogue) -> Reason | None:
    """Why a toolkit cannot come to a host from NVIDIA's repository."""
    offer = _offer(facts, catalogue)
    if offer is None or not offer["first_cuda"] or number(release.minor) >= number(offer["first_cuda"]):
        return None
    return offer.reason(
        f"NVIDIA's repository {offer['folder']} begins with CUDA {offer['first_cuda']}, and {release.minor} is older"
    )


def _offer(facts: HostFacts, catalogue: Catalogue) -> Row | None:
    return catalogue.offer(folder(facts.distribution, facts.version, facts.architecture))
