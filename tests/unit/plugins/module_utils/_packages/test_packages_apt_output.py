# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt and dpkg have printed, word for word, on Debian 12."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_failure, apt_output, apt_undo
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.apt import parse_database
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Change, Installed

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text()


def test_the_database_with_a_hold_a_half_installed_and_a_provided_package():
    packages = {package.name: package for package in parse_database(recorded("dpkg-database"))}
    assert packages["bed-tool"] == Installed("bed-tool", "amd64", "1.0-1", held=True)
    assert packages["bed-provider"].status == "unpacked" and not packages["bed-provider"].complete
    assert packages["bed-provider"].provides == ("bed-capability",)
    assert packages["mawk"].provides == ("awk",)


def test_a_removed_package_is_not_installed():
    assert parse_database("gone\tamd64\t1.0\tunknown\tok\tnot-installed\t\n") == []
    (kept,) = parse_database("kept\tamd64\t1.0\tdeinstall\tok\tconfig-files\t\n")
    assert (kept.status, kept.complete) == ("config-files", False)


def test_a_package_that_must_be_installed_again_is_not_complete():
    (package,) = parse_database("odd\tamd64\t1.0\tinstall\treinstreq\thalf-installed\t\n")
    assert not package.complete


@pytest.mark.parametrize(
    ("name", "changes", "held"),
    [
        ("apt-held-upgrade", (Change("upgrade", "bed-tool", "1.0-1", "1.1-2"),), ("bed-tool",)),
        ("apt-downgrade", (Change("downgrade", "bed-leaf", "1.1-1", "1.0-1"),), ()),
        (
            "apt-removal",
            (
                Change("remove", "bed-plugin", "1.0-1"),
                Change("upgrade", "bed-library", "1.0-1", "2.0-1"),
                Change("upgrade", "bed-tool", "1.0-1", "2.0-1"),
            ),
            ("bed-tool",),
        ),
        ("apt-swap", (Change("remove", "bed-leaf", "1.1-1"), Change("install", "bed-mailer-a", "", "1.0-1")), ()),
    ],
)
def test_a_simulation(name, changes, held):
    forecast = apt_output.parse_simulation(recorded(name), True)
    assert forecast.changes == changes
    assert forecast.held == held


def test_a_simulation_of_sixty_real_packages():
    forecast = apt_output.parse_simulation(recorded("apt-install-new"), True)
    said = next(line for line in recorded("apt-install-new").splitlines() if "newly installed" in line)
    assert f"{len(forecast.changes)} newly installed" in said
    assert {change.action for change in forecast.changes} == {"install"}
    assert "build-essential" in {change.name for change in forecast.changes}


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("apt-unknown", ("nosuchpkg", "cmakeee")),
        ("apt-unknown-version", ("cmake 9.9",)),
        ("apt-virtual", ("mail-transport-agent",)),
    ],
)
def test_what_apt_does_not_know(name, unknown):
    assert apt_output.parse_simulation(recorded(name), False).unknown == unknown


@pytest.mark.parametrize("name", ["apt-uninstallable", "apt-broken"])
def test_why_apt_refuses(name):
    problem = apt_output.parse_simulation(recorded(name), False).problem
    assert problem == "bed-uninstallable : Depends: bed-does-not-exist but it is not installable"


def test_candidates():
    assert apt_output.parse_policy(recorded("apt-policy")) == {
        "bed-tool": ("2.0-1", "1.1-2", "1.1-1", "1.0-1"),
        "bed-epoch": ("1:0.9-1", "5.0-1"),
        "bed-leaf": ("1.1-1", "1.0-1"),
    }


@pytest.mark.parametrize(
    ("name", "ok", "words"),
    [
        ("apt-update-no-pubkey", True, "NO_PUBKEY"),
        ("apt-update-not-signed", False, "is not signed"),
        ("apt-update-unreachable", True, "Could not connect"),
    ],
)
def test_a_refresh_that_failed_although_apt_may_end_well(name, ok, words):
    failures = apt_output.repository_failures(recorded(name), ok)
    assert failures and any(words in failure for failure in failures)


def test_a_refresh_that_went_well():
    assert apt_output.repository_failures("Hit:1 file:/x stable InRelease\nReading package lists...\n", True) == []


def test_the_space_that_apt_will_need():
    assert apt_output.needed_bytes(recorded("apt-download")) == 0  # the bed's packages do not tell their size
    assert apt_output.needed_bytes("After this operation, 4051 kB of additional disk space will be used.") == 4_051_000
    assert (
        apt_output.needed_bytes("After this operation, 1.2 GB of additional disk space will be used.") == 1_200_000_000
    )
    assert apt_output.needed_bytes("After this operation, 67.1 MB disk space will be freed.") == 0


def test_a_script_that_failed_is_quoted():
    result = CommandResult(("apt-get",), 100, recorded("apt-script-fails"), "", 1.0)
    error = apt_failure.explain(result, "install bed-script-fails", apt_undo.Undone(("bed-script-fails:amd64",)))
    assert error.code == "package_script_failed"
    assert "bed-script-fails: no space for the index" in str(error)
    assert "removed again: bed-script-fails; the packages are as they were" in str(error)
    assert not error.details["changed"]


def test_what_a_failed_run_has_left_is_named():
    result = CommandResult(("apt-get",), 100, recorded("apt-script-fails"), "", 1.0)
    error = apt_failure.explain(result, "install", apt_undo.Undone((), ("other (1.1 installed)",)))
    assert error.details["differs"] == ["other (1.1 installed)"] and error.details["changed"]
    assert "could not be taken back: other (1.1 installed)" in str(error)


SETTING_UP = "Setting up x (1) ...\n"
SCRIPT_FAILED = (
    "dpkg: error processing package x (--configure):\n installed x package post-installation script failed\n"
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # Words of scripts, and of apt while it waits, are no causes.
        (f"{SETTING_UP}Could not get lock on my index\n{SCRIPT_FAILED}", "package_script_failed"),
        (f"{SETTING_UP}E: Could not get lock\n{SCRIPT_FAILED}", "package_script_failed"),
        (f"{SETTING_UP}cannot be authenticated; Hash Sum mismatch\n{SCRIPT_FAILED}", "package_script_failed"),
        (f"{SETTING_UP}No space left on device: /proc/x\n{SCRIPT_FAILED}", "package_script_failed"),
        (f"Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend. 3s\n{SCRIPT_FAILED}", None),
        ("Waiting for cache lock: Could not get lock /x\nE: The repository is odd\n", "package_manager_failed"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7\n", "package_lock_timeout"),
        ("dpkg: error: dpkg frontend lock was locked by another process with pid 7\n", "package_lock_timeout"),
        ("dpkg: error processing archive x.deb (--unpack):\n cannot copy: No space left on device\n", "disk_full"),
        (f"{SCRIPT_FAILED}dpkg: unrecoverable fatal error, aborting:\n x: No space left on device\n", "disk_full"),
        ("E: Unable to create /x (30: Read-only file system)\n", "read_only"),
    ],
)
def test_only_what_apt_and_dpkg_say_themselves_is_a_cause(text, code):
    for result in (CommandResult((), 100, text, "", 1.0), CommandResult((), 100, "", text, 1.0)):
        assert apt_failure.explain(result, "install x").code == (code or "package_script_failed")


def test_only_what_a_run_did_itself_is_taken_back():
    before = [Installed("kept", "all", "1", status="config-files"), Installed("old", "amd64", "1")]
    after = [
        *(Installed("kept", "all", "1"), Installed("old", "amd64", "2"), Installed("new", "all", "1")),
        *(Installed("used", "all", "1"), Installed("broken", "all", "1", status="half-configured")),
    ]
    now = [*after[:3], Installed("used", "all", "1", held=True), after[4], Installed("stranger", "all", "1")]
    known = [apt_undo.keyed(packages) for packages in (before, after, now)]
    assert [package.name for package in apt_undo.brought(*known)] == ["kept", "new", "broken"]
    left = apt_undo.keyed([before[0], after[1], now[3], Installed("new", "all", "1", status="config-files")])
    assert apt_undo.differences(known[0], known[1], left) == (
        "new (1 config-files)",
        "old (2 installed)",
        "used (1 installed)",
    )


def test_upgradable_and_shown():
    assert apt_output.parse_simulation(recorded("apt-upgrade"), True).changes != ()
    (record,) = apt_output.parse_records(recorded("apt-show"))
    assert record["Package"] == "python3-pip"
    assert record["Description-en"].startswith("Python package installer\n")


POLICY = """tool:
  Installed: 1.0
  Candidate: 1.3
  Version table:
     2.0 -1
        -1 https://mirror.invalid/debian-security bookworm-security/main amd64 Packages
     1.3 500
        500 https://mirror.invalid/debian bookworm-updates/main amd64 Packages
     1.2 500
        500 https://mirror.invalid/debian-security bookworm-security/main amd64 Packages
     1.1 500
        500 https://mirror.invalid/debian-security bookworm-security/main amd64 Packages
 *** 1.0 100
        100 /var/lib/dpkg/status
mended:
  Installed: 1.1
  Candidate: 1.2
  Version table:
     1.2 500
        500 https://mirror.invalid/debian bookworm-updates/main amd64 Packages
 *** 1.1 500
        500 https://mirror.invalid/debian-security bookworm-security/main amd64 Packages
        100 /var/lib/dpkg/status
other:i386:
  Installed: 1.0
  Candidate: 1.1
  Version table:
     1.1 500
        500 http://archive.invalid/ubuntu jammy-updates/main i386 Packages
        500 http://security.invalid/ubuntu jammy-security/main i386 Packages
 *** 1.0 100
        100 /var/lib/dpkg/status
"""


def test_what_mends_security_is_the_newest_of_a_security_archive_up_to_what_pins_allow():
    assert apt_output.parse_security(POLICY) == {"tool": "1.2", "other:i386": "1.1"}


def test_a_task_is_the_packages_that_name_it():
    text = "Package: one\nTask: a, tools\nPackage: two\nPackage: three\nTask: tools-more\nPackage: four\nTask: tools\n"
    assert apt_output.parse_task(text, "tools") == ("one", "four")
