# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt and dpkg have printed, word for word, on Debian 12."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_failure, apt_output
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
    assert parse_database("gone\tamd64\t1.0\tdeinstall\tok\tconfig-files\t\n") == []


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
    before = [Installed("other", "amd64", "1.0")]
    error = apt_failure.explain(result, "install bed-script-fails", before, before, ["bed-script-fails:amd64"])
    assert error.code == "package_script_failed"
    assert "bed-script-fails: no space for the index" in str(error)
    assert "the host is as it was" in str(error)
    assert not error.details["changed"]


def test_what_a_failed_run_has_left_is_named():
    result = CommandResult(("apt-get",), 100, recorded("apt-script-fails"), "", 1.0)
    before, after = [Installed("other", "amd64", "1.0")], [Installed("other", "amd64", "1.1")]
    error = apt_failure.explain(result, "install", before, after)
    assert error.details["differs"] == ["other (1.1 installed)"] and error.details["changed"]


def test_upgradable_and_shown():
    assert apt_output.parse_simulation(recorded("apt-upgrade"), True).changes != ()
    (record,) = apt_output.parse_records(recorded("apt-show"))
    assert record["Package"] == "python3-pip"
    assert record["Description-en"].startswith("Python package installer\n")
