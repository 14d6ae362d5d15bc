# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""From a wish that leaves things open to one driver, by the solver."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidWish
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution, Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    ABSENT,
    AUTO,
    DriverWish,
    Runfile,
    Target,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DISTRIBUTION,
    OPEN,
    RUNFILE,
    Observation,
)

# Debian has one branch of the driver for each release (packages.debian.org, nvidia-driver).
_DEBIAN_BRANCH = {"12": "535"}


def target(
    wish: DriverWish, distribution: Distribution, found: Observation, host: Host, noted: t.Mapping[str, t.Any]
) -> Target | None:
    """The driver that this host shall have; None for none. Raises MlstackError where no driver fits.

    ``noted`` is what was written down of the present one: the solver is not asked the same question twice.
    """
    if wish.state == ABSENT or (not found.gpus and wish.require_gpu):
        return None
    asked = question(wish, found)
    if noted.get("asked") == asked:
        decided = (noted["branch"], noted["flavour"], noted.get("wished_version", ""), noted.get("needs_fabric", False))
    else:
        decided = _solved(wish, distribution, found, host)
    branch, flavour, version, fabric = decided
    return Target(
        source=wish.source,
        branch=branch,
        version=version,
        flavour=flavour,
        modules=wish.modules,
        libraries=wish.libraries,
        server=wish.server,
        distribution=distribution,
        needs_fabric=fabric,
        asked=tuple(asked),
    )


def question(wish: DriverWish, found: Observation) -> list[str]:
    """What an answer of the solver depends on."""
    gpus = sorted(device.device for device in found.gpus)
    own = [json.dumps(wish.catalogue, sort_keys=True)] if wish.catalogue else []
    return [wish.source, wish.branch, wish.version, wish.flavour, *gpus, str(len(found.nvswitches)), *own]


def shown(chosen: Target | None) -> dict[str, t.Any] | None:
    """A target as the result tells it."""
    if chosen is None:
        return None
    return {
        "source": chosen.source,
        "branch": chosen.branch or None,
        "version": chosen.version or None,
        "flavour": chosen.flavour,
        "modules": chosen.modules,
    }


def runfile_of(wish: DriverWish, version: str, host: Host) -> Runfile:
    """The installer of a version with its digest, from the caller, who means the wished one, or from the catalogue."""
    of_wish = wish.runfile if wish.source == RUNFILE and wish.version == version else Runfile()
    if of_wish.sha256:
        return of_wish
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import table, table_driver_runfiles

    name = f"NVIDIA-Linux-{host.machine}-{version}.run"
    known = (row["sha256"] for row in table.rows(table_driver_runfiles.TABLE) if row["file"] == name)
    return Runfile(of_wish.path, of_wish.url, next(known, ""))


def _solved(wish: DriverWish, distribution: Distribution, found: Observation, host: Host) -> tuple[str, str, str, bool]:
    """Branch, flavour, exact version and whether Fabric Manager is needed."""
    # The tables are large, and a converged host does without them.
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import Refusal, Wishes
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.facts import host_facts

    branch = wish.branch
    if wish.source == DISTRIBUTION and distribution.id == "debian":
        branch = branch or _DEBIAN_BRANCH.get(distribution.major, "")
    # What the host's own repositories and compiler can do is found out there: here counts what the GPUs take.
    facts = replace(host_facts(found, host, today=time.strftime("%Y-%m-%d")), distribution="", kernel="")
    answer = solve(facts, Wishes(driver=wish.version or branch, flavour=wish.flavour), load(wish.catalogue))
    if isinstance(answer, Refusal):
        raise answer.error(wish.described)
    choice = answer.driver
    if choice is None:
        if not branch:
            raise InvalidWish(
                "invalid_driver",
                wished=wish.described,
                found="no GPU is here that could tell which driver fits",
                todo="give branch or version, and flavour",
            )
        return branch, OPEN if wish.flavour == AUTO else wish.flavour, wish.version, False
    present = found.libraries if found.libraries.startswith(f"{choice.branch}.") else ""
    version = wish.version
    if not version and present and choice.minimum and _number(present) < _number(choice.minimum):
        version = choice.minimum  # the branch is right, and what is here of it is too old for these GPUs
    if wish.source == RUNFILE:
        version = wish.version
    if wish.source == DISTRIBUTION and distribution.id == "debian":
        return "", choice.flavour, "", choice.fabric_manager
    return choice.branch, choice.flavour, version, choice.fabric_manager


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
