# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may write, and what is refused before a host is looked at."""

from __future__ import annotations

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.desired import read_desired, read_package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import DesiredPackage

DEBIAN = Distribution("debian", "12", "bookworm", "Debian GNU/Linux 12", "Debian")
UBUNTU = Distribution("ubuntu", "24.04", "noble", "Ubuntu 24.04", "Debian")
ROCKY9 = Distribution("rocky", "9.4", "", "Rocky Linux 9.4", "RedHat")
ROCKY10 = Distribution("rocky", "10.0", "", "Rocky Linux 10.0", "RedHat")
DEFAULTS = {
    "packages": [],
    "allow_downgrade": False,
    "allow_removal": False,
    "update_cache": True,
    "cache_valid_time": 3600,
    "lock_timeout": 300,
    "install_recommends": False,
    "repositories": [],
    "upgrade": "none",
}


@pytest.mark.parametrize(
    ("entry", "desired"),
    [
        ("cmake", DesiredPackage("cmake", ("cmake",))),
        ({"name": "libc6:i386"}, DesiredPackage("libc6:i386", ("libc6:i386",))),
        ({"name": "gcc", "hold": True}, DesiredPackage("gcc", ("gcc",), hold=True)),
        ({"name": "gcc", "version": "12.*"}, DesiredPackage("gcc", ("gcc",), version="12.*")),
        ({"name": "gcc", "version": None, "state": None}, DesiredPackage("gcc", ("gcc",))),
        (
            {"name": "nano", "state": "absent", "hold": False},
            DesiredPackage("nano", ("nano",), state="absent", hold=False),
        ),
    ],
)
def test_entries(entry, desired):
    assert read_package(entry, DEBIAN) == desired


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("", "no package name"),
        ("-oDpkg::Pre-Invoke::=id", "no package name"),
        ("a b", "no package name"),
        ("a;b", "no package name"),
        ("https://somewhere/x.deb", "no package name"),
        ("@ Development Tools", "no package name"),
        (7, "neither a name nor a mapping"),
        ({"nmae": "gcc"}, "'nmae' is unknown"),
        ({"name": "gcc", "state": "newest"}, "'newest'"),
        ({"name": "gcc", "version": 3.1}, "3.10 is not 3.1"),
        ({"name": "gcc", "version": "1 --force"}, "the version"),
        ({"name": "gcc", "version": "-1"}, "the version"),
        ({"name": "gcc", "hold": "yes"}, "hold is 'yes'"),
        ({"name": "gcc", "state": "absent", "version": "1"}, "absent with a version"),
        ({"name": "gcc", "state": "absent", "hold": True}, "absent with a version or a hold"),
        ({"name": "autotools", "version": "1"}, "one version for autoconf, automake, libtool"),
    ],
)
def test_refused_entries(entry, words):
    with pytest.raises(InvalidArguments, match=words):
        read_package(entry, DEBIAN)


@pytest.mark.parametrize("entry", [{"name": "make", "version": "4.3-4.1"}, {"name": "make", "hold": False}])
def test_beside_an_upgrade_of_the_whole_host_versions_are_held_and_holds_stay(entry):
    for upgrade in ("all", "security"):
        with pytest.raises(InvalidArguments, match="upgrade of the whole host"):
            read_desired({**DEFAULTS, "packages": [entry], "upgrade": upgrade}, DEBIAN)
    assert read_desired({**DEFAULTS, "packages": [entry]}, DEBIAN).names == ("make",)
    held = {**entry, "hold": True}
    assert read_desired({**DEFAULTS, "packages": [held], "upgrade": "all"}, DEBIAN).upgrade == "all"


def test_two_asks_for_one_package_are_refused_and_the_same_twice_is_not():
    with pytest.raises(InvalidArguments, match="two different desired states"):
        read_desired({**DEFAULTS, "packages": ["make", {"name": "make", "state": "absent"}]}, DEBIAN)
    assert read_desired({**DEFAULTS, "packages": ["build-tools", "make"]}, ROCKY9).names == ("gcc", "gcc-c++", "make")


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (False, False),
        (True, True),
        ("yes", True),
        ("False", False),
        ("postfix", frozenset({"postfix"})),
        (["a", "b"], frozenset("ab")),
    ],
)
def test_allow_removal(value, meant):
    assert read_desired({**DEFAULTS, "allow_removal": value}, DEBIAN).allow_removal == meant


def test_allow_removal_refuses_what_it_cannot_mean():
    with pytest.raises(InvalidArguments):
        read_desired({**DEFAULTS, "allow_removal": {"a": 1}}, DEBIAN)


@pytest.mark.parametrize(
    ("name", "distribution", "real"),
    [
        ("build-tools", DEBIAN, ("build-essential",)),
        ("build-tools", ROCKY9, ("gcc", "gcc-c++", "make")),
        ("openssl-headers", UBUNTU, ("libssl-dev",)),
        ("openssl-headers", ROCKY9, ("openssl-devel",)),
        ("pkg-config", DEBIAN, ("pkg-config",)),
        ("pkg-config", UBUNTU, ("pkgconf",)),
        ("zlib-headers", ROCKY9, ("zlib-devel",)),
        ("zlib-headers", ROCKY10, ("zlib-ng-compat-devel",)),
        ("htop", ROCKY9, ("htop",)),
    ],
)
def test_canonical_names(name, distribution, real):
    assert names.real_names(name, distribution) == real


def test_every_canonical_name_is_a_name_that_can_be_wanted():
    for name in names.canonical_names():
        for distribution in (DEBIAN, UBUNTU, ROCKY9, ROCKY10):
            assert read_package(name, distribution).names
