# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds what a module returned against what its RETURN promises: every key of every real result of these tests."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import Any

import yaml

MODULES = Path(__file__).resolve().parents[2] / "plugins" / "modules"
# Ansible's own words: https://docs.ansible.com/ansible/latest/reference_appendices/common_return_values.html
COMMON = {"changed", "deprecations", "diff", "exception", "failed", "invocation", "msg", "skipped", "warnings"}


@functools.cache
def keys_of(module: str) -> frozenset[str]:
    """The keys that the RETURN of a module describes."""
    for node in ast.parse((MODULES / f"{module}.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RETURN":
            return frozenset(yaml.safe_load(ast.literal_eval(node.value)))
    raise AssertionError(f"{module} has no RETURN")


def promised(module: str, result: dict[str, Any]) -> dict[str, Any]:
    """The result, which must hold nothing that RETURN does not describe. A refusal may bring data of its own, by its
    code."""
    known = keys_of(module) | COMMON
    assert "code" in known, f"RETURN of {module} does not tell of its codes"
    stray = sorted(set(result) - known) if not result.get("failed") else []
    assert not stray, f"RETURN of {module} does not tell of {', '.join(stray)}"
    return result
