# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attacker leads root's task to files of the attacker's by links, variables or records; nothing of them runs, and
nothing waits for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.attacker.conftest import Attacker
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner

LIMIT_S = 60
_ID = "20260101T000000-abcdef"


def ran(attacker: Attacker, module: str, arguments: dict[str, Any], **env: str) -> dict[str, Any]:
    """Root runs a module, which ends in time and starts nothing of the attacker's."""
    home = attacker.place / "home-of-root"
    home.mkdir(exist_ok=True)
    variables = {"HOME": str(home), "XDG_CACHE_HOME": "", **env}
    process = module_runner.start(module, arguments, env=variables)
    try:
        found = module_runner.finish(process, LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail(f"{module} waits for what the attacker put there")
    assert not attacker.proof.exists(), f"a program of the attacker ran as user {attacker.proof.read_text()}"
    assert "Traceback" not in found.out + found.err, found.out + found.err
    return found.result


@pytest.fixture
def venv(attacker: Attacker) -> Path:
    """An environment of root's in a place of root's."""
    path = attacker.place / "envs" / "ml"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)
    return path


def site_of(venv: Path) -> Path:
    (site,) = venv.glob("lib/python3*/site-packages")
    return site


def trap(attacker: Attacker) -> str:
    return f'import os; open("{attacker.proof}", "w").write(str(os.geteuid()))'


def tried(attacker: Attacker, path: Path) -> str:
    """What framework_info says of an environment in which torch could not be tried."""
    (told,) = ran(attacker, "framework_info", {"paths": [str(path)], "frameworks": ["torch"]})["frameworks"]
    return str(told["error"])


def test_a_link_to_an_environment_of_roots(attacker: Attacker, venv: Path) -> None:
    """At the next moment the link would lead to an environment of the attacker's: what was judged runs."""
    (site_of(venv) / "torch.py").write_text("import sys; raise ImportError(sys.executable)")
    attacker.does(f"ln -s {venv} open/ml")
    assert f"{venv}/bin/python" in tried(attacker, attacker.place / "open" / "ml")


def test_a_site_packages_that_the_attacker_may_change(attacker: Attacker, venv: Path) -> None:
    site = site_of(venv)
    os.chown(site, attacker.uid, attacker.uid)
    attacker.does(f"echo '{trap(attacker)}' >{site}/torch.py")
    assert f"others may change {site}" in tried(attacker, venv)


def test_a_module_that_the_attacker_may_change(attacker: Attacker, venv: Path) -> None:
    module = site_of(venv) / "torch.py"
    module.write_text("")
    module.chmod(0o666)
    attacker.does(f"echo '{trap(attacker)}' >{module}")
    assert f"others may change {module}" in tried(attacker, venv)


@pytest.mark.parametrize("how", ["pth", "link"])
def test_sources_of_the_attacker_in_an_environment_of_roots(attacker: Attacker, venv: Path, how: str) -> None:
    attacker.does(f"mkdir open/src; echo '{trap(attacker)}' >open/src/torch.py")
    source = attacker.place / "open" / "src"
    if how == "pth":
        (site_of(venv) / "editable.pth").write_text(f"{source}\n")
    else:
        (site_of(venv) / "torch.py").symlink_to(source / "torch.py")
    assert "others may change" in tried(attacker, venv)


def test_what_is_outdated_where_the_attacker_may_change_a_package(attacker: Attacker, venv: Path) -> None:
    site = site_of(venv)
    os.chown(site, attacker.uid, attacker.uid)
    attacker.does(f"echo '{trap(attacker)}' >{site}/x.pth")
    result = ran(attacker, "python_env_info", {"root": str(venv.parent), "outdated": True, "offline": True})
    (told,) = result["environments"]
    assert "what is outdated is not asked" in "\n".join(told["broken"]) + told.get("msg", "")


def record(attacker: Attacker, root: str, text: str = "") -> None:
    """A generation of the attacker's, whose record is a FIFO or has this text."""
    attacker.does(
        f"""mkdir -p {root}/.generations/ml/{_ID}/prefix
        ln -s .generations/ml/{_ID} {root}/ml"""
    )
    path = f"{root}/.generations/ml/{_ID}/mlstack.json"
    attacker.does(f"mkfifo {path}" if not text else f"printf '%s' '{text}' >{path}")


@pytest.mark.parametrize("module", ["pip_pinned", "conda_env", "python_env_info", "conda_env_info"])
def test_a_record_that_is_a_fifo(attacker: Attacker, module: str) -> None:
    record(attacker, "open/envs")
    desired: dict[str, Any] = {"root": f"{attacker.place}/open/envs"}
    if not module.endswith("_info"):
        desired["environments"] = [{"name": "ml", "packages": ["beta==1.0"]}]
    ran(attacker, module, desired)


def test_a_journal_that_is_a_fifo(attacker: Attacker) -> None:
    record(attacker, "open/envs")
    attacker.does(f"rm open/envs/.generations/ml/{_ID}/mlstack.json; mkfifo open/envs/.generations/ml/.adopting")
    ran(attacker, "python_env_info", {"root": f"{attacker.place}/open/envs"})


def test_a_conda_program_that_the_attacker_says_is_ours(attacker: Attacker) -> None:
    digest = "0" * 64
    note = json.dumps({"url": "", "sha256": digest, "finished": True})
    attacker.does(f"mkdir -p open/c/bin; printf '%s' '{note}' >open/c/.mlstack-program.json")
    attacker.does("printf '#!/bin/sh\\n' >open/c/bin/micromamba; chmod 755 open/c/bin/micromamba")
    desired = {"kind": "binary", "prefix": f"{attacker.place}/open/c", "url": "file:///none", "sha256": digest}
    result = ran(attacker, "conda_program", desired)
    assert result.get("code") == "world_writable" and not result["changed"], result


@pytest.mark.parametrize("note", ["mkfifo open/c/.mlstack-program.json", "echo '[1]' >open/c/.mlstack-program.json"])
def test_a_conda_programs_note_that_is_none(attacker: Attacker, note: str) -> None:
    attacker.does(f"mkdir open/c; {note}")
    os.chown(attacker.place / "open" / "c", 0, 0)
    (attacker.place / "open").chmod(0o755)
    desired = {"kind": "binary", "prefix": f"{attacker.place}/open/c", "url": "file:///none", "sha256": "0" * 64}
    assert ran(attacker, "conda_program", desired).get("failed")


@pytest.mark.parametrize("module", ["gpu_info", "system_packages_info"])
def test_programs_on_a_path_of_the_attackers(attacker: Attacker, module: str) -> None:
    names = "nvidia-smi modinfo dkms dpkg dpkg-query apt-get apt-mark apt-config apt-cache rpm dnf ldconfig lspci uname"
    attacker.does(
        f"""mkdir open/bin
        for name in {names}; do
            printf '#!/bin/sh\\nid -u >{attacker.proof}\\n' >open/bin/$name; chmod 755 open/bin/$name
        done"""
    )
    ran(attacker, module, {}, PATH=f"{attacker.place}/open/bin:{os.environ['PATH']}")


def test_a_temporary_folder_of_the_attackers(attacker: Attacker, index: PythonIndex, uv: str) -> None:
    """There, folders of root's could be exchanged while they are in use."""
    attacker.does("mkdir -m 0777 open/tmp; chmod 0777 open/tmp")
    folder = attacker.place / "open" / "tmp"
    before = folder.stat().st_mtime_ns
    desired = {
        "root": f"{attacker.place}/envs",
        "index_url": index.url,
        "executable": uv,
        "environments": [{"name": "ml", "packages": ["beta==1.0"]}],
    }
    result = ran(attacker, "pip_pinned", desired, TMPDIR=str(folder))
    assert not result.get("failed"), result
    assert folder.stat().st_mtime_ns == before, "root's task made something there"


def test_settings_in_a_home_of_the_attackers(attacker: Attacker, index: PythonIndex, uv: str) -> None:
    """They could name the index from which root installs, or switch off what checks it."""
    attacker.does("mkdir -p open/home/.config/uv; echo 'no-such-setting = 1' >open/home/.config/uv/uv.toml")
    desired = {
        "root": f"{attacker.place}/envs",
        "cache_dir": f"{attacker.place}/cache",
        "index_url": index.url,
        "executable": uv,
        "environments": [{"name": "ml", "packages": ["beta==1.0"]}],
    }
    result = ran(attacker, "pip_pinned", desired, HOME=f"{attacker.place}/open/home")
    assert not result.get("failed"), result
    assert "HOME=" in str(result["warnings"])
