# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""./test counts what ran, and nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import locked_environment
from testing import run as runner
from testing.layers import Layer, asked_by, samples
from testing.machine import Machine
from testing.workplace import Counts, Impossible, Workplace, collection_link, counts_of

TESTS = """
import pytest

def test_passes(): pass

def test_fails(): assert 0

@pytest.fixture
def broken(): raise OSError

def test_cannot_be_set_up(broken): pass

@pytest.mark.skip(reason="here for the count")
def test_is_skipped(): pass

@pytest.mark.parametrize("n", [1, 2])
def test_twice(n): pass
"""


def test_counts_of_a_real_report(tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS)
    report = str(tmp_path / "report.xml")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "test_it.py"]
    subprocess.run(argv, cwd=tmp_path, check=False, stdout=subprocess.DEVNULL)
    assert counts_of(report) == Counts(passed=3, failed=2, skipped=1)


def test_counts_add_up():
    assert str(Counts(1, 2, 3) + Counts(failed=1)) == "1 passed, 3 failed, 3 skipped"


@pytest.mark.parametrize(("arguments", "status"), [(["no-such-layer"], 2), (["--list"], 0), (["--help"], 0)])
def test_command_line(arguments, status):
    command = os.path.join(locked_environment.CHECKOUT, "test")
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert "molecule" in done.stdout + done.stderr or arguments == ["--help"]


def passes(work: Workplace) -> None:
    work.check("true", ["true"])
    work.conclude()


def finds_something(work: Workplace) -> None:
    work.check("true", ["true"])
    work.check("false", ["sh", "-c", "echo the reason; exit 3"])
    work.conclude()


def lacks_something(work: Workplace) -> None:
    raise Impossible("no moon in sight")


@pytest.fixture
def outcome_of(tmp_path, monkeypatch, capsys):
    """Runs layers as ./test does: (status, what was printed)."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def outcome(ci: str, **layers):
        monkeypatch.setenv("CI", ci)
        chosen = [Layer(name, "", run) for name, run in layers.items()]
        status = runner.run_layers(chosen, sys.prefix, Machine(print))
        return status, capsys.readouterr().out

    return outcome


def test_a_run_without_a_failure_is_good(outcome_of):
    status, printed = outcome_of("", first=passes, second=passes)
    assert status == 0
    assert printed.endswith("\n2 passed, 0 failed, 0 skipped\n")


def test_a_failed_check_fails_the_run_and_shows_why(outcome_of):
    status, printed = outcome_of("", first=passes, second=finds_something)
    assert status == 1
    assert "second       FAILED" in printed
    assert "false: status 3" in printed
    assert "    the reason\n" in printed
    assert printed.endswith("\n2 passed, 1 failed, 0 skipped\n")


def test_a_layer_that_cannot_run_is_skipped_with_its_reason(outcome_of):
    status, printed = outcome_of("", first=passes, second=lacks_something)
    assert status == 0
    assert "second       skipped" in printed
    assert "no moon in sight" in printed
    assert printed.endswith("\n1 passed, 0 failed, 1 skipped\n")


def test_a_layer_that_cannot_run_fails_in_ci(outcome_of):
    status, printed = outcome_of("true", first=passes, second=lacks_something)
    assert status == 1
    assert "cannot run here: no moon in sight" in printed
    assert printed.endswith("\n1 passed, 1 failed, 0 skipped\n")


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_layer_that_nobody_asked_for_is_left_out_in_ci_too(outcome_of, monkeypatch, ci):
    long = asked_by("MOON", "it takes a month")
    monkeypatch.delenv("MOON", raising=False)
    status, printed = outcome_of(ci, first=passes, second=long)
    assert status == 0
    assert "second       left out" in printed and "it takes a month: ./test second MOON=yes" in printed
    assert printed.endswith("\n1 passed, 0 failed, 1 skipped\n")
    monkeypatch.setenv("MOON", "yes")
    assert "second       ok" in outcome_of(ci, first=passes, second=long)[1]


@pytest.mark.parametrize("ci", ["", "true"])
def test_files_of_other_projects_are_read_where_somebody_has_them(outcome_of, monkeypatch, tmp_path, ci):
    (tmp_path / "checkout").mkdir()

    def reads(work: Workplace) -> None:
        work.checkout = str(tmp_path / "checkout")
        samples(work)
        passes(work)

    status, printed = outcome_of(ci, first=passes, second=reads)
    assert status == 0 and "second       left out" in printed and "no ../shared/data" in printed
    (tmp_path / "shared" / "data").mkdir(parents=True)
    assert "second       ok" in outcome_of(ci, first=passes, second=reads)[1]


def test_no_unit_test_looks_beside_the_checkout():
    """Who has but a clone would see it skipped, or fail."""
    units = Path(locked_environment.CHECKOUT, "tests", "unit")
    beside = re.compile(r"""["']shared["'] / |\.\./shared/""")
    found = [path for path in units.rglob("*.py") if path != Path(__file__) and beside.search(path.read_text("utf-8"))]
    assert found == []


def test_a_run_that_tested_nothing_is_no_good(outcome_of):
    assert outcome_of("", first=lacks_something)[0] == 1


def test_two_runs_that_begin_at_once_find_the_same_tree(tmp_path, monkeypatch):
    both_looked = threading.Barrier(2, timeout=10)
    make = os.symlink

    def symlink(target, link):
        with contextlib.suppress(threading.BrokenBarrierError):
            both_looked.wait()
        make(target, link)

    monkeypatch.setattr(os, "symlink", symlink)
    with ThreadPoolExecutor(2) as pool:
        trees = set(pool.map(collection_link, [str(tmp_path)] * 2))
    assert trees == {str(tmp_path / ".tree")}
    assert (tmp_path / ".tree" / "ansible_collections" / "gpufleet" / "mlstack").resolve() == tmp_path
