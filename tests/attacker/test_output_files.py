# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attacker puts links where root's task writes a file; the files of root that they lead to stay as they are."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.attacker.conftest import Attacker
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner

_STATES = {"freeze_to": "present", "lock_to": "locked"}


@pytest.fixture
def victim(attacker: Attacker) -> Path:
    """A file of root's that nobody else may read."""
    path = attacker.place / "victim"
    path.write_text("root's secret")
    path.chmod(0o600)
    return path


def untouched(victim: Path) -> bool:
    return victim.read_text() == "root's secret" and stat.S_IMODE(victim.lstat().st_mode) == 0o600


def written(attacker: Attacker, index: PythonIndex, uv: str, path: str, option: str, check: bool) -> dict[str, Any]:
    """Root has an environment, and its contents written to a file."""
    home = attacker.place / "home-of-root"
    home.mkdir(exist_ok=True)
    environment = {"name": "ml", "packages": ["beta==1.0"], option: path, "state": _STATES[option]}
    desired = {
        "root": f"{attacker.place}/envs",
        "index_url": index.url,
        "executable": uv,
        "environments": [environment],
    }
    ran = module_runner.run("pip_pinned", desired, check=check, env={"HOME": str(home), "XDG_CACHE_HOME": ""})
    return ran.result


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
@pytest.mark.parametrize("option", ["freeze_to", "lock_to"])
@pytest.mark.parametrize("link", ["ml.txt", "ml.txt.part"])
def test_a_link_in_a_folder_of_the_attacker(
    attacker: Attacker, victim: Path, index: PythonIndex, uv: str, option: str, link: str, check: bool
) -> None:
    folder = attacker.place / "x"
    folder.mkdir()
    os.chown(folder, attacker.uid, attacker.uid)
    attacker.does(f"ln -s {victim} x/{link}")
    result = written(attacker, index, uv, f"{folder}/ml.txt", option, check)
    assert untouched(victim)
    assert result.get("code") == "foreign_owner" and str(folder) in result["msg"] and not result["changed"], result
    assert not (attacker.place / "envs").exists(), "refused before the first change"


@pytest.mark.parametrize("link", ["ml.txt", "ml.txt.part"])
def test_a_link_in_a_folder_that_was_closed_afterwards(
    attacker: Attacker, victim: Path, index: PythonIndex, uv: str, link: str
) -> None:
    folder = attacker.place / "x"
    folder.mkdir()
    folder.chmod(0o777)
    attacker.does(f"ln -s {victim} x/{link}")
    folder.chmod(0o755)
    result = written(attacker, index, uv, f"{folder}/ml.txt", "freeze_to", check=False)
    assert untouched(victim) and "root's secret" not in str(result)
    assert not result.get("failed") and (folder / "ml.txt").read_text().startswith("beta==1.0")
    assert not (folder / "ml.txt").is_symlink()


def test_a_folder_on_the_way_that_the_attacker_can_exchange(attacker: Attacker, index: PythonIndex, uv: str) -> None:
    """Today it is a folder; at the moment of writing it would be a link to one of root's."""
    folder = attacker.place / "x"
    folder.mkdir()
    os.chown(folder, attacker.uid, attacker.uid)
    (folder / "out").mkdir()
    result = written(attacker, index, uv, f"{folder}/out/ml.txt", "freeze_to", check=False)
    assert result["code"] == "foreign_owner" and os.listdir(folder / "out") == []
