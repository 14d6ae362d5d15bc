# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit tests, under the Python of the test environment and under the oldest one of a supported host."""

from __future__ import annotations

import glob
import json
import os

import interpreters
import locked_environment
from testing.workplace import Failed, Impossible, Workplace

FLOOR = (3, 9)
# Tests of what runs on hosts. The others may use what only a controller has.
HOST_TESTS = ("tests/unit/plugins/module_utils", "tests/unit/plugins/modules")


def units(work: Workplace) -> None:
    report = os.path.join(work.cache, "logs", "coverage.json")
    coverage = ["--cov=plugins", "--cov-report=term-missing:skip-covered", f"--cov-report=json:{report}"]
    environ = work.environ(COVERAGE_FILE=os.path.join(work.cache, "logs", "coverage"))
    work.pytest([*coverage, "tests/unit"], env=environ)
    with open(report, encoding="utf-8") as stream:
        covered = json.load(stream)["totals"]["percent_covered"]
    work.notes.append(f"{covered:.0f} % of plugins/ covered")


def research(work: Workplace) -> None:
    work.pytest(["tests/research"])
    _under_oldest_python(work, ["tests/research/host"])


def floor(work: Workplace) -> None:
    folders = [folder for folder in HOST_TESTS if os.path.isdir(os.path.join(work.checkout, folder))]
    if not folders:
        raise Failed("there are no tests of host code")
    _under_oldest_python(work, folders)


def _under_oldest_python(work: Workplace, folders: list[str]) -> None:
    python = _floor_python()
    lock = os.path.join(work.checkout, "requirements-floor.lock")
    environment = locked_environment.prepare("floor", lock, python, work.cache, work.host.say)
    # Hosts get the module_utils of ansible-core and nothing else of it.
    environ = work.environ(PYTHONPATH=_module_utils_only(work))
    work.pytest(folders, python=os.path.join(environment, "bin", "python"), env=environ)


def _floor_python() -> interpreters.Interpreter:
    name = "python{}.{}".format(*FLOOR)
    managed = sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{FLOOR[0]}.{FLOOR[1]}.*/bin/python")))
    for program in (name, "/usr/bin/python3", *managed):
        found = interpreters.probe(program)
        if found and found.version == FLOOR:
            return found
    raise Impossible(f"no {name} on PATH or in ~/.pyenv")


def _module_utils_only(work: Workplace) -> str:
    """A folder with an 'ansible' package that holds what a module finds on a host: module_utils and the release."""
    (installed,) = glob.glob(os.path.join(work.environment, "lib", "python3.*", "site-packages", "ansible"))
    folder = os.path.join(work.cache, "module_utils_only", os.path.basename(work.environment))
    package = os.path.join(folder, "ansible")
    os.makedirs(package, exist_ok=True)
    for name in ("__init__.py", "_vendor", "release.py", "module_utils"):
        link = os.path.join(package, name)
        if not os.path.islink(link):
            os.symlink(os.path.join(installed, name), link)
    return folder
