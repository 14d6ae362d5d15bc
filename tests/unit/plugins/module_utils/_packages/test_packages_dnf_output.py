# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf and rpm have printed, word for word, and the order of RPM versions against rpm itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import dnf_output
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Change
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.rpm_version import (
    compare_versions,
    newest_first,
)
from hypothesis import given
from hypothesis import strategies as st

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("dnf-upgrade", [Change("upgrade", "bed-tool", "", "1.1-2")]),
        ("dnf-downgrade", [Change("downgrade", "bed-leaf", "", "1.0-1")]),
        (
            "dnf-removal",
            [
                Change("upgrade", "bed-library", "", "2.0-1"),
                Change("upgrade", "bed-tool", "", "2.0-1"),
                Change("remove", "bed-plugin", "1.0-1"),
            ],
        ),
        (
            "dnf-remove",
            [Change("remove", name, "1.0-1") for name in ("bed-library", "bed-plugin", "bed-tool")],
        ),
        ("dnf-obsoletes", [Change("install", "bed-new2", "", "2.0-1"), Change("remove", "bed-leaf", "1.0-1")]),
        ("dnf-unknown", []),
    ],
)
def test_a_transaction_table(name, changes):
    assert dnf_output.parse_table(recorded(name)) == changes


def test_dependencies_are_in_the_table():
    changes = dnf_output.parse_table(recorded("dnf-install-new"))
    assert [change.name for change in changes] == ["gcc", "make", "binutils", "cpp", "glibc-devel"]
    assert changes[0].after == "10.2.1-1.el9"


def test_a_row_that_is_too_long_goes_on_in_the_next_line():
    name = "a-name-that-does-not-fit-into-its-column"
    row = f" {name}\n                    x86_64   1.0-1   bed   6.0 k\n"
    table = f"{'=' * 80}\n Package Arch\n{'=' * 80}\nInstalling:\n{row}"
    assert dnf_output.parse_table(table) == [Change("install", name, "", "1.0-1")]


def test_what_is_skipped_is_no_change():
    table = f"{'=' * 80}\n P\n{'=' * 80}\nSkipping packages with conflicts:\n bed-tool x86_64 2.0-1 bed 6.0 k\n"
    assert dnf_output.parse_table(table) == []


def test_installed_packages_and_who_is_picked():
    packages = dnf_output.parse_query(recorded("rpm-query"))
    assert [package.name for package in packages] == ["bed-tool", "curl-minimal", "bed-epoch"]
    assert dnf_output.pick("bed-epoch", packages, "x86_64").version == "1:0.9-1"
    assert dnf_output.pick("curl", packages, "x86_64").name == "curl-minimal"
    assert dnf_output.pick("nosuch", packages, "x86_64") is None


def test_of_several_kernels_the_newest_speaks_and_the_others_are_known():
    line = "kernel-core\t0\t5.14.0\t{}.el9\tx86_64\tkernel-core kernel installonlypkg(kernel) \n"
    packages = dnf_output.parse_query(line.format(9) + line.format(10))
    picked = dnf_output.pick("kernel-core", packages, "x86_64")
    assert (picked.version, picked.also, picked.complete) == ("5.14.0-10.el9", ("5.14.0-9.el9",), True)


def test_two_versions_of_anything_else_are_what_a_killed_transaction_left():
    line = "tool\t0\t{}\t1\tx86_64\ttool \n"
    picked = dnf_output.pick("tool", dnf_output.parse_query(line.format("1.0") + line.format("1.1")), "x86_64")
    assert (picked.version, picked.status) == ("1.1-1", "duplicate")


def test_one_package_of_several_names_and_several_of_one_name_are_no_duplicates():
    """Rpm names a package once for each name that was asked for and that it provides."""
    fields = "{}\t0\t{}\t1\tx86_64\t{} web \n"
    twice = dnf_output.parse_query(2 * fields.format("nginx", "1.20", "nginx"))
    assert dnf_output.pick("nginx", twice, "x86_64").complete and dnf_output.pick("web", twice, "x86_64").also == ()
    both = dnf_output.parse_query(fields.format("nginx", "1.20", "nginx") + fields.format("httpd", "2.4", "httpd"))
    picked = dnf_output.pick("web", both, "x86_64")
    assert (picked.name, picked.complete, picked.also) == ("httpd", True, ())


def test_this_machines_architecture_is_preferred_and_another_can_be_named():
    line = "glibc\t0\t2.34\t1\t{}\tglibc \n"
    packages = dnf_output.parse_query(line.format("i686") + line.format("x86_64"))
    assert dnf_output.pick("glibc", packages, "x86_64").arch == "x86_64"
    assert dnf_output.pick("glibc.i686", packages, "x86_64").arch == "i686"


def test_candidates_are_new_to_old():
    found = dnf_output.parse_candidates(recorded("dnf-candidates"))
    assert found["bed-tool"] == ("2.0-1", "1.1-2", "1.1-1", "1.0-1")
    assert found["bed-epoch"] == ("1:0.9-1", "5.0-1")
    assert "nosuch" not in found


def test_what_dnf_does_not_know_and_what_is_merely_locked():
    assert dnf_output.unmatched(recorded("dnf-unknown")) == ["nosuch"]
    assert dnf_output.unmatched(recorded("dnf-versionlock")) == []
    assert "filtered out by exclude filtering" in dnf_output.problem_of(recorded("dnf-versionlock"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dnf-uninstallable", "nothing provides bed-does-not-exist needed by bed-uninstallable"),
        ("dnf-removal-refused", "requires bed-tool < 2.0"),
        ("dnf-unreachable", "Failed to download metadata for repo 'unsigned'"),
    ],
)
def test_why_dnf_refuses(name, words):
    assert words in dnf_output.problem_of(recorded(name))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("dnf-disk-full", "disk_full"),
        ("dnf-unsigned", "unsigned_package"),
        ("dnf-unreachable", "repository_unusable"),
    ],
)
def test_the_cause_of_a_failure(name, code):
    assert next(code for mark, code, _todo in dnf_output.CAUSES if mark in recorded(name)) == code


def test_a_script_that_failed_is_a_warning():
    (warning,) = dnf_output.script_warnings(recorded("dnf-script-fails"))
    assert "bed-script-fails: no space for the index" in warning


# Pairs that RPM's own documentation and test suite argue about, and their order.
ORDER = [
    ("1.0", "1.0", 0),
    ("1.0", "2.0", -1),
    ("2.0.1", "2.0", 1),
    ("2.0.1a", "2.0.1", 1),
    ("5.5p1", "5.5p10", -1),
    ("10xyz", "10.1xyz", -1),
    ("1.05", "1.5", 0),
    ("1.0~rc1", "1.0", -1),
    ("1.0~rc1", "1.0~rc2", -1),
    ("1.0^git1", "1.0", 1),
    ("1.0^git1", "1.0.1", -1),
    ("1.0^git1~pre", "1.0^git1", -1),
    ("a", "1", -1),
    ("1:1.0", "2.0", 1),
    ("1.0-1", "1.0-2", -1),
]


@pytest.mark.parametrize(("left", "right", "order"), ORDER)
def test_the_order_of_versions(left, right, order):
    assert (compare_versions(left, right) > 0) - (compare_versions(left, right) < 0) == order
    assert (compare_versions(right, left) > 0) - (compare_versions(right, left) < 0) == -order


WORDS = st.text("019ab.~^_+", min_size=1, max_size=8)


@pytest.mark.skipif(not shutil.which("rpm"), reason="rpm, whose order is the right one, is not installed here")
def test_the_order_is_the_one_of_rpm_itself():
    pairs: list[tuple[str, str]] = []

    @given(WORDS, WORDS)
    def collect(left, right):
        pairs.append((left, right))

    collect()
    pairs += [(left, right) for left, right, _order in ORDER if not set(":-") & set(left + right)]
    script = "".join(f"io.write(rpm.vercmp('{left}', '{right}'), ' ') " for left, right in pairs)
    answer = subprocess.run(["rpm", "--eval", f"%{{lua:{script}}}"], capture_output=True, text=True, check=True).stdout
    for (left, right), theirs in zip(pairs, answer.split()):
        ours = compare_versions(left, right)
        assert (ours > 0) - (ours < 0) == int(theirs), (left, right)


@given(st.lists(WORDS, max_size=6))
def test_sorting_is_stable_under_reordering(versions):
    assert [compare_versions(a, b) for a, b in zip(newest_first(versions), newest_first(versions[::-1]))] == [
        0 for _version in versions
    ]


RUNNING = "Transaction test succeeded.\nRunning transaction\n  Running scriptlet: x-1.0-1.noarch   1/1 \n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Error: Error downloading packages:\n  Cannot download x\n", "repository_unusable"),
        ("Package x-1-1.noarch.rpm is not signed\nError: GPG check FAILED\n", "unsigned_package"),
        (
            "Error: Transaction test error:\n  installing x needs 9MB more space needed on the / filesystem\n",
            "disk_full",
        ),
        # What a script prints is no cause, whatever it is.
        (
            f"{RUNNING}already locked by me\nRead-only file system\nError: Transaction failed\n",
            "package_manager_failed",
        ),
        (
            f"{RUNNING}is not signed\nerror: %prein(x-1.0-1.noarch) scriptlet failed, exit status 3\n\n"
            "Error in PREIN scriptlet in rpm package x\nError: Transaction failed\n",
            "package_script_failed",
        ),
        (f"{RUNNING}error: unpacking of archive failed on /x: cpio: write: No space left on device\n", "disk_full"),
    ],
)
def test_only_what_dnf_and_rpm_say_themselves_is_a_cause(text, code):
    assert dnf_output.cause_of(text)[0] == code


def test_a_group_is_what_its_installation_brings():
    text = "\nGroup: Tools\n Description: x\n Mandatory Packages:\n   one\n Default Packages:\n   two\n"
    text += " Optional Packages:\n   three\n"
    assert dnf_output.parse_group(text) == ("one", "two")
