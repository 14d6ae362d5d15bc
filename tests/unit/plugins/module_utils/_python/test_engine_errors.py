# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of uv 0.13.9 and pip 25.3, recorded on an index of the test bed, is understood.

In engine_output/ only hosts, addresses, ports and folders were replaced.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError, CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import engine_errors

OUTPUT = Path(__file__).with_name("engine_output")

# Recording -> the code, and words of the sentence that says what was found.
MEANINGS = {
    "pip-build-failed": ("build_failed", "failing has no usable wheel"),
    "uv-build-failed": ("build_failed", "failing==1.0 has no usable wheel"),
    "pip-conflict-deep": ("conflict", "alpha==2.0 wants beta<2, but beta==2.0 is wanted"),
    "uv-conflict-deep": ("conflict", "alpha wants beta<2, but beta==2.0 is wanted"),
    "pip-conflict-dependencies": ("conflict", "alpha==1.0 wants beta<2, but gamma==1.0 wants beta>=2"),
    "uv-conflict-dependencies": ("conflict", "gamma==1.0 wants beta>=2, but alpha==1.0 wants beta<2"),
    "pip-conflict-pins": ("conflict", "alpha==1.0 wants beta<2, but beta==2.0 is wanted"),
    "uv-conflict-pins": ("conflict", "alpha==1.0 wants beta<2, but beta==2.0 is wanted"),
    "pip-conflict-ranges": ("conflict", "alpha==1.0 wants beta<2, but gamma==1.0 wants beta>=2"),
    "uv-conflict-ranges": ("conflict", "gamma wants beta>=2, but alpha wants beta<2"),
    "pip-cut-off": ("index_unreachable", "not enough bytes were received"),
    "uv-cut-off": ("index_unreachable", "Failed to fetch"),
    "pip-missing-hash": ("hash_missing", "for beta<2"),
    "uv-missing-hash": ("hash_missing", "for beta"),
    "pip-no-name": ("index_untrusted", "index.invalid"),
    "uv-no-name": ("index_unreachable", "index.invalid"),
    "pip-no-package": ("no_such_package", "no package absent-here"),
    "uv-no-package": ("no_such_package", "no package absent-here"),
    "pip-no-password": ("index_refused", "401"),
    "uv-no-password": ("index_refused", "401"),
    "pip-wrong-password": ("index_refused", "401"),
    "uv-wrong-password": ("index_refused", "401"),
    "pip-no-version": ("no_such_version", "no alpha==7.0"),
    "uv-no-version": ("no_such_version", "no alpha==7.0"),
    "pip-no-wheel": ("no_such_version", "no onlyold==1.0 for this Python"),
    "uv-no-wheel": ("no_wheel", "onlyold==1.0 has wheels, but none for this Python"),
    "pip-offline": ("no_such_version", "no alpha==1.0"),
    "uv-offline": ("offline", "alpha was not found in the cache"),
    "pip-python-too-old": ("python_unfit", "newpy needs Python >=3.50, and this one is 3.11.2"),
    "uv-python-too-old": ("python_unfit", "newpy==1.0 needs Python >=3.50"),
    "pip-refused": ("index_unreachable", "connection error"),
    "uv-refused": ("index_unreachable", "Failed to fetch"),
    "pip-sdist-refused": ("no_such_version", "no epsilon==1.0"),
    "uv-sdist-refused": ("no_wheel", "epsilon==1.0 has no wheel"),
    "pip-server-error": ("index_unreachable", "Could not fetch URL"),
    "uv-server-error": ("index_unreachable", "Failed to fetch"),
    "pip-wrong-hash": ("hash_mismatch", "the file of beta==1.0 has the hash cbbd84fb"),
    "uv-wrong-hash": ("hash_mismatch", "the file of beta==1.0 has the hash sha256:cbbd84fb"),
}


def test_every_recording_has_its_meaning():
    assert {path.stem for path in OUTPUT.glob("*.txt")} == set(MEANINGS)


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_an_output_is_read_as_what_it_means(name):
    code, words = MEANINGS[name]
    found_code, found, to_fix, _conflicts = engine_errors.read((OUTPUT / f"{name}.txt").read_text())
    assert found_code == code
    assert words in found
    assert to_fix


@pytest.mark.parametrize("engine", ["uv", "pip"])
def test_a_conflict_names_package_wanted_and_found(engine):
    output = (OUTPUT / f"{engine}-conflict-pins.txt").read_text()
    (conflict,) = engine_errors.conflicts(output)
    assert vars(conflict) == {
        "package": "beta",
        "requirer": "alpha==1.0",
        "wanted": "<2",
        "found": "==2.0",
        "found_by": "",
    }


@pytest.mark.parametrize("engine", ["uv", "pip"])
def test_two_dependencies_that_differ_are_one_conflict(engine):
    output = (OUTPUT / f"{engine}-conflict-dependencies.txt").read_text()
    (conflict,) = engine_errors.conflicts(output)
    assert conflict.package == "beta"
    sides = {(conflict.requirer, conflict.wanted), (conflict.found_by, conflict.found)}
    assert sides == {("alpha==1.0", "<2"), ("gamma==1.0", ">=2")}


# One line each of messages that no index of ours can provoke.
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("error: failed to write to /x: No space left on device (os error 28)", "disk_full"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk_full"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x'",
            "permission_denied",
        ),
        ("error: failed to create directory `/x`: Permission denied (os error 13)", "permission_denied"),
    ],
)
def test_what_the_disk_says_comes_first(line, code):
    found_code, found, _todo, _conflicts = engine_errors.read(f"Resolved 2 packages in 1ms\n{line}\n")
    assert found_code == code and line in found


def test_an_output_that_nobody_knows_stays_as_the_engine_printed_it():
    result = CommandResult(("uv",), 2, "", "thread main panicked\n", 0.1)
    error = CommandError("command_failed", wanted="x", found="y", to_fix="z", stderr=result.err)
    assert engine_errors.explain(error, result) is error


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("pip-no-version", "alpha"),
        ("uv-no-version", "alpha"),
        ("pip-no-wheel", "onlyold"),
        ("pip-sdist-refused", "epsilon"),
        ("uv-wrong-hash", "beta"),
    ],
)
def test_an_explained_error_names_the_package_that_it_is_about(name, package):
    result = CommandResult(("uv",), 1, "", (OUTPUT / f"{name}.txt").read_text(), 0.1)
    error = CommandError("command_failed", wanted="x", found="y", to_fix="z", stderr=result.err)
    assert engine_errors.explain(error, result).details["package"] == package


@pytest.mark.parametrize("line", ["error: No space left on device", "ERROR: Connection refused"])
def test_an_explained_error_about_no_package_names_none(line):
    result = CommandResult(("uv",), 1, "", f"{line}\n", 0.1)
    error = CommandError("command_failed", wanted="x", found="y", to_fix="z", stderr=result.err)
    assert "package" not in engine_errors.explain(error, result).details


def test_an_explained_error_keeps_the_whole_output_and_gains_the_conflicts():
    output = (OUTPUT / "uv-conflict-pins.txt").read_text()
    result = CommandResult(("uv",), 1, "", output, 0.1)
    error = CommandError("command_failed", wanted="x", found="y", to_fix="z", stderr=result.err, rc=1)
    explained = engine_errors.explain(error, result)
    assert explained.code == "conflict" and explained.wanted == "x"
    assert explained.details["stderr"] == output and explained.details["rc"] == 1
    assert [item["package"] for item in explained.details["conflicts"]] == ["beta"]


@pytest.mark.parametrize("width", range(40, 100, 3))
@pytest.mark.parametrize("name", [name for name in MEANINGS if name.startswith("uv-")])
def test_it_does_not_matter_where_uv_breaks_its_sentences(name, width):
    """It begins with one package or another from run to run, and the breaks of the lines move."""
    code, found, _todo, _conflicts = engine_errors.read(broken_at(width, (OUTPUT / f"{name}.txt").read_text()))
    assert code == MEANINGS[name][0] and MEANINGS[name][1] in found


def broken_at(width: int, recorded: str) -> str:
    """A recording as if the terminal had this width: its explanation, that is, whose breaks are taken out before."""
    before, mark, explained = recorded.partition("No solution found")
    lines = re.sub(r"(?<!\.)\n[ \t]+(?=\S)", " ", explained).split("\n")
    options = {"subsequent_indent": " " * 9, "break_long_words": False, "break_on_hyphens": False}
    return before + mark + "\n".join(line and "\n".join(textwrap.wrap(line, width, **options)) for line in lines)
