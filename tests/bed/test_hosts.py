# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bed keeps what its README promises: hosts that boot, and repositories whose packages behave as the table says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import docker
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, container, fleet, require_bed

APT_INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q "


@pytest.fixture(scope="module", autouse=True)
def _bed() -> None:
    require_bed()


@pytest.fixture(scope="module")
def debian() -> Iterator[Container]:
    with container("debian12") as host:
        host.check("apt-get update -q -o Dir::Etc::SourceList=/dev/null")
        yield host


@pytest.fixture(scope="module")
def rocky() -> Iterator[Container]:
    with container("rocky9") as host:
        yield host


@pytest.mark.parametrize(
    ("image_key", "name", "version"),
    [
        ("debian12", "debian", "12"),
        ("ubuntu2404", "ubuntu", "24.04"),
        ("ubuntu2204", "ubuntu", "22.04"),
        ("rocky9", "rocky", "9.4"),
        ("rocky10", "rocky", "10.0"),
    ],
)
def test_hosts_boot_and_carry_their_name(image_key: str, name: str, version: str) -> None:
    with container(image_key) as host:
        assert host.check(". /etc/os-release; echo $ID $VERSION_ID").split() == [name, version]
        assert host.check("systemctl is-system-running").strip() == "running"
        says_stand_in = "stand-in" in host.read("/etc/os-release")
        assert says_stand_in == (image_key != "debian12")


@pytest.mark.parametrize("image_key", ["debian12-minimal", "rocky9-minimal"])
def test_minimal_hosts_lack_what_a_newcomer_lacks(image_key: str) -> None:
    with container(image_key) as host:
        assert host.run("python3 -c 'import sys'").rc == 0
        assert host.run("command -v git || command -v make || command -v gcc || command -v pip3").rc != 0


def test_debian_installs_the_real_archive(debian: Container) -> None:
    debian.check("apt-get update -q")
    debian.check(APT_INSTALL + "patch")
    assert "GNU patch" in debian.check("patch --version")


def test_apt_packages_behave_as_the_table_says(debian: Container) -> None:
    debian.check(APT_INSTALL + "bed-tool=1.0-1 bed-plugin bed-mailer-a bed-old-name")
    assert debian.read("/usr/share/bed/bed-tool") == "1.0-1\n"
    assert "bed-plugin" in debian.check(APT_INSTALL + "--simulate bed-tool=2.0-1").split("REMOVED", 1)[1]
    debian.check(APT_INSTALL + "bed-mailer-b bed-new-name")
    assert debian.run("ls /usr/share/bed/bed-mailer-a /usr/share/bed/bed-old-name").rc != 0
    assert debian.run(APT_INSTALL + "bed-uninstallable").rc == 100
    failed = debian.run(APT_INSTALL + "bed-script-fails")
    assert "no space for the index" in failed.out + failed.err
    debian.check("dpkg --purge --force-all bed-script-fails")
    assert "1:0.9-1" in debian.check("apt-cache policy bed-epoch | grep Candidate")


@pytest.mark.parametrize(("name", "complaint"), [("unsigned", "is not signed"), ("wrong-key", "NO_PUBKEY")])
def test_apt_distrusts_the_repositories_that_it_should(debian: Container, name: str, complaint: str) -> None:
    source = debian.read("/etc/apt/sources.list.d/bed.sources").replace("/apt/bed\n", f"/apt/{name}\n")
    debian.write("/tmp/only.sources", source)
    only = (
        "-o Dir::Etc::SourceList=/tmp/only.sources -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/tmp/lists"
    )
    done = debian.run(f"mkdir -p /tmp/lists/partial; apt-get update -q {only}")
    assert complaint in done.out + done.err


def test_rocky_tools_work_when_installed_and_go_when_removed(rocky: Container) -> None:
    assert rocky.run("command -v gcc").rc != 0
    rocky.check(
        "dnf -y -q install '@Development Tools' cmake openssl-devel libffi-devel python3-devel pkgconf-pkg-config"
    )
    rocky.write(
        "/root/try.c",
        "#include <openssl/ssl.h>\n#include <ffi.h>\n#include <Python.h>\nint main(void) { return 42; }\n",
    )
    rocky.check("gcc /root/try.c -o /root/try $(pkg-config --cflags openssl libffi) $(python3-config --includes)")
    assert rocky.run("/root/try").rc == 42
    rocky.check("dnf -y -q remove git-core")
    assert rocky.run("command -v git").rc != 0


def test_dnf_packages_behave_as_the_table_says(rocky: Container) -> None:
    rocky.check("dnf -y -q install bed-tool-1.0 bed-plugin bed-mailer-a bed-old-name")
    assert rocky.read("/usr/share/bed/bed-tool") == "1.0-1\n"
    assert "bed-plugin" in rocky.run("dnf -y install bed-tool-2.0").err
    assert rocky.run("dnf -y install bed-mailer-b").rc != 0
    rocky.check("dnf -y install --allowerasing bed-mailer-b")
    rocky.check("dnf -y install bed-new-name")
    assert rocky.run("ls /usr/share/bed/bed-mailer-a /usr/share/bed/bed-old-name").rc != 0
    assert rocky.run("dnf -y install bed-uninstallable").rc != 0


def test_dnf_versionlock_keeps_a_version(rocky: Container) -> None:
    rocky.check("dnf -y -q install python3-dnf-plugin-versionlock bed-leaf-1.0")
    rocky.check("dnf -q versionlock add bed-leaf")
    rocky.check("dnf -y -q upgrade bed-leaf")
    assert rocky.read("/usr/share/bed/bed-leaf") == "1.0-1\n"


@pytest.mark.parametrize(
    ("name", "package", "complaint"),
    [
        ("unsigned", "bed-unsigned", "is not signed"),
        ("wrong-key", "bed-signed-by-a-stranger", "not correct for this package"),
    ],
)
def test_dnf_distrusts_the_packages_that_it_should(rocky: Container, name: str, package: str, complaint: str) -> None:
    source = rocky.read("/etc/yum.repos.d/bed.repo").replace("[bed]", f"[{name}]").replace("/dnf/bed", f"/dnf/{name}")
    rocky.write(f"/etc/yum.repos.d/{name}.repo", source)
    done = rocky.run(f"dnf -y install {package}")
    rocky.check(f"rm /etc/yum.repos.d/{name}.repo")
    assert done.rc != 0
    assert complaint in done.out + done.err


def test_repositories_are_served_on_the_network_and_lie_on_hosts_without_one(rocky: Container) -> None:
    address = "http://packages.bed.test/dnf/bed/repodata/repomd.xml"
    assert "<repomd" in rocky.check(["curl", "--silent", "--show-error", "--fail", address])
    with container("rocky9-minimal", network="none") as offline:
        offline.check("dnf -y -q install bed-leaf")


def test_fleet_hosts_answer_and_are_removed() -> None:
    with fleet(3) as hosts:
        assert [host.check("id -u").strip() for host in hosts] == ["0", "0", "0"]
    assert hosts[0].run("true").rc != 0


def test_taking_another_bed_down_leaves_this_one_alone(debian: Container) -> None:
    before = docker.containers()
    command = [sys.executable, "-B", str(Path(__file__).with_name("bed.py")), "down"]
    subprocess.run(command, env={**os.environ, "GPUFLEET_BED_NETWORK": "gpufleet-bed-of-nobody"}, check=True)
    assert debian.name in before
    assert docker.containers() == before
