# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the solver on the controller, with what a module found on a host."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.data import desired_stack_of, facts_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import HostFacts, Refusal, Stack
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments


def facts_in(found: t.Any) -> HostFacts:
    """The facts in a result of stack_plan, or facts as they stand in one. Raises ValueError for anything else."""
    if not isinstance(found, t.Mapping):
        raise ValueError("this is no result of gpufleet.mlstack.stack_plan")
    return facts_of(found["facts"] if isinstance(found.get("facts"), t.Mapping) else found)


def asked(found: t.Any, all_desired: t.Mapping[str, t.Any], rows: t.Any = None) -> Stack | Refusal:
    """The solver's answer for a host."""
    return solve(facts_in(found), desired_stack_of(all_desired), load(rows))


def minimum_driver(release: str, minor_compatibility: bool = False, rows: t.Any = None) -> str:
    """The driver for a CUDA release, C(12.4) being its first. Raises InvalidArguments for one that no table knows."""
    tables = load(rows)
    found = [row for row in tables.cuda_rows() if row["version"] == release]
    first = tables.toolkit_minimum(release) if release.count(".") == 1 else None
    row = found[0] if found else first
    if row is None:
        raise InvalidArguments(
            "unknown_release",
            wanted=f"the driver for CUDA {release}",
            found=f"the tables have releases such as {tables.cuda_rows()[0]['version']}, and not this one",
            to_fix="name a release such as 12.4 or 12.4.1, or add a row of your own",
        )
    return (row["minor_driver"] or row["driver"]) if minor_compatibility else row["driver"]
