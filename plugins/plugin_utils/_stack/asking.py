# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the solver on the controller, with what a module found on a host."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import Catalogue, load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.data import facts_of, wishes_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import HostFacts, Refusal, Stack
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.solve import solve


def facts_in(found: t.Any) -> HostFacts:
    """The facts in a result of stack_plan, or facts as they stand in one. Raises ValueError for anything else."""
    if not isinstance(found, t.Mapping):
        raise ValueError("this is no result of gpufleet.mlstack.stack_plan")
    return facts_of(found["facts"] if isinstance(found.get("facts"), t.Mapping) else found)


def asked(found: t.Any, wishes: t.Mapping[str, t.Any], rows: t.Any = None) -> Stack | Refusal:
    """The solver's answer for a host."""
    return solve(facts_in(found), wishes_of(wishes), load(rows))


def wanted(found: t.Any, wishes: t.Mapping[str, t.Any], rows: t.Any = None) -> Stack:
    """The set for a host. Raises MlstackError where there is none."""
    answer = asked(found, wishes, rows)
    if isinstance(answer, Refusal):
        raise answer.error("")
    return answer


def catalogue(rows: t.Any = None) -> Catalogue:
    return load(rows)
