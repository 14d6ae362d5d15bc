# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as a user gets it: built, then installed without a network, far from the checkout."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


def run(argv: list[str], cwd: Path, **environ: str) -> str:
    """Run a program that must succeed; what it printed."""
    drop = ("ANSIBLE_CONFIG", "ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_INVENTORY")
    inherited = {name: value for name, value in os.environ.items() if name not in drop}
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Installed:
    """C(tarball) was installed below C(path); C(elsewhere) is an empty folder to work in."""

    tarball: Path
    path: Path
    elsewhere: Path

    @property
    def root(self) -> Path:
        return self.path / "ansible_collections" / "gpufleet" / "mlstack"

    def run(self, *argv: str, **environ: str) -> str:
        return run(list(argv), self.elsewhere, ANSIBLE_COLLECTIONS_PATH=str(self.path), **environ)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    base = tmp_path_factory.mktemp("collection")
    (base / "elsewhere").mkdir()
    run(["ansible-galaxy", "collection", "build", "--output-path", str(base / "dist"), str(CHECKOUT)], base)
    (tarball,) = (base / "dist").iterdir()
    # A server that nobody listens on: an attempt to ask one would fail.
    offline = {"ANSIBLE_GALAXY_SERVER": "http://127.0.0.1:9"}
    argv = ["ansible-galaxy", "collection", "install", "--offline", "-p", str(base / "installed"), str(tarball)]
    run(argv, base, **offline)
    return Installed(tarball, base / "installed", base / "elsewhere")
