# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signed repositories that hosts of the bed install from, below one directory.

Hosts have them under `/opt/bed/repositories` (no network needed), and on the bed's network at `http://packages.bed.test`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from . import deb, rocky, rpm
from .host import run
from .package_specs import STRANGERS_PACKAGES, TEST_PACKAGES, UNSIGNED_PACKAGES
from .signing import BED, STRANGER, Keys

ON_HOSTS = "/opt/bed/repositories"
URL = "http://packages.bed.test"

# name -> packages, who signs
REPOSITORIES = {
    "bed": (TEST_PACKAGES, BED),
    "unsigned": (UNSIGNED_PACKAGES, None),
    "wrong-key": (STRANGERS_PACKAGES, STRANGER),
}

APT_SOURCE = f"""\
Types: deb
URIs: file:{ON_HOSTS}/apt/bed
Suites: {deb.SUITE}
Components: {deb.COMPONENT}
Signed-By: /etc/apt/keyrings/bed.asc
"""


def _dnf_repository(name: str, title: str, path: str) -> str:
    return (
        f"[{name}]\nname={title}\nbaseurl=file://{ON_HOSTS}/{path}\nenabled=1\ngpgcheck=1\n"
        "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-bed\nmetadata_expire=6h\n"
    )


DNF_SOURCES = {
    "rocky.repo": _dnf_repository("baseos", "Rocky Linux 9 - BaseOS (gpufleet test bed stand-in)", rocky.REPOSITORY),
    "bed.repo": _dnf_repository("bed", "Test packages of the gpufleet test bed", "dnf/bed"),
}


def build_apt(root: Path, keys: Keys) -> None:
    """Build the apt repositories below `root`/apt."""
    for name, (packages, signer) in REPOSITORIES.items():
        deb.build_repository(packages, root / "apt" / name, keys, signer)


def build_dnf(root: Path, keys: Keys, debian_versions: Mapping[str, str], python: str, dnf_plugins: Path) -> None:
    """Build the dnf repositories below `root`/dnf, and the Rocky stand-in's base repository below `root`/rocky.

    `dnf_plugins` is Debian's package dnf-plugins-core.
    """
    for name, (packages, signer) in REPOSITORIES.items():
        rpm.build_repository(packages, root / "dnf" / name, keys, signer)
    with tempfile.TemporaryDirectory() as scratch:
        run(["dpkg-deb", "--extract", dnf_plugins, scratch])
        rocky.build_base_repository(root, keys, debian_versions, python, Path(scratch))
