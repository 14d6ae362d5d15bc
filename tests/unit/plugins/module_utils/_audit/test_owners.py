# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a file is, by what dpkg and rpm keep."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit import owners
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.owners import Owner, Owners
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor

SITE = "/usr/lib/python3/dist-packages"
STATUS = """\
Package: python3-cryptography
Status: install ok installed
Source: python-cryptography
Version: 38.0.4-3+deb12u1

Package: python3-gone
Status: deinstall ok config-files
Version: 1.0-1

Package: python3-apt
Status: install ok installed
Source: python-apt (2.6.0)
Version: 2.6.0+b1

Package: libnumpy:odd
Status: install ok installed
Version: 1.0
"""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    (info / "python3-cryptography.list").write_text(f"/.\n/usr\n{SITE}/cryptography-38.0.4.egg-info/PKG-INFO\n")
    (info / "python3-apt:amd64.list").write_text(f"{SITE}/python_apt-2.6.0.egg-info\n")
    (info / "python3-gone.list").write_text(f"{SITE}/gone-1.0.egg-info\n")
    (info / "python3-apt:amd64.md5sums").write_text(f"0 {SITE}/other\n")
    return Host(str(tmp_path), {})


def test_dpkg_tells_package_version_and_source_without_a_program(host: Host) -> None:
    commands = Commands(Redactor())
    paths = {
        f"{SITE}/cryptography-38.0.4.egg-info/PKG-INFO",
        f"{SITE}/python_apt-2.6.0.egg-info",
        f"{SITE}/gone-1.0.egg-info",
        f"{SITE}/by_hand-1.0.dist-info/METADATA",
    }
    assert Owners(host, commands).of(paths) == {
        f"{SITE}/cryptography-38.0.4.egg-info/PKG-INFO": Owner(
            "deb", "python3-cryptography", "38.0.4-3+deb12u1", "python-cryptography", "38.0.4-3+deb12u1"
        ),
        f"{SITE}/python_apt-2.6.0.egg-info": Owner("deb", "python3-apt", "2.6.0+b1", "python-apt", "2.6.0"),
    }
    assert commands.count == 0


def test_rpm_is_read_by_file(host: Host) -> None:
    path = "/usr/lib/python3.9/site-packages/urllib3-1.26.5.dist-info/METADATA"
    text = (
        f"python3-urllib3\t0:1.26.5-3.el9\tpython-urllib3-1.26.5-3.el9.src.rpm\tRocky Enterprise\t{path}\n"
        "python3-urllib3\t0:1.26.5-3.el9\tpython-urllib3-1.26.5-3.el9.src.rpm\tRocky Enterprise\t/usr/share/doc/x\n"
        "other\t1:2-3\t(none)\t(none)\t/usr/x\n"
        f"file {path}2 is not owned by any package\n"
    )
    assert dict(owners.rpm_lines(text, {path, "/usr/x"})) == {
        path: Owner("rpm", "python3-urllib3", "1.26.5-3.el9", "python-urllib3", "1.26.5-3.el9", "Rocky Enterprise"),
        "/usr/x": Owner("rpm", "other", "1:2-3", "other", "1:2-3", ""),
    }
