# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels to hosts: the standard library only, and planners that only think."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
MODULE_UTILS = PLUGINS / "module_utils"
OURS = "ansible_collections.gpufleet.mlstack.plugins.module_utils"
# What does something, or answers differently from one moment to the next.
IMPURE = {"os", "subprocess", "time", "shutil", "tempfile", "socket", "random", "glob", "urllib", "fcntl", "signal"}


# The one folder whose code runs in a process with a library of the toolbox, and that library.
BESIDE = {"module_utils/_conda/rattler_process/": "rattler"}


def host_code() -> list[Path]:
    return sorted([*MODULE_UTILS.rglob("*.py"), *(PLUGINS / "modules").glob("*.py")])


def planners() -> list[Path]:
    return sorted(path for path in MODULE_UTILS.rglob("*.py") if path.stem.strip("_").startswith("plan"))


def imported(path: Path) -> set[str]:
    """The full names of the modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: one form for all imports, see docs/development.md"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def short(path: Path) -> str:
    return str(path.relative_to(PLUGINS))


def test_host_code_imports_the_standard_library_only():
    # Optional imports are none of ours either: a host has what it has.
    ours = ("ansible.module_utils.", OURS)
    foreign = {
        short(path): [
            name
            for name in imported(path)
            if name.split(".")[0] not in sys.stdlib_module_names
            and not name.startswith(ours)
            and not any(short(path).startswith(folder) and name.split(".")[0] == lib for folder, lib in BESIDE.items())
        ]
        for path in host_code()
    }
    assert {name: modules for name, modules in foreign.items() if modules} == {}


def test_only_one_file_knows_ansible_module():
    knowing = {short(path) for path in host_code() if "ansible.module_utils.basic.AnsibleModule" in imported(path)}
    assert knowing == {"module_utils/_module.py"}


def test_only_one_file_of_host_code_starts_programs():
    starting = {
        short(path) for path in host_code() if any(name.split(".")[0] == "subprocess" for name in imported(path))
    }
    # pip_source is also loaded by ./converge, before the collection can be imported.
    assert starting - {"module_utils/_python/pip_source.py"} == {"module_utils/_command.py"}


def test_there_are_planners():
    assert planners()


@pytest.mark.parametrize("path", planners(), ids=short)
def test_a_planner_does_nothing(path):
    names = imported(path)
    assert {name for name in names if name.split(".")[0] in IMPURE} == set()
    assert not any(name.startswith("ansible.module_utils") for name in names)
    assert not any(name.endswith((".Commands", ".Host")) for name in names)
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call, ast.Name) and call.id in ("open", "print", "input", "exec")]
    assert not [call for call in calls if isinstance(call, ast.Attribute) and call.attr in ("now", "today", "utcnow")]


def test_module_utils_are_private():
    files = [path.relative_to(MODULE_UTILS) for path in MODULE_UTILS.rglob("*.py")]
    assert [str(path) for path in files if not path.parts[0].startswith("_")] == []
