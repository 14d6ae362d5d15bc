# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package transaction that failed is taken back: what it did, nothing else, and by the gentlest way there is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.local_packages import LocalPackage, publish
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost, package_host


def _with_data(name: str, version: str = "1.0-1") -> LocalPackage:
    """A package like that of a database: a purge deletes what people have put into it."""
    removal = f'[ "$1" != purge ] || rm -rf /var/lib/{name}-data'
    return LocalPackage(name, version, files={f"/etc/{name}.conf": "a = 1\n"}, scripts={"postrm": removal})


PACKAGES = [
    _with_data("f-conf"),
    _with_data("f-new"),
    LocalPackage("f-plain", files={"/usr/share/f-plain": "1\n"}),
    LocalPackage("f-admin"),
    LocalPackage("f-fail", scripts={"postinst": "echo 'f-fail: out of luck' >&2; exit 3"}),
    LocalPackage("f-lock", scripts={"postinst": "echo 'E: Could not get lock on the index' >&2; exit 3"}),
    LocalPackage("f-user", requires=("f-plain",)),
]


@pytest.fixture(scope="module")
def shared_debian() -> Iterator[PackageHost]:
    with package_host("apt") as made:
        publish(made, PACKAGES)
        yield made


@pytest.fixture
def debian(shared_debian: PackageHost) -> Iterator[PackageHost]:
    yield shared_debian
    names = " ".join(package.name for package in PACKAGES)
    shared_debian.sh(f"apt-mark unhold {names} >/dev/null; dpkg --purge --force-all {names} >/dev/null 2>&1 || true")


@contextlib.contextmanager
def _rival(host: PackageHost, *, before: str = "true", after: str = "true") -> Iterator[None]:
    """Somebody who is quick: just before and just after our apt-get changes something, these commands run."""
    script = (
        '#!/bin/sh\ncase "$*" in *--simulate*|*--download-only*) exec /usr/bin/apt-get "$@";; esac\n'
        f'( {before} ) >/dev/null 2>&1\n/usr/bin/apt-get "$@"\nrc=$?\n( {after} ) >/dev/null 2>&1\nexit $rc\n'
    )
    host.container.write("/usr/local/sbin/apt-get", script, "0755")
    try:
        yield
    finally:
        host.sh("rm /usr/local/sbin/apt-get")


def _status(host: PackageHost, name: str) -> str:
    return host.container.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", name]).out


def test_what_a_removed_package_has_left_behind_is_never_purged(debian: PackageHost) -> None:
    debian.sh("apt-get -qq install f-conf && echo 'mine = 1' >>/etc/f-conf.conf && mkdir -p /var/lib/f-conf-data")
    debian.sh("echo precious >/var/lib/f-conf-data/table && apt-get -qq remove f-conf")
    before = debian.sh("cat /etc/f-conf.conf; dpkg -l f-conf | tail -1")
    refused = debian.refuse(["f-conf", "f-plain", "f-fail"], "package_script_failed")
    assert "f-fail: out of luck" in refused["msg"]
    assert debian.sh("cat /etc/f-conf.conf; dpkg -l f-conf | tail -1") == before
    assert debian.sh("cat /var/lib/f-conf-data/table") == "precious\n"
    assert [_status(debian, name) for name in ("f-plain", "f-fail")] == ["", ""]
    assert sorted(refused["withdrawn"]) == ["f-conf:all", "f-fail:all", "f-plain:all"]
    assert (refused["changed"], refused["differs"]) == (False, [])


def test_files_that_lie_where_a_new_package_has_its_own_stay(debian: PackageHost) -> None:
    debian.sh(
        "mkdir -p /var/lib/f-new-data; echo restored >/var/lib/f-new-data/table; echo 'mine = 1' >/etc/f-new.conf"
    )
    refused = debian.refuse(["f-new", "f-fail"], "package_script_failed")
    assert debian.sh("cat /etc/f-new.conf /var/lib/f-new-data/table") == "mine = 1\nrestored\n"
    # It is removed, dpkg keeps its configuration files in mind, and that is told.
    assert _status(debian, "f-new") == "config-files"
    assert (refused["changed"], refused["differs"]) == (True, ["f-new (1.0-1 config-files)"])
    assert "f-new (1.0-1 config-files)" in refused["msg"]


def test_what_somebody_else_installed_while_we_waited_for_the_lock_stays(debian: PackageHost) -> None:
    with _rival(debian, before="/usr/bin/apt-get -qq install f-admin"):
        refused = debian.refuse(["f-plain", "f-fail"], "package_script_failed")
    assert [_status(debian, name) for name in ("f-admin", "f-plain", "f-fail")] == ["installed", "", ""]
    assert "f-admin" not in str(refused["withdrawn"]) + str(refused["differs"])
    assert not refused["changed"]


def test_what_others_use_by_now_stays_and_is_told(debian: PackageHost) -> None:
    use = "/usr/bin/apt-get -qq install f-user; apt-mark hold f-conf"
    with _rival(debian, after=use):
        refused = debian.refuse(["f-plain", "f-conf", "f-fail"], "package_script_failed")
    assert [_status(debian, name) for name in ("f-user", "f-plain", "f-conf")] == ["installed"] * 3
    assert (refused["changed"], refused["withdrawn"]) == (True, ["f-fail:all"])
    assert refused["differs"] == ["f-conf (1.0-1 installed)", "f-plain (1.0-1 installed)"]
    assert "f-plain (1.0-1 installed)" in refused["msg"]


def test_the_words_of_a_script_are_not_taken_for_those_of_apt(debian: PackageHost) -> None:
    refused = debian.refuse(["f-lock"], "package_script_failed")
    assert "Could not get lock on the index" in refused["msg"]


@pytest.fixture(scope="module")
def rocky() -> Iterator[PackageHost]:
    with package_host("dnf") as made:
        publish(
            made,
            [
                LocalPackage("f-plain", files={"/usr/share/f-plain": "1\n"}),
                LocalPackage("f-conf", files={"/etc/f-conf.conf": "a = 1\n"}),
                LocalPackage(
                    "f-fail", scripts={"preinst": "echo 'Read-only file system, already locked by x'; exit 3"}
                ),
                LocalPackage("f-user", requires=("f-plain",)),
            ],
        )
        yield made


def test_what_a_failed_dnf_brought_goes_and_what_was_there_stays(rocky: PackageHost) -> None:
    rocky.succeed(["bed-leaf", {"name": "bed-tool", "version": "1.0"}])
    desired = ["f-plain", "f-conf", "f-fail", "bed-leaf", {"name": "bed-tool", "version": "1.1-2"}]
    refused = rocky.refuse(desired, "package_script_failed")
    assert [rocky.version(name) for name in ("f-plain", "f-conf", "f-fail", "bed-leaf")] == ["", "", "", "1.1-1"]
    assert sorted(refused["withdrawn"]) == ["f-conf:noarch", "f-plain:noarch"]
    # An upgrade is not taken back: that is told, and is a change.
    assert rocky.version("bed-tool") == "1.1-2"
    assert (refused["changed"], refused["differs"]) == (True, ["bed-tool (1.1-2 installed)"])
    assert not rocky.succeed(["bed-leaf", "bed-tool"])["changed"]


def test_what_others_use_by_now_is_not_taken_back_by_dnf_either(rocky: PackageHost) -> None:
    rocky.container.write(
        "/usr/local/sbin/dnf",
        '#!/bin/sh\ncase "$*" in *--comment=*) ;; *) exec /usr/bin/dnf "$@";; esac\n'
        '/usr/bin/dnf "$@"\nrc=$?\n/usr/bin/dnf -qy install f-user >/dev/null 2>&1\nexit $rc\n',
        "0755",
    )
    try:
        refused = rocky.refuse(["f-plain", "f-conf", "f-fail"], "package_script_failed")
    finally:
        rocky.sh("rm /usr/local/sbin/dnf")
    assert [bool(rocky.version(name)) for name in ("f-user", "f-plain", "f-conf")] == [True, True, False]
    assert refused["differs"] == ["f-plain (1.0-1 installed)"] and refused["changed"]
    assert "f-plain (1.0-1 installed)" in refused["msg"]
