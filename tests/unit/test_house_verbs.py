# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every verb that a planner uses has a handler, and every handler a planner: in the wings whose plans are executed."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.program import Programs
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.apply import Steps as ContainerSteps
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.apply import Steps
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.caches import Caches
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.apply import Steps as ImageSteps
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.archives import Archives
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.observe import Looker
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.apply import Steps as PackageSteps
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import DesiredEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.lockfile import Locks

HOST_CODE = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"
# Verbs that a planner takes from a list stand in its VERBS.
WINGS = {
    "_environments/plan.py": lambda: Steps(None, None, None, None).handlers(),
    "_containers/plan.py": lambda: ContainerSteps(None, None).handlers(),
    "_conda/plan_program.py": lambda: Programs().handlers(None, None),
    "_images/plan_archive.py": lambda: Archives(Looker({}, None)).handlers(None, None),
    "_images/plan.py": lambda: ImageSteps(None, None).handlers(),
    "_packages/plan.py _packages/plan_sources.py": lambda: PackageSteps(None).handlers(),
    "_environments/caches.py": lambda: Caches().handlers(None, None),
    "_python/lockfile.py": lambda: Locks(DesiredEngine("")).handlers(None, None),
}


def verbs(path: Path) -> set[str]:
    """The verbs of the actions that a file makes. One that is no constant would escape this test, and is refused where
    the file has no list of them."""
    found = set()
    module = f"ansible_collections.gpufleet.mlstack.plugins.module_utils.{'.'.join(path.parts)[:-3]}"
    listed = set(getattr(importlib.import_module(module), "VERBS", ()))
    for node in ast.walk(ast.parse((HOST_CODE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Action":
            verb = node.args[0]
            constant = isinstance(verb, ast.Constant)
            assert constant or listed, f"{path}:{node.lineno}: an action whose verb is not written here"
            found.add(verb.value if isinstance(verb, ast.Constant) else "")
    assert not listed or found - {""} <= listed, f"{path}: VERBS leaves out {found - {''} - listed}"
    return listed or found


@pytest.mark.parametrize("planners", WINGS)
def test_verbs_and_handlers_are_the_same(planners):
    found = set().union(*(verbs(Path(planner)) for planner in planners.split()))
    assert found == set(WINGS[planners]())
