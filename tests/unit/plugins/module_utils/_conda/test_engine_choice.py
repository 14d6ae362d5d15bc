# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine is taken; shell scripts that answer C(info --json) stand in for programs."""

from __future__ import annotations

import json
import sys

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import engine_choice
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import Limits
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine_choice import DesiredEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import seal
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_text
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Cache
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.toolbox import RATTLER, Toolbox

CLASSIC = {"conda_version": "4.12.0", "user_agent": "conda/4.12.0 requests/2.27.1 CPython/3.9.12"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A PATH of its own, a toolbox that reaches no index, and the warnings."""

    class Place:
        folder = tmp_path
        warnings = []
        commands = Commands(environ={"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PATH": "/usr/bin:/bin"})
        toolbox = Toolbox(str(tmp_path / "toolbox"), commands, sys.executable, Sources(), 60, Cache())

        def program(self, name, answer):
            path = tmp_path / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
            path.chmod(0o755)
            return str(path)

        def choose(self, name="auto", executable=""):
            host = Host(environ={"PATH": str(tmp_path / "bin")})
            limits = Limits(scratch=str(tmp_path))
            desired = DesiredEngine(name, executable)
            return engine_choice.choose(desired, host, self.commands, self.toolbox, limits, self.warnings.append)

    monkeypatch.setattr(engine_choice, "_PLACES", ())
    return Place()


def test_rattler_is_taken_where_it_can_be_had(place):
    place.program("mamba", {"mamba version": "2.8.1"})
    folder = place.folder / "toolbox" / f"{RATTLER.name}-{engine_choice.tool_for(sys.version_info[:2]).version}"
    (folder / "rattler").mkdir(parents=True)
    (folder / "rattler" / "__init__.py").touch()
    seal.write(str(folder))
    described = place.choose().describe()
    assert (described.name, described.solver, described.program) == ("rattler", "resolvo", str(folder))
    assert place.warnings == []


def test_the_fastest_program_is_taken_where_rattler_cannot_be_had(place):
    place.program("conda", {"conda_version": "24.7.1", "user_agent": "solver/libmamba"})
    place.program("mamba", {"mamba version": "2.8.1"})
    described = place.choose().describe()
    assert (described.name, described.version, described.solver) == ("mamba", "2.8.1", "libmamba")
    assert "py-rattler cannot be had, mamba builds instead" in place.warnings[0]


def test_the_classic_solver_is_advised_against(place):
    place.program("conda", CLASSIC)
    described = place.choose("conda").describe()
    assert (described.solver, described.version) == ("classic", "4.12.0")
    assert place.warnings == [described.advice]
    assert "libmamba" in described.advice


def test_an_executable_says_itself_what_it_is(place):
    program = place.program("mm", {"micromamba version": "2.8.1"})
    described = place.choose(executable=program).describe()
    assert (described.name, described.program) == ("micromamba", program)
    assert place.choose("micromamba", "mm").describe().name == "micromamba"


@pytest.mark.parametrize(
    ("name", "executable", "code"),
    [
        ("mamba", "", "executable_missing"),
        ("mamba", "/nowhere/mamba", "executable_missing"),
        ("conda", "other", "not_an_engine"),
        ("mamba", "wrong", "not_an_engine"),
        ("rattler", "wrong", "executable_unused"),
    ],
)
def test_what_is_no_engine_is_refused(place, name, executable, code):
    place.program("other", {"hello": "world"})
    place.program("wrong", CLASSIC)
    with pytest.raises(InvalidArguments) as refused:
        place.choose(name, executable)
    assert refused.value.code == code


@pytest.mark.parametrize(("version", "release"), [((3, 9), "0.25.0"), ((3, 10), "0.28.0"), ((3, 13), "0.28.0")])
def test_each_python_gets_the_rattler_it_can_run(version, release):
    tool = engine_choice.tool_for(version)
    assert tool.version == release
    assert requirement_text.line(tool.requirement).startswith(f"py-rattler=={release} --hash=sha256:")


@pytest.mark.parametrize(
    ("real", "link", "version", "started"),
    [
        ("python3.9", "python3", (3, 9), 0),
        ("python3.13", "python3.13", (3, 13), 0),
        ("python3", "python", (3, 12), 1),
        ("python3.9-wrapped", "python3", (3, 12), 1),
        ("pypy3.10", "python3", (3, 12), 1),
    ],
)
def test_a_python_that_says_its_version_by_name_is_not_started_for_it(place, real, link, version, started):
    program = place.folder / "bin" / real
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 3 12\n")
    program.chmod(0o755)
    named = place.folder / link
    named.symlink_to(program)
    assert engine_choice.python_version(str(named), place.commands) == version
    assert place.commands.count == started
