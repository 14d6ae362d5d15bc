# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What conda 26.7, mamba 2.8 and micromamba 2.8 really answered, read by us."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import engine_cli_output, engine_errors

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "data" / "conda-cli"
PROGRAMS = ("conda", "mamba", "micromamba")

pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not beside the checkout")


def out(program: str, number: str) -> str:
    (found,) = (RECORDED / program).glob(f"{number}-*.out")
    return found.read_text()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_dry_run_tells_the_whole_solution(program):
    packages = engine_cli_output.linked(engine_cli_output.answer(out(program, "03")))
    versions = {package.name: package.version for package in packages}
    assert {name: versions[name] for name in ("python", "six", "packaging", "tzdata", "zlib-fix")} == {
        "python": "3.11.7",
        "six": "1.15.0",
        "packaging": "23.2",
        "tzdata": "2024a",
        "zlib-fix": "1.3.1",
    }
    for package in packages:
        assert package.channel == "file:///lab/channel"
        assert package.url == f"file:///lab/channel/{package.subdir}/{package.file_name}"
        assert package.file_name.startswith(package.stem)
        assert len(package.sha256) == 64
        assert len(package.md5) == 32
        assert package.timestamp == 1_700_000_000_000
    six = next(package for package in packages if package.name == "six")
    assert (six.noarch, six.depends, six.subdir) == ("python", ("python >=3.8",), "noarch")


def test_the_same_packages_are_the_same_in_all_words():
    """But for pip, which mamba adds to what Python needs unless it is told not to, as our calls do."""
    solutions = {}
    for program in PROGRAMS:
        packages = engine_cli_output.linked(engine_cli_output.answer(out(program, "03")))
        solutions[program] = {
            item.name: (item.stem, item.url, item.sha256, item.md5, set(item.depends) - {"pip"}, item.noarch, item.size)
            for item in packages
            if item.name in ("python", "six", "packaging", "tzdata", "zlib-fix")
        }
    assert solutions["conda"] == solutions["mamba"] == solutions["micromamba"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_to_do_links_nothing(program):
    answered = engine_cli_output.answer(out(program, "07"))
    assert answered["success"] is True
    assert engine_cli_output.linked(answered) == ()


def test_conda_with_a_full_cache_names_packages_without_their_urls():
    answered = engine_cli_output.answer(out("conda", "03"))
    answered["actions"]["FETCH"] = []
    with pytest.raises(ValueError, match="is named without its URL"):
        engine_cli_output.linked(answered)


@pytest.mark.parametrize(
    ("program", "identity"),
    [
        ("conda", ("conda", "26.7.1", "rattler")),
        ("mamba", ("mamba", "2.8.1", "libmamba")),
        ("micromamba", ("micromamba", "2.8.1", "libmamba")),
    ],
)
def test_programs_say_what_they_are(program, identity):
    found = engine_cli_output.identity(engine_cli_output.answer(out(program, "02")))
    assert found[1:] == identity[1:]
    assert found[0] in (identity[0], "mamba")


@pytest.mark.parametrize(
    ("agent", "solver"),
    [
        ("conda/4.12.0 requests/2.27.1 CPython/3.9.12 Linux/5.15 ubuntu/22.04.1 glibc/2.35", "classic"),
        ("conda/23.1.0 requests/2.28.1 CPython/3.10 Linux/5.15 glibc/2.35 solver/classic", "classic"),
        ("conda/24.7.1 requests/2.32 solver/libmamba conda-libmamba-solver/24.7.0 libmambapy/1.5.8", "libmamba"),
    ],
)
def test_the_solver_of_a_conda(agent, solver):
    assert engine_cli_output.identity({"conda_version": "1", "user_agent": agent}) == ("conda", "1", solver)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        ("17", "conflict", ["clash-a", "six", "<1.16", "clash-b", ">=1.16"]),
        ("18", "no_such_package", ["no-such-package-here"]),
        ("19", "channel_missing", ["/lab/nochannel"]),
        ("20", "no_virtual_package", ["needs-new-glibc", "__glibc", ">=9", "C library"]),
    ],
)
def test_failures_are_told_by_their_cause(program, number, code, words):
    known = engine_errors.read(engine_cli_output.reason(out(program, number), ""), offline=False)
    assert known is not None
    assert known.code == code, known
    assert not [word for word in words if word not in known.found], known.found


def test_a_program_that_prints_no_json_is_quoted():
    assert engine_cli_output.reason("", "Traceback: boom") == "Traceback: boom"
    assert engine_cli_output.answer("no json") == {}
    assert engine_cli_output.answer('{"fetch": 1}\0{"success": true}') == {"success": True}
