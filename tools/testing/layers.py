# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of tests, the cheap ones first."""

from __future__ import annotations

import os
import subprocess
import typing as t
from dataclasses import dataclass

from testing import gates, sanity, units
from testing.machine import BED_PROGRAMS, BROWSER_PROGRAMS
from testing.workplace import Counts, Failed, Impossible, NotAsked, Workplace

Step = t.Callable[[Workplace], None]


@dataclass(frozen=True)
class Layer:
    """C(needs) are asked before C(run): each raises Impossible if this machine has not what it takes, or NotAsked.

    C(lanes) is how many layers' room it takes: both where its tests measure seconds, or are shared out to
    C(processes).
    """

    name: str
    about: str
    run: Step
    needs: tuple[Step, ...] = ()
    lanes: int = 1
    processes: int = 1

    @property
    def on_hosts(self) -> bool:
        """Whether it works with the hosts of the test bed."""
        return bed in self.needs


def git(work: Workplace) -> None:
    why = work.host.lacks({"git": "git"}, work.log)
    if why:
        raise Impossible(why)
    if not os.path.exists(os.path.join(work.checkout, ".git")):
        raise Impossible("this is no git checkout, and what belongs to the project is read from git")


def bed(work: Workplace) -> None:
    why = work.host.lacks(BED_PROGRAMS, work.log) or work.host.without_engine(os.path.dirname(work.log))
    if why:
        raise Impossible(why)
    command = [work.tool("python"), "-B", "tests/bed/bed.py"]
    if not _bed_is_up():  # else somebody else is working with it
        work.host.at_end(lambda: work.run([*command, "down"]))
    if work.run([*command, "up"]) != 0:
        raise Failed("the test bed could not be built")


def _bed_is_up() -> bool:
    argv = ["docker", "ps", "--quiet", "--filter", "label=gpufleet.bed.server"]
    return bool(subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip())


def browser(work: Workplace) -> None:
    why = work.host.lacks(BROWSER_PROGRAMS, work.log)
    if why:
        raise Impossible(why)


def samples(work: Workplace) -> None:
    """Files of other projects are not ours to pass on: they lie beside the checkout of those who have them."""
    if not os.path.isdir(os.path.join(os.path.dirname(work.checkout), "shared", "data")):
        raise NotAsked("it reads files of other projects, and there is no ../shared/data")


def asked_by(variable: str, why: str) -> Step:
    """For a layer that would take most of the time of a continuous integration."""

    def need(work: Workplace) -> None:
        if os.environ.get(variable) != "yes":
            raise NotAsked(f"{why}: ./test {work.layer} {variable}=yes")

    return need


def tests_in(folder: str) -> Step:
    """The layer that is a folder of pytest files."""

    def run(work: Workplace) -> None:
        if not os.path.isdir(os.path.join(work.checkout, folder)):
            raise Failed(f"there is no {folder}")
        work.pytest([folder])

    return run


def molecule(work: Workplace) -> None:
    """Every scenario, one after the other: containers of two at once would starve each other."""
    environ = {**work.environ(), **gates.bed_variables(work)}
    scenarios = sorted(
        entry.name
        for entry in os.scandir(os.path.join(work.checkout, "molecule"))
        if os.path.exists(os.path.join(entry.path, "molecule.yml"))
    )
    for scenario in scenarios:
        status = work.run([work.tool("molecule"), "test", "--scenario-name", scenario], env=environ)
        work.verdict(scenario, status == 0, f"status {status}")
    if not scenarios:
        work.counts += Counts(failed=1)
    work.conclude()


LAYERS = (
    Layer("lint", "ruff, mypy, shellcheck, yamllint, ansible-lint", gates.lint),
    Layer("docs", "documentation and changelog: lint, and the pages build without a warning", gates.docs),
    Layer("units", "unit tests with the coverage of plugins/", units.units, (git,)),
    Layer("floor", "unit tests of host code under Python 3.9", units.floor),
    Layer("research", "what other projects' files and programs look like, from ../shared", units.research, (samples,)),
    Layer("sanity", "ansible-test sanity, in a copy outside the checkout", sanity.sanity, (git,)),
    Layer(
        "collection", "build, install offline, run by name from another folder", tests_in("tests/collection"), (git,)
    ),
    Layer("browser", "the pages of reports in a real Chromium", tests_in("tests/browser"), (browser,), lanes=2),
    Layer("attacker", "what an unprivileged user tries against root", tests_in("tests/attacker")),
    Layer("bed", "the test bed keeps its promises", tests_in("tests/bed"), (bed,)),
    Layer("integration", "real apt, dnf, uv and pip", tests_in("tests/integration"), (bed,), lanes=2, processes=2),
    Layer("conda-engines", "rattler, and CONDA=, MAMBA=, MICROMAMBA= where named", tests_in("tests/conda_engines")),
    Layer("faults", "kill, full disk, broken index, two runs at once", tests_in("tests/faults"), (bed,)),
    Layer(
        "frameworks", "real TensorFlow and PyTorch, where a build for the CPU can be had", tests_in("tests/frameworks")
    ),
    Layer("newcomer", "./converge on machines with only Python", tests_in("tests/newcomer"), (bed,)),
    Layer(
        "nvidia-archive",
        "NVIDIA's real packages in Debian's archive, with NVIDIA_ARCHIVE=yes",
        tests_in("tests/nvidia_archive"),
        (asked_by("NVIDIA_ARCHIVE", "it fetches gigabytes and builds for a quarter of an hour"), bed),
    ),
    Layer("molecule", "the roles on Ubuntu, Debian and Rocky", molecule, (bed,)),
)
NAMES = tuple(layer.name for layer in LAYERS)
