# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Distributions as advisories name them, and how their packages are called here: C(Debian:12/python-cryptography).

Sources: the table of ecosystems of the OSV schema, and records of each of them. Debian, Ubuntu and Rocky Linux name
source packages, AlmaLinux and Red Hat those that are installed.
"""

from __future__ import annotations

import re
import typing as t

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]{0,199}")
_RELEASES = (
    re.compile(r"(?P<name>Debian):(?P<release>[0-9]+)"),
    # What only those get who pay for it (Ubuntu:Pro:...) says nothing of the others.
    re.compile(r"(?P<name>Ubuntu):(?P<release>[0-9]+\.[0-9]+)(?::LTS)?"),
    re.compile(r"(?P<name>Rocky Linux|AlmaLinux):(?P<release>[0-9]+)(?:\.[0-9]+)?"),
    re.compile(r"(?P<name>Red Hat):enterprise_linux:(?P<release>[0-9]+)(?:\.[0-9]+)?(?:::[a-z]+)?"),
)
# The ids of os-release; whether a part of the version after the point makes another release; who makes the packages.
_KNOWN = {
    "debian": ("Debian", False, ""),
    "ubuntu": ("Ubuntu", True, ""),
    "rocky": ("Rocky Linux", False, "Rocky"),
    "almalinux": ("AlmaLinux", False, "AlmaLinux"),
    "rhel": ("Red Hat", False, "Red Hat"),
}


def release_of(ecosystem: str) -> str:
    """C(Debian:12) of what an advisory calls its ecosystem; empty where that is none of the distributions here."""
    for pattern in _RELEASES:
        match = pattern.fullmatch(ecosystem.strip())
        if match:
            return f"{match.group('name')}:{match.group('release')}"
    return ""


def key(release: str, name: str) -> str:
    """How a package of a release is called here."""
    return f"{release}/{name}"


def is_name(name: str) -> bool:
    """Whether a package can be called so."""
    return bool(_NAME.fullmatch(name))


def release_on(system: t.Mapping[str, str]) -> str:
    """C(Debian:12) of what a host's os-release tells; empty where nobody publishes advisories of it in this form."""
    name, minor, _vendor = _KNOWN.get(system.get("id", ""), ("", False, ""))
    version = system.get("version", "")
    parts = re.match(r"([0-9]+)(\.[0-9]+)?", version)
    if not name or parts is None or (minor and not parts.group(2)):
        return ""
    return f"{name}:{parts.group(0) if minor else parts.group(1)}"


def is_of(release: str, vendor: str) -> bool:
    """Whether a package by this vendor is one of the release's own; where packages tell none, all are."""
    expected = next((item[2] for item in _KNOWN.values() if item[0] == release.partition(":")[0]), "")
    return not expected or vendor.startswith(expected)
