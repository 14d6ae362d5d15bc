# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the tarball: the product, all of it, and nothing else."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Everything of the project that a user of the collection has no use for.
NOT_SHIPPED = ("tests/", "molecule/", "tools/testing/", "changelogs/fragments/.keep", ".")
NOT_SHIPPED_FILES = {
    "ansible.cfg",
    "galaxy.yml",  # MANIFEST.json says the same
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements-dev.txt",
    "requirements-floor.lock",
    "requirements-floor.txt",
    "requirements.yml",
    "test",
}


def members(tarball: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(tarball) as archive:
        return {member.name: member for member in archive.getmembers() if member.isfile()}


def product() -> set[str]:
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, check=True).stdout.decode()
    return {
        name
        for name in listing.split("\0")
        if name and (CHECKOUT / name).is_file() and not name.startswith(NOT_SHIPPED) and name not in NOT_SHIPPED_FILES
    }


def test_holds_the_product_and_nothing_else(installed):
    assert set(members(installed.tarball)) - {"MANIFEST.json", "FILES.json"} == product()


def test_holds_what_a_user_looks_for(installed):
    assert set(members(installed.tarball)) >= {
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "meta/runtime.yml",
        "playbooks/site.yml",
        "plugins/modules/pip_pinned.py",
        "plugins/modules/system_packages.py",
        "roles/python_envs/meta/argument_specs.yml",
        "roles/system_packages/meta/argument_specs.yml",
    }


def test_commands_can_still_be_started(installed):
    assert members(installed.tarball)["converge"].mode & 0o111
