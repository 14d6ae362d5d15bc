# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attacker puts a program where root looks for one; root runs a task; the program has not run, and root is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.attacker.conftest import Attacker
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner

PINNED = {"environments": [{"name": "ml", "packages": ["six==1.16.0"]}]}
CONDA = {"environments": [{"name": "ml", "packages": ["zlib"], "channels": ["file:///nonexistent"]}]}


def refused(attacker: Attacker, module: str, desired: dict[str, Any], named: Path, check: bool = False) -> str:
    """Root runs a task, which must be refused by the name of a path before the planted program runs."""
    home = attacker.place / "home-of-root"
    home.mkdir(exist_ok=True)
    before = sorted(attacker.place.rglob("*"))
    ran = module_runner.run(module, desired, check=check, env={"HOME": str(home), "XDG_CACHE_HOME": ""})
    assert not attacker.proof.exists(), f"a program of the attacker ran as user {attacker.proof.read_text()}"
    assert ran.result.get("failed") and not ran.result["changed"], ran.out
    assert str(named) in ran.result["msg"] and "To fix: " in ran.result["msg"]
    assert sorted(attacker.place.rglob("*")) == before, "nothing was made"
    return str(ran.result["code"])


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize("engine", ["auto", "uv", "pip"])
def test_in_a_root_where_everybody_may_make_files(attacker: Attacker, engine: str, check: bool) -> None:
    scratch = attacker.place / "scratch"
    scratch.mkdir()
    scratch.chmod(0o1777)
    attacker.plants_tools(f"{scratch}/.toolbox")
    desired = {**PINNED, "root": str(scratch), "engine": engine}
    assert refused(attacker, "pip_pinned", desired, scratch, check) in ("world_writable", "foreign_owner")


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_in_a_root_that_the_attacker_made_first(attacker: Attacker, check: bool) -> None:
    scratch = attacker.place / "scratch"
    scratch.mkdir()
    scratch.chmod(0o1777)
    attacker.does(f"mkdir {scratch}/envs")
    attacker.plants_tools(f"{scratch}/envs/.toolbox")
    desired = {**PINNED, "root": f"{scratch}/envs"}
    assert refused(attacker, "pip_pinned", desired, scratch / "envs", check) == "foreign_owner"


def test_in_a_toolbox_that_is_open_to_everybody(attacker: Attacker) -> None:
    toolbox = attacker.place / "tb"
    toolbox.mkdir()
    toolbox.chmod(0o777)
    attacker.plants_tools(str(toolbox))
    desired = {**PINNED, "root": f"{attacker.place}/envs", "toolbox": str(toolbox)}
    assert refused(attacker, "pip_pinned", desired, toolbox) == "world_writable"
    assert refused(attacker, "conda_env", {**CONDA, **desired, **CONDA}, toolbox) == "world_writable"


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize("module", ["pip_pinned", "conda_env"])
def test_in_a_root_of_the_attackers_group(attacker: Attacker, module: str, check: bool) -> None:
    root = attacker.place / "shared"
    root.mkdir()
    os.chown(root, 0, attacker.uid)
    root.chmod(0o2775)
    attacker.plants_tools(f"{root}/.toolbox")
    desired = {**(PINNED if module == "pip_pinned" else CONDA), "root": str(root)}
    assert refused(attacker, module, desired, root, check) == "group_writable"


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_as_a_library_that_root_imports(attacker: Attacker, check: bool) -> None:
    scratch = attacker.place / "scratch"
    scratch.mkdir()
    scratch.chmod(0o1777)
    attacker.plants_tools(f"{scratch}/.toolbox")
    refused(attacker, "conda_env", {**CONDA, "root": str(scratch)}, scratch, check)


def test_in_a_toolbox_behind_a_link_of_the_attacker(attacker: Attacker) -> None:
    scratch = attacker.place / "scratch"
    scratch.mkdir()
    scratch.chmod(0o1777)
    tools = attacker.place / "tools"
    tools.mkdir()
    attacker.does(f"ln -s {tools} {scratch}/tb")
    desired = {**PINNED, "root": f"{attacker.place}/envs", "toolbox": f"{scratch}/tb"}
    assert refused(attacker, "pip_pinned", desired, scratch / "tb") == "foreign_owner"


def test_in_a_toolbox_that_became_roots_afterwards(attacker: Attacker) -> None:
    """Root closed the folder, as it was told, and what was planted before still belongs to the attacker."""
    root = attacker.place / "shared"
    root.mkdir()
    root.chmod(0o777)
    attacker.plants_tools(f"{root}/.toolbox")
    root.chmod(0o755)
    os.chown(root / ".toolbox", 0, 0)
    desired = {**PINNED, "root": str(root), "engine": "uv"}
    assert refused(attacker, "pip_pinned", desired, root / ".toolbox" / "uv-0.13.9") == "foreign_owner"


def test_as_an_interpreter_an_engine_or_a_conda(attacker: Attacker) -> None:
    program = attacker.place / "open" / "bin" / "prog"
    attacker.does(f"mkdir open/bin; printf '#!/bin/sh\\nid -u >{attacker.proof}\\n' >{program}; chmod 755 {program}")
    root = {"root": f"{attacker.place}/envs"}
    assert refused(attacker, "pip_pinned", {**PINNED, **root, "executable": str(program)}, attacker.place / "open")
    assert refused(attacker, "conda_env", {**CONDA, **root, "executable": str(program)}, attacker.place / "open")


def test_in_the_cache_of_an_attackers_home(attacker: Attacker) -> None:
    home = attacker.place / "home"
    home.mkdir()
    os.chown(home, attacker.uid, attacker.uid)
    attacker.does(f"mkdir -p {home}/.cache/uv")
    desired = {**PINNED, "root": f"{attacker.place}/envs", "cache_dir": f"{home}/.cache/uv"}
    assert refused(attacker, "pip_pinned", desired, home) == "foreign_owner"
    assert refused(attacker, "conda_env", {**CONDA, "root": desired["root"], "cache_dir": desired["cache_dir"]}, home)
