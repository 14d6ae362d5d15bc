# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine below another root is read like the real one."""

from __future__ import annotations

import os

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host, parse_os_release


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        (
            'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n',
            ("ubuntu", "24.04", "24", "Debian"),
        ),
        ("ID=debian\nVERSION_ID=12\n", ("debian", "12", "12", "Debian")),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n', ("rocky", "9.4", "9", "RedHat")),
        ("ID='ol'\nVERSION_ID=8.9\n", ("ol", "8.9", "8", "RedHat")),
        ("ID=arch\n", ("arch", "", "", "")),
        ('# ID=debian\nNAME="half\n', ("", "", "", "")),
        ("", ("", "", "", "")),
    ],
)
def test_os_release(text, identity):
    found = parse_os_release(text)
    assert (found.id, found.version, found.major, found.family) == identity


def test_files_and_programs_below_a_root(tmp_path):
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text('ID=debian\nVERSION_ID=12\nPRETTY_NAME="Debian 12"\n')
    program = tmp_path / "usr/sbin/mlstack-program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    host = Host(str(tmp_path), {"PATH": "/bin:relative"})
    assert host.which("mlstack-program") == str(program), "sbin is searched though PATH lacks it"
    assert host.which("python3") is None, "what is outside the root does not count"
    assert host.exists("/etc/os-release") and not host.exists("/etc/passwd")
    assert host.names("/etc") == ["os-release"] and host.names("/nowhere") == []
    assert host.read_text("/nowhere") is None and host.read_text("/nowhere", "") == ""
    assert host.distribution().name == "Debian 12"
    assert Host().path("/etc/x") == "/etc/x" and host.path("/etc/x") == str(tmp_path / "etc/x")


def test_os_release_in_its_second_place(tmp_path):
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text("ID=fedora\n")
    host = Host(str(tmp_path))
    assert host.distribution().family == "RedHat"
    assert host.is_root == (os.geteuid() == 0) and host.machine == os.uname().machine


@pytest.mark.skipif(os.geteuid() != 0, reason="what others can write to matters to root")
def test_root_takes_no_program_from_a_folder_of_others_wherever_it_is_named(tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    shared.mkdir()
    program = shared / "mlstack-probe"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    shared.chmod(0o2775)
    assert Host("/", {"PATH": str(shared)}).which("mlstack-probe") is None
    monkeypatch.setattr(_host, "_DEFAULT_PATH", f"{shared}:/usr/bin:/bin")  # such as /usr/local/bin of a group
    assert Host("/", {"PATH": "/usr/bin"}).which("mlstack-probe") is None
    assert Host("/", {"PATH": ""}).which("sh") in ("/usr/bin/sh", "/bin/sh")
    monkeypatch.setattr(_host.trust, "flaw_of", lambda path: None)
    assert Host("/", {"PATH": ""}).which("mlstack-probe") == str(program)
