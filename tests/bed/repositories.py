# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signed repositories that hosts of the bed install from, below one directory.

Hosts have them under `/opt/bed/repositories` (no network needed), and on the bed's network at `http://packages.bed.test`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


def dnf_sources(release: rocky.Release) -> dict[str, str]:
    """The files that say where dnf's packages come from."""
    title = f"Rocky Linux {release.major} - BaseOS (gpufleet test bed stand-in)"
    return {
        "rocky.repo": _dnf_repository("baseos", title, release.repository),
        "bed.repo": _dnf_repository("bed", "Test packages of the gpufleet test bed", "dnf/bed"),
    }


def build_apt(root: Path, keys: Keys) -> None:
    """Build the apt repositories below `root`/apt."""
    for name, (packages, signer) in REPOSITORIES.items():
        deb.build_repository(packages, root / "apt" / name, keys, signer)


@dataclass(frozen=True)
class RockyBase:
    """What a Rocky stand-in is made from: `debian_versions` are those of the packages in its root file system."""

    release: rocky.Release
    debian_versions: Mapping[str, str]
    python: str


def build_dnf(root: Path, keys: Keys, bases: Iterable[RockyBase], dnf_plugins: Path) -> None:
    """Build the dnf repositories below `root`/dnf, and the Rocky stand-ins' base repositories below `root`/rocky.

    `dnf_plugins` is Debian's package dnf-plugins-core.
    """
    for name, (packages, signer) in REPOSITORIES.items():
        rpm.build_repository(packages, root / "dnf" / name, keys, signer)
    with tempfile.TemporaryDirectory() as scratch:
        run(["dpkg-deb", "--extract", dnf_plugins, scratch])
        for base in bases:
            arguments = (base.release, base.debian_versions, base.python)
            rocky.build_base_repository(root, keys, *arguments, Path(scratch))
