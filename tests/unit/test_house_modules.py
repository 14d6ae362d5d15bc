# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules: documented, listed, thin."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
MODULES = sorted((CHECKOUT / "plugins" / "modules").glob("*.py"))
MOST_CODE_LINES = 150
LOOKING_ONLY = {path.stem for path in MODULES if path.stem.endswith("_info")} | {"dep_audit", "stack_plan"}


def text_constant(path: Path, name: str) -> str:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path.name} has no {name}")


def test_the_action_group_is_all_modules():
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert sorted(runtime["action_groups"]["mlstack"]) == [path.stem for path in MODULES]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_documentation_is_complete(path):
    documentation = yaml.safe_load(text_constant(path, "DOCUMENTATION"))
    assert documentation["module"] == path.stem
    assert documentation["version_added"] == "0.1.0"
    examples = yaml.safe_load(text_constant(path, "EXAMPLES"))
    actions = [key for task in examples for key in task if "." in key]
    assert len(actions) == len(examples)
    assert f"gpufleet.mlstack.{path.stem}" in actions
    assert yaml.safe_load(text_constant(path, "RETURN"))
    # Both together would promise what the first one does: what comes first in the list wins.
    fragment = "attributes.info" if path.stem in LOOKING_ONLY else "attributes"
    named = [name for name in documentation["extends_documentation_fragment"] if ".attributes" in name]
    assert named == [f"gpufleet.mlstack.{fragment}"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_documentation_specification_and_glue(path):
    text = path.read_text(encoding="utf-8")
    code = re.sub(r'^(?:DOCUMENTATION|EXAMPLES|RETURN) = r?"""(?:.|\n)*?"""', "", text, flags=re.MULTILINE)
    assert len([line for line in code.splitlines() if line.strip()]) <= MOST_CODE_LINES
    assert "check_mode" not in code.replace("supports_check_mode", "")  # there is one place for it, _module.py
