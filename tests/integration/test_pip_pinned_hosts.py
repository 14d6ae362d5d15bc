# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On hosts that have little: Debian with neither pip nor ensurepip, Enterprise Linux's Python 3.9, an ordinary user."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed.containers import (
    Container,
    ansible_environment,
    container,
    require_bed,
)
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import CHECKOUT

DESIRED = {"name": "ml", "packages": ["six==1.16.0"], "verify_imports": ["six"]}

VERSION = "import platform; print(platform.python_version())"


def ansible(host: Container, folder: Path, user: str = "root", check: bool = False, **arguments: Any) -> dict[str, Any]:
    """Run pip_pinned on a host as Ansible does; the module's result."""
    inventory = folder / "hosts.ini"
    inventory.write_text(f"{host.inventory_line} ansible_user={user}\n")
    argv = [Path(sys.executable).parent / "ansible", "--inventory", inventory, "all", "--one-line"]
    argv += ["--module-name", "gpufleet.mlstack.pip_pinned", "--args", json.dumps(arguments)]
    argv += ["--check"] if check else []
    ran = subprocess.run(
        argv,
        env={**os.environ, **ansible_environment(CHECKOUT), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "=> {" in ran.stdout, ran.stdout + ran.stderr
    return json.loads(ran.stdout.partition("=> ")[2])


@pytest.fixture(autouse=True)
def _bed() -> None:
    require_bed()


@pytest.mark.parametrize(("image", "engine"), [("debian12-minimal", "auto"), ("rocky9-minimal", "pip")])
def test_a_host_that_has_python_and_nothing_else(tmp_path: Path, image: str, engine: str) -> None:
    with container(image) as host:
        if image.startswith("debian"):
            assert host.run(["python3", "-c", "import ensurepip"]).rc != 0
            assert host.run(["python3", "-c", "import pip"]).rc != 0
        first = ansible(host, tmp_path, environments=[DESIRED], engine=engine)
        assert first.get("changed") is True and not first.get("failed"), first.get("msg")
        (told,) = first["environments"]
        assert told["added"] == {"six": "1.16.0"}
        assert told["engine"]["name"] == ("uv" if engine == "auto" else "pip")
        assert told["python"]["version"] == host.check(["python3", "-c", VERSION]).strip()
        assert host.check(["/opt/mlstack/envs/ml/bin/python", "-c", "import six; print(six.__version__)"]) == "1.16.0\n"
        second = ansible(host, tmp_path, environments=[DESIRED], engine=engine)
        assert second["changed"] is False and second["commands_run"] == 0


def test_an_ordinary_user_works_in_the_home_and_is_refused_elsewhere(tmp_path: Path) -> None:
    with container("debian12") as host:
        host.check("useradd --create-home --shell /bin/sh worker && mkdir -p /opt/mlstack/envs")
        for check in (True, False):
            refused = ansible(host, tmp_path, user="worker", check=check, environments=[DESIRED])
            assert refused["code"] == "not_permitted" and "/opt/mlstack/envs" in refused["msg"]
        assert host.check("ls -A /opt/mlstack/envs") == ""
        done = ansible(host, tmp_path, user="worker", root="/home/worker/envs", environments=[DESIRED])
        assert done.get("changed") is True, done.get("msg")
        assert host.check("stat -c %U /home/worker/envs/ml/mlstack.json") == "worker\n"
        again = ansible(host, tmp_path, user="worker", root="/home/worker/envs", environments=[DESIRED])
        assert again["changed"] is False
