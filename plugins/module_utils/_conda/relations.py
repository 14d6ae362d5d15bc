# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What packages demand of each other and of the host (C(depends), C(constrains)), and what a set of them breaks."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import match_spec, package_url
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package, VirtualPackage

# Names that stand for several channels, or for one that the engine's settings name.
_OF_MANY = frozenset({"defaults", "local"})


class Broken(t.NamedTuple):
    """``text`` of ``package`` does not hold: ``found`` is what has that name, None where nothing has."""

    package: Package
    text: str
    name: str
    found: Package | None
    constrains: bool = False


def by_name(packages: t.Iterable[Package]) -> dict[str, Package]:
    return {package.name: package for package in packages}


def of_host(virtual: t.Iterable[VirtualPackage]) -> dict[str, Package]:
    """The host's virtual packages as packages, by name."""
    return {item.name: Package(item.name, item.version, item.build) for item in virtual}


def fits(package: Package | None, text: str) -> bool:
    """Whether a package is what a specification asks for. What the engine read and we cannot is no verdict."""
    try:
        spec = match_spec.parse(text)
    except match_spec.BadSpec:
        return True
    return package is not None and spec.allows(name=package.name, version=package.version, build=package.build)


def asked(package: Package, text: str) -> bool:
    """As fits(), and by all else that a desired state can say of a package: channel, subdirectory, hashes, build
    number.
    """
    if not fits(package, text):
        return False
    try:
        spec = match_spec.parse(text)
    except match_spec.BadSpec:
        return True
    told = {"md5": package.md5, "sha256": package.sha256, "build_number": str(package.build_number)}
    if any(told.get(key) not in (None, "", value) for key, value in spec.keys):
        return False
    if spec.subdir and package.subdir and package.subdir != spec.subdir:
        return False
    return not spec.channel or spec.channel in _OF_MANY or _is_channel(package.channel, spec.channel)


def _is_channel(url: str, named: str) -> bool:
    """Whether a channel is the one that is named, by its URL or by the end of it."""
    url, named = (f"/{package_url.public(text).strip('/')}" for text in (url, named))
    return url.endswith(named) or named.endswith(url)


def name_of(text: str) -> str:
    """The package that a specification names, quickly: C(depends) has it before the first blank, mostly."""
    try:
        return match_spec.parse(text).name
    except match_spec.BadSpec:
        return text.split()[0].lower() if text.split() else ""


def broken(packages: t.Iterable[Package], among: t.Mapping[str, Package]) -> t.Iterator[Broken]:
    """What of these packages' demands ``among`` all that is there does not hold."""
    for package in packages:
        for text in package.depends:
            name = name_of(text)
            if not fits(among.get(name), text):
                yield Broken(package, text, name, among.get(name))
        for text in package.constrains:
            name = name_of(text)
            if name in among and not fits(among[name], text):
                yield Broken(package, text, name, among[name], constrains=True)
