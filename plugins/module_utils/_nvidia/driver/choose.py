# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a desired state that leaves things open to one driver, by the solver."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution, Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    ABSENT,
    AUTO,
    DesiredDriver,
    Runfile,
    Target,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import (
    DISTRIBUTION,
    HOST,
    OPEN,
    RUNFILE,
    Observed,
)

# Debian has one branch of the driver for each release (packages.debian.org, nvidia-driver).
_DEBIAN_BRANCH = {"12": "535"}


def target(
    desired: DesiredDriver, distribution: Distribution, found: Observed, host: Host, noted: t.Mapping[str, t.Any]
) -> Target | None:
    """The driver that this host shall have; None for none. Raises MlstackError where no driver fits.

    ``noted`` is what was written down of the present one: the solver is not asked the same question twice.
    """
    if desired.state == ABSENT or (not found.gpus and desired.require_gpu) or left_alone(desired, found):
        return None
    asked = question(desired, found)
    if noted.get("asked") == asked:
        decided = (
            noted["branch"],
            noted["flavour"],
            noted.get("desired_version", ""),
            noted.get("needs_fabric", False),
        )
    else:
        decided = _solved(desired, distribution, found, host)
    branch, flavour, version, fabric = decided
    return Target(
        source=desired.source,
        branch=branch,
        version=version,
        flavour=flavour,
        modules=desired.modules,
        libraries=desired.libraries,
        server=desired.server,
        distribution=distribution,
        needs_fabric=fabric,
        asked=tuple(asked),
    )


def left_alone(desired: DesiredDriver, found: Observed) -> bool:
    """Whether this host's driver is somebody else's, and nobody asked for another one."""
    return found.owner.kind != HOST and not desired.take_over


def question(desired: DesiredDriver, found: Observed) -> list[str]:
    """What an answer of the solver depends on."""
    gpus = sorted(device.device for device in found.gpus)
    own = [json.dumps(desired.catalogue, sort_keys=True)] if desired.catalogue else []
    return [desired.source, desired.branch, desired.version, desired.flavour, *gpus, str(len(found.nvswitches)), *own]


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


def runfile_of(desired: DesiredDriver, version: str, host: Host) -> Runfile:
    """The installer of a version with its digest, from the caller, who means the wanted one, or from the catalogue."""
    of_desired = desired.runfile if desired.source == RUNFILE and desired.version == version else Runfile()
    if of_desired.sha256:
        return of_desired
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue import table, table_driver_runfiles

    name = f"NVIDIA-Linux-{host.machine}-{version}.run"
    known = (row["sha256"] for row in table.rows(table_driver_runfiles.TABLE) if row["file"] == name)
    return Runfile(of_desired.path, of_desired.url, next(known, ""))


def _solved(
    desired: DesiredDriver, distribution: Distribution, found: Observed, host: Host
) -> tuple[str, str, str, bool]:
    """Branch, flavour, exact version and whether Fabric Manager is needed."""
    # The tables are large, and a converged host does without them.
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import DesiredStack, Refusal
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.facts import host_facts

    branch = desired.branch
    if desired.source == DISTRIBUTION and distribution.id == "debian":
        branch = branch or _DEBIAN_BRANCH.get(distribution.major, "")
    # What the host's own repositories and compiler can do is found out there: here counts what the GPUs take.
    facts = replace(host_facts(found, host, today=time.strftime("%Y-%m-%d")), distribution="", kernel="")
    answer = solve(
        facts, DesiredStack(driver=desired.version or branch, flavour=desired.flavour), load(desired.catalogue)
    )
    if isinstance(answer, Refusal):
        raise answer.error(desired.described)
    choice = answer.driver
    if choice is None:
        if not branch:
            raise InvalidArguments(
                "invalid_driver",
                wanted=desired.described,
                found="no GPU is here that could tell which driver fits",
                to_fix="give branch or version, and flavour",
            )
        return branch, OPEN if desired.flavour == AUTO else desired.flavour, desired.version, False
    present = found.libraries if found.libraries.startswith(f"{choice.branch}.") else ""
    version = desired.version
    if not version and present and choice.minimum and _number(present) < _number(choice.minimum):
        version = choice.minimum  # the branch is right, and what is here of it is too old for these GPUs
    if desired.source == RUNFILE:
        version = desired.version
    if desired.source == DISTRIBUTION and distribution.id == "debian":
        return "", choice.flavour, "", choice.fabric_manager
    return choice.branch, choice.flavour, version, choice.fabric_manager


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
