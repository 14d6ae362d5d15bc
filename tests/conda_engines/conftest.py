# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One suite for every engine: rattler under a new and under the oldest Python, and the real programs that are named.

./test conda-engines CONDA=/opt/conda/bin/conda MAMBA=... MICROMAMBA=...
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import engine_choice
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import Engine, Limits
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Cache
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.toolbox import Toolbox
from ansible_collections.gpufleet.mlstack.tests.bed import conda_channel, host
from ansible_collections.gpufleet.mlstack.tests.bed.conda_channel import Channel
from ansible_collections.gpufleet.mlstack.tests.bed.conda_server import CondaServer
from ansible_collections.gpufleet.mlstack.tests.conda_engines.environments import Environments
from ansible_collections.gpufleet.mlstack.tests.conda_engines.work import Work

import interpreters

# Named in a variable, a real program takes part.
PROGRAMS = {"conda": "CONDA", "mamba": "MAMBA", "micromamba": "MICROMAMBA"}
RATTLERS = ("rattler", "rattler-py39")
NAMES = [*RATTLERS, *(name for name, variable in PROGRAMS.items() if os.environ.get(variable))]

Make = Callable[[str, Path], Engine]


def _floor_python() -> str:
    """A Python 3.9, or nothing."""
    managed = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.9.*/bin/python")))
    for program in ("python3.9", "/usr/bin/python3", *managed):
        found = interpreters.probe(program)
        if found and found.version == (3, 9):
            return program if "/" in program else Host().which(program) or ""
    return ""


def _rattler(python: str, limits: Limits) -> Engine:
    commands = Commands()
    # Kept below the bed's state: what lies there was installed by version and hash.
    toolbox = Toolbox(str(host.state_directory() / "toolbox"), commands, python, Sources(), 600, Cache())
    return engine_choice.rattler(commands, toolbox, limits)


@pytest.fixture(scope="session")
def make() -> Make:
    """Makes an engine by its name, with a cache in the folder."""

    def made(name: str, folder: Path) -> Engine:
        scratch = folder / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        limits = Limits(scratch=str(scratch), cache=str(folder / "cache"), timeout=300)
        if name in PROGRAMS:
            program, commands = os.environ[PROGRAMS[name]], Commands()
            return engine_choice._identified(name, program, commands, limits)
        python = getattr(sys, "_base_executable", "") or sys.executable
        if name == "rattler-py39":
            python = _floor_python()
            if not python:
                pytest.skip("no Python 3.9 here")
        return _rattler(python, limits)

    return made


@pytest.fixture(scope="session")
def channel() -> Channel:
    return conda_channel.basic()


@pytest.fixture
def server(channel: Channel) -> Iterator[CondaServer]:
    with CondaServer(channel.folder) as served:
        yield served


@pytest.fixture(params=NAMES)
def work(request: pytest.FixtureRequest, tmp_path: Path, channel: Channel, make: Make) -> Work:
    """A place for one test, for each engine."""
    return Work(make(request.param, tmp_path), tmp_path, channel)


@pytest.fixture(params=["rattler", *(name for name in NAMES if name in PROGRAMS)])
def envs(request: pytest.FixtureRequest, tmp_path: Path, channel: Channel, make: Make) -> Environments:
    """A root for conda_env with each engine. rattler runs under the Python of the modules here."""
    name = request.param
    cache = _cache_of(request, name)
    if name not in PROGRAMS:
        return Environments(tmp_path, channel, {"engine": name}, cache, "resolvo")
    solver = make(name, tmp_path / "asked").describe().solver
    return Environments(tmp_path, channel, {"engine": name, "executable": os.environ[PROGRAMS[name]]}, cache, solver)


def _cache_of(request: pytest.FixtureRequest, name: str) -> Path:
    """A cache of packages that all tests of a run share."""
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    folder = factory.getbasetemp() / f"cache-{name}"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(params=RATTLERS)
def rattler(request: pytest.FixtureRequest, tmp_path: Path, channel: Channel, make: Make) -> Work:
    """The same for rattler alone."""
    return Work(make(request.param, tmp_path), tmp_path, channel)


@pytest.fixture
def newest(tmp_path: Path, channel: Channel, make: Make) -> Work:
    """The same for the newest rattler, where the release makes no difference and the test takes long."""
    return Work(make("rattler", tmp_path), tmp_path, channel)
