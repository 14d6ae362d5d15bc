# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a layer works: its log, its environment variables, and the running and counting of what it starts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from dataclasses import dataclass, field
from xml.etree import ElementTree

import locked_environment
from testing.machine import Machine

COMMAND_TIMEOUT_S = 3000


class Failed(Exception):
    """A layer found something wrong."""


class Impossible(Exception):
    """A layer cannot run on this machine; the text is the reason."""


class NotAsked(Exception):
    """A layer runs only where somebody asks for it; the text is how."""


@dataclass(frozen=True)
class Counts:
    """Numbers of tests. A gate that is no test runner counts as one test for each check that it makes."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass
class Workplace:
    """One layer's run. C(environment) is the virtual environment with the test tools, C(host) this machine.

    C(processes) is how many processes the layer may spread its tests over.
    """

    layer: str
    environment: str
    host: Machine
    processes: int = 1
    counts: Counts = Counts()
    notes: list[str] = field(default_factory=list)
    excerpts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.checkout = locked_environment.CHECKOUT
        self.cache = cache_folder()
        self.in_ci = os.environ.get("CI") == "true"
        self.log = os.path.join(self.cache, "logs", f"{self.layer}.log")
        os.makedirs(os.path.dirname(self.log), exist_ok=True)
        with open(self.log, "w", encoding="utf-8") as stream:
            stream.write(f"{self.layer}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
        self.tree = collection_link(self.checkout)

    def tool(self, name: str) -> str:
        """A program of the test environment."""
        return os.path.join(self.environment, "bin", name)

    def environ(self, **more: str) -> dict[str, str]:
        """The variables for what a layer starts: its tools first on PATH, this collection found, no user settings."""
        drop = ("PYTHONPATH", "PYTHONHOME", "ANSIBLE_CONFIG", "MOLECULE_PROJECT_DIRECTORY")
        environ = {name: value for name, value in os.environ.items() if name not in drop}
        environ["PATH"] = os.path.join(self.environment, "bin") + os.pathsep + environ.get("PATH", os.defpath)
        environ["ANSIBLE_COLLECTIONS_PATH"] = self.tree
        environ.setdefault("LC_ALL", "C.UTF-8")
        environ.update(NO_COLOR="1", ANSIBLE_NOCOLOR="1", TERM="dumb")  # logs are read as text
        return {**environ, **more}

    def run(self, argv: list[str], cwd: str | None = None, env: dict[str, str] | None = None) -> int:
        """Run a program with its output in the log; returns its status. Raises Failed when it takes too long."""
        with open(self.log, "a", encoding="utf-8") as stream:
            stream.write(f"\n$ {' '.join(argv)}\n")
            stream.flush()
            try:
                return self.host.programs.call(
                    argv, cwd or self.checkout, env or self.environ(), stream, COMMAND_TIMEOUT_S
                )
            except subprocess.TimeoutExpired as exc:
                raise Failed(f"{argv[0]} was still running after {COMMAND_TIMEOUT_S} s") from exc

    def note_in_log(self, text: str) -> None:
        """Add to the log what the layer itself has to say."""
        with open(self.log, "a", encoding="utf-8") as stream:
            stream.write(f"\n{text}\n")

    def check(self, what: str, argv: list[str], cwd: str | None = None, env: dict[str, str] | None = None) -> None:
        """One check of a gate: a program that must end with 0. All checks run, and all that failed are reported."""
        before = os.path.getsize(self.log)
        status = self.run(argv, cwd, env)
        self.verdict(what, status == 0, f"status {status}")
        if status != 0:
            self.excerpts.append(self._printed_since(before))

    def verdict(self, what: str, good: bool, why: str) -> None:
        """Count a check, and note it if it failed."""
        self.counts += Counts(passed=1) if good else Counts(failed=1)
        if not good:
            self.notes.append(f"{what}: {why}")

    def conclude(self) -> None:
        """End a gate of several checks. Raises Failed if one of them failed."""
        if self.counts.failed:
            raise Failed(f"{self.counts.failed} of {self.counts.passed + self.counts.failed} checks failed")

    def pytest(self, arguments: list[str], python: str | None = None, env: dict[str, str] | None = None) -> None:
        """Run pytest, by the test environment's Python unless another is given, and count its tests.

        A file is run by one process as a whole, which so has the hosts of its module for itself. They begin in the
        order of collection.
        """
        report = os.path.join(self.cache, "logs", f"{self.layer}.xml")
        if os.path.exists(report):
            os.remove(report)
        argv = [python or self.tool("python"), "-B", "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}"]
        if self.processes > 1:
            argv += ["--numprocesses", str(self.processes), "--dist", "loadfile", "--no-loadscope-reorder"]
        status = self.run(argv + arguments, env=env)
        if status == 5:
            raise Failed("pytest found no tests")
        if os.path.exists(report):
            self.counts += counts_of(report)
        if status != 0:
            raise Failed(f"pytest ended with status {status}")

    def tail(self, lines: int) -> str:
        """What a person looks at first after a failure: the ends of the checks that failed, or of the whole log."""
        shown = []
        for printed in self.excerpts or [self._printed_since(0)]:
            shown += printed.splitlines()[-lines // max(1, len(self.excerpts)) :]
        return "\n".join([*(f"    {line}" for line in shown), f"    all of it: {self.log}"])

    def _printed_since(self, offset: int) -> str:
        with open(self.log, encoding="utf-8", errors="replace") as stream:
            stream.seek(offset)
            return stream.read()


def counts_of(report: str) -> Counts:
    """The numbers in a JUnit report, errors counted as failures."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).iter("testcase"):
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failed += 1
        elif "skipped" in outcomes:
            skipped += 1
        else:
            passed += 1
    return Counts(passed, failed, skipped)


def cache_folder() -> str:
    """Where ./test keeps its environments, logs and copies."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(os.path.abspath(base), "gpufleet-mlstack")


def collection_link(checkout: str) -> str:
    """Make the git-ignored link by which Python and Ansible find the checkout as gpufleet.mlstack; its tree's path."""
    tree = os.path.join(checkout, ".tree")
    folder = os.path.join(tree, "ansible_collections", "gpufleet")
    link = os.path.join(folder, "mlstack")
    os.makedirs(folder, exist_ok=True)
    # Two runs may begin at the same moment: the second one finds it made.
    with contextlib.suppress(FileExistsError):
        os.symlink(os.path.join("..", "..", ".."), link)
    return tree
