# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules: documented, listed, thin."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Resource
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._at_once import AtOnce

CHECKOUT = Path(__file__).resolve().parents[2]
MODULES = sorted((CHECKOUT / "plugins" / "modules").glob("*.py"))
MOST_CODE_LINES = 150
OF_THE_CONTROLLER = ("advisory_mirror", "audit_report")  # their action plugins' alone
SENT_TO_HOSTS = [path for path in MODULES if path.stem not in OF_THE_CONTROLLER]


def text_constant(path: Path, name: str) -> str:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{path.name} has no {name}")


def test_the_action_group_is_all_modules():
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert sorted(runtime["action_groups"]["mlstack"]) == [path.stem for path in MODULES]


@pytest.mark.parametrize("path", SENT_TO_HOSTS, ids=lambda path: path.stem)
def test_hosts_read_every_module_at_once(path):
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    routed = runtime["plugin_routing"]["modules"].get(path.stem, {})
    name = routed.get("action_plugin", f"gpufleet.mlstack.{path.stem}").removeprefix("gpufleet.mlstack.")
    action = importlib.import_module(f"ansible_collections.gpufleet.mlstack.plugins.action.{name}")
    assert issubclass(action.ActionModule, AtOnce)


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


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_promises_what_its_code_can_do(path):
    # Both together would promise what the first one does: what comes first in the list wins.
    documentation = yaml.safe_load(text_constant(path, "DOCUMENTATION"))
    named = [name for name in documentation["extends_documentation_fragment"] if ".attributes" in name]
    fragment = "attributes" if can_change(path) else "attributes.info"
    assert named == [f"gpufleet.mlstack.{fragment}"]
    assert not (can_change(path) and path.stem.endswith("_info"))


def can_change(path: Path) -> bool:
    """Whether the subject of a module can execute a plan. One without a subject is its action plugin's alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "run_module":
            module = importlib.import_module(f"ansible_collections.gpufleet.mlstack.plugins.modules.{path.stem}")
            subject = getattr(module, node.args[0].func.id)
            return subject.handlers is not Resource.handlers or subject.apply is not Resource.apply
    assert (CHECKOUT / "plugins" / "action" / path.name).exists()
    return True


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_documentation_specification_and_glue(path):
    text = path.read_text(encoding="utf-8")
    code = re.sub(r'^(?:DOCUMENTATION|EXAMPLES|RETURN) = r?"""(?:.|\n)*?"""', "", text, flags=re.MULTILINE)
    assert len([line for line in code.splitlines() if line.strip()]) <= MOST_CODE_LINES
    assert "check_mode" not in code.replace("supports_check_mode", "")  # there is one place for it, _module.py
