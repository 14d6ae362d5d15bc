# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an earlier run of a package manager, ours or not, has left unfinished is found, told, and finished first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration.local_packages import LocalPackage, publish
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import PackageHost, package_host

# What a script makes is not in the package: only the script can bring it.
BUILDS = "[ ! -e /run/f-built.die ] || { rm /run/f-built.die; pkill -9 dnf; sleep 60; }\necho built >/run/f-built.done"
PACKAGES = [
    LocalPackage("f-plain", files={"/usr/share/f-plain": "1\n"}),
    LocalPackage("f-other", files={"/usr/share/f-other": "1\n"}),
    LocalPackage("f-built", scripts={"postinst": BUILDS}, files={"/usr/share/f-built": "1\n"}),
    LocalPackage("f-later", requires=("f-built",), files={"/usr/share/f-later": "1\n"}),
]


@pytest.fixture(scope="module")
def debian() -> Iterator[PackageHost]:
    with package_host("apt") as made:
        publish(made, PACKAGES)
        yield made


@pytest.fixture(scope="module")
def rocky() -> Iterator[PackageHost]:
    with package_host("dnf") as made:
        publish(made, PACKAGES)
        yield made


def interrupted(host: PackageHost) -> str:
    return host.succeed([], module="system_packages_info")["interrupted"]


@pytest.mark.parametrize("status", ["install reinstreq half-installed", "hold reinstreq half-installed"])
def test_a_package_in_a_mess_is_installed_again_though_nobody_asked_for_it(debian: PackageHost, status: str) -> None:
    debian.succeed(["f-plain", "f-other"])
    assert interrupted(debian) == ""
    debian.sh(f"sed -i '/^Package: f-plain$/,/^$/s/^Status: .*/Status: {status}/' /var/lib/dpkg/status")
    debian.sh("rm /usr/share/f-plain")
    assert interrupted(debian) == "to be installed again: f-plain"
    before = debian.state()
    foretold = debian.succeed(["f-other"], check=True)
    assert debian.state() == before
    assert [step["action"] for step in foretold["plan"]] == ["repair"] and "f-plain" in foretold["plan"][0]["summary"]
    done = debian.succeed(["f-other"])
    assert done["changed"] and debian.sh("dpkg --audit; cat /usr/share/f-plain") == "1\n"
    assert debian.held() == ({"f-plain"} if "hold" in status else set())
    assert not debian.succeed(["f-other"])["changed"] and interrupted(debian) == ""
    debian.sh("apt-mark unhold f-plain")


def test_a_package_whose_archive_is_gone_is_told(debian: PackageHost) -> None:
    debian.succeed(["f-plain", "f-other"])
    debian.sh(
        "sed -i '/^Package: f-plain$/,/^$/s/^Status: .*/Status: install reinstreq half-installed/' /var/lib/dpkg/status"
    )
    debian.sh("mv /etc/apt/sources.list.d/local.list /root/ && apt-get -qq update")
    try:
        refused = debian.refuse(["f-other"], "archive_missing")
        assert "f-plain" in refused["msg"]
    finally:
        debian.sh("mv /root/local.list /etc/apt/sources.list.d/ && apt-get -qq update")
    assert debian.succeed(["f-other"])["changed"]


def test_what_is_only_unpacked_or_half_configured_is_finished_though_all_is_there_that_was_asked_for(
    debian: PackageHost,
) -> None:
    debian.succeed(["f-other"])
    debian.sh("dpkg --unpack /opt/local/f-built.deb")
    assert interrupted(debian) == "not configured: f-built"
    assert debian.succeed(["f-other"])["changed"]
    assert debian.version("f-built") == "1.0-1" and debian.sh("cat /run/f-built.done") == "built\n"


def test_a_script_that_was_cut_under_dnf_is_run_again(rocky: PackageHost) -> None:
    rocky.sh("touch /run/f-built.die; dnf -y install f-built f-later; true")
    # rpm has it for installed, and its script never came to its end.
    assert rocky.version("f-built") == "1.0-1" and rocky.container.run("cat /run/f-built.done").rc != 0
    told = interrupted(rocky)
    assert "never ended" in told and "install f-built f-later" in told and "f-built" in told
    foretold = rocky.succeed(["f-built"], check=True)
    assert [step["action"] for step in foretold["plan"]] == ["repair"]
    assert "f-built" in foretold["plan"][0]["summary"]
    assert rocky.succeed(["f-built"])["changed"]
    assert rocky.sh("cat /run/f-built.done") == "built\n"
    assert not rocky.succeed(["f-built"])["changed"] and interrupted(rocky) == ""
    # Nobody asked for the rest of that transaction.
    assert rocky.version("f-later") == ""
