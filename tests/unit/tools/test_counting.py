# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""./test counts what ran, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import locked_environment
from testing.workplace import Counts, counts_of

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
