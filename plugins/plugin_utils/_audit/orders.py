# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The orders of versions: that of Python's packages, Debian's and RPM's."""

from __future__ import annotations

import functools
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import deb_version, rpm_version
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.pep440 import Version

# Nobody releases such; to read and write the digits would take longer than all else.
_LONGEST = 300
_MODULE = ".module"

Read = t.Any  # something that can be compared, has is_prerelease, and is its version as text


@functools.lru_cache(maxsize=65536)
def pep440(version: str) -> Version | None:
    """The version without its local part; None where it is none of PEP 440."""
    try:
        return Version(Version(version).public) if len(version) <= _LONGEST else None
    except ValueError:  # InvalidVersion, and a number of more digits than Python reads
        return None


@functools.total_ordering
class Packaged:
    """A version of a distribution's package."""

    is_prerelease = False

    def __init__(self, text: str, key: t.Any) -> None:
        self._text, self._key = text, key

    def __str__(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packaged) and bool(self._key == other._key)

    def __lt__(self, other: Packaged) -> bool:
        return bool(self._key < other._key)

    def __hash__(self) -> int:
        return hash(self._text)


def _deb(version: str) -> Packaged | None:
    try:
        return Packaged(version, deb_version.key(version)) if len(version) <= _LONGEST else None
    except ValueError:
        return None


_RPM_KEY = functools.cmp_to_key(rpm_version.compare_versions)


def _rpm(version: str) -> Packaged | None:
    sound = version and len(version) <= _LONGEST and version.isprintable() and " " not in version
    return Packaged(version, _RPM_KEY(version)) if sound else None


def _same_stream(left: str, right: str) -> bool:
    """Whether both, or neither, were built for a module: an advisory about a module's packages is about no others."""
    return (_MODULE in left) == (_MODULE in right)


@dataclass(frozen=True)
class Order:
    """``read`` makes a version comparable, None where it is none; ``comparable`` says whether two have to do with each
    other at all, None where all have; ``called`` is what such versions are, for people."""

    read: t.Callable[[str], Read]
    called: str
    comparable: t.Callable[[str, str], bool] | None = None


PEP440 = Order(pep440, "PEP 440")
DEB = Order(_deb, "Debian's packages")
RPM = Order(_rpm, "RPM", _same_stream)


def of(package: str) -> Order:
    """The order of a package, by how it is called here: C(Debian:12/openssl), or a name of Python's index."""
    if "/" not in package:
        return PEP440
    return DEB if package.startswith(("Debian:", "Ubuntu:")) else RPM
