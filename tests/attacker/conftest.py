# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An unprivileged user of this machine, and a place where root and that user meet."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.conftest import index, packages, uv

__all__ = ["attacker", "index", "packages", "uv"]


@dataclass(frozen=True)
class Attacker:
    """A user without any right, who acts by shell commands in ``place``, which everybody may enter."""

    place: Path
    uid: int = 64711

    def does(self, script: str) -> None:
        """Run a shell script as that user, who must be able to do it."""
        subprocess.run(
            ["/bin/sh", "-euc", script],
            check=True,
            cwd=self.place,
            user=self.uid,
            group=self.uid,
            extra_groups=[],
            env={"PATH": "/usr/bin:/bin"},
        )

    @property
    def proof(self) -> Path:
        """What a planted program writes, when it runs."""
        return self.place / "open" / "pwned"

    def plants_tools(self, toolbox: str) -> None:
        """Put programs where a toolbox has its own."""
        self.does(
            f"""umask 022
            mkdir -p {toolbox}/uv-0.13.9/bin {toolbox}/pip-25.3/pip
            printf '#!/bin/sh\\nid -u >{self.proof}\\n' >{toolbox}/uv-0.13.9/bin/uv
            chmod 755 {toolbox}/uv-0.13.9/bin/uv
            echo 'import os; open("{self.proof}", "w").write(str(os.geteuid()))' >{toolbox}/planted.py
            cp {toolbox}/planted.py {toolbox}/pip-25.3/pip/__pip-runner__.py
            for version in 0.28.0 0.25.0; do
                mkdir -p {toolbox}/py-rattler-$version/rattler
                cp {toolbox}/planted.py {toolbox}/py-rattler-$version/rattler/__init__.py
            done"""
        )


@pytest.fixture
def attacker() -> Iterator[Attacker]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to be attacked")
    # Not below pytest's own folder, which no other user may enter.
    place = Path(tempfile.mkdtemp(prefix="mlstack-attacker-", dir="/var/tmp"))
    place.chmod(0o755)
    (place / "open").mkdir()
    (place / "open").chmod(0o777)
    yield Attacker(place)
    shutil.rmtree(place)
