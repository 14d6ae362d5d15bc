# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the newcomers' machines are given."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the project, as a release or a clone would have them."""
    path = tmp_path_factory.mktemp("newcomer") / "checkout.tar"
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, check=True).stdout.decode()
    with tarfile.open(path, "w") as archive:
        for name in filter(None, listing.split("\0")):
            if (CHECKOUT / name).exists():
                archive.add(CHECKOUT / name, name)
    return path
