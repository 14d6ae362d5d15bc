# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts of an inventory that are all this machine, each with a root of its own for its environments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import CHECKOUT, HOST_PYTHON
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

ANSIBLE = Path(sys.executable).parent


class LocalFleet:
    """``site`` builds environments; C(root(host)) is where those of a host stand."""

    def __init__(self, folder: Path, site: Site, hosts: tuple[str, ...], unreachable: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.site = site
        folder.mkdir()
        named: dict[str, Any] = {host: {"python_envs_root": str(self.root(host))} for host in hosts}
        nobody_there = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
        named.update(dict.fromkeys(unreachable, nobody_there))
        shared = {"ansible_connection": "local", "ansible_python_interpreter": HOST_PYTHON}
        self.write("inventory.json", json.dumps({"all": {"hosts": named, "vars": shared}}))

    def root(self, host: str) -> Path:
        return self.folder / host

    def write(self, name: str, text: str) -> Path:
        target = self.folder / name
        target.write_text(text, encoding="utf-8")
        return target

    def build(self, host: str, *packages: str, name: str = "ml") -> None:
        """Build an environment on a host, from the index of the site."""
        self.site.apply({"name": name, "packages": list(packages)}, root=str(self.root(host)))

    def play(self, playbook: str, *words: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run a playbook of the collection, or of the folder."""
        environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "ANSIBLE_"))},
            **self.site.environ(),
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".tree"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "tmp"),
        }
        argv = [ANSIBLE / "ansible-playbook", "-i", self.folder / "inventory.json", playbook, *words]
        given = self.write("variables.json", json.dumps(variables))
        return subprocess.run(
            [*argv, "--extra-vars", f"@{given}"],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
