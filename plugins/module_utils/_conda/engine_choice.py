# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Which engine builds: the one that is wished, or the fastest that this host has."""

from __future__ import annotations

import os
import re
import sys
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import (
    AUTO,
    NAMES,
    RATTLER,
    Engine,
    Limits,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine_cli import CommandLineEngine, identify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine_rattler import RattlerEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidWish, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.toolbox import (
    RATTLER as NEW_RATTLER,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.toolbox import (
    RATTLER_FOR_PYTHON_39,
    Tool,
    Toolbox,
)

# Where installers put these programs if nobody says otherwise; PATH is looked at first.
_PLACES = ("/opt/conda", "/opt/miniforge3", "/opt/miniconda3", "/usr/local")


@dataclass(frozen=True)
class EngineWish:
    """``name`` is one of C(auto), C(rattler), C(micromamba), C(mamba), C(conda); ``executable`` the program of one of
    the last three, as a path or a name on PATH."""

    name: str = AUTO
    executable: str = ""


def choose(
    wish: EngineWish,
    host: Host,
    commands: Commands,
    toolbox: Toolbox,
    limits: Limits,
    warn: t.Callable[[str], None],
) -> Engine:
    """The engine; py-rattler is installed into the toolbox where it is missing. Raises MlstackError."""
    if wish.executable:
        engine: Engine = _named(wish, host, commands, limits)
    elif wish.name == AUTO:
        engine = _fastest(host, commands, toolbox, limits, warn)
    elif wish.name == RATTLER:
        engine = rattler(commands, toolbox, limits)
    else:
        engine = _found(wish.name, host, commands, limits)
    advice = engine.describe().advice
    if advice:
        warn(advice)
    return engine


def rattler(commands: Commands, toolbox: Toolbox, limits: Limits) -> RattlerEngine:
    """The pinned py-rattler for the toolbox's Python."""
    tool = tool_for(python_version(toolbox.python, commands))
    folder = os.path.dirname(os.path.dirname(toolbox.ensure(tool)))
    return RattlerEngine(commands, limits, toolbox.python, folder, tool.version)


def tool_for(version: tuple[int, int]) -> Tool:
    """The py-rattler that runs under this version of Python."""
    return NEW_RATTLER if version >= (3, 10) else RATTLER_FOR_PYTHON_39


def python_version(python: str, commands: Commands) -> tuple[int, int]:
    if os.path.realpath(python) == os.path.realpath(sys.executable):
        return sys.version_info[:2]
    named = re.fullmatch(r"python(3)\.([0-9]+)", os.path.basename(os.path.realpath(python)))
    if named:  # a link to it, most often: not worth a process
        return int(named[1]), int(named[2])
    script = "import sys; print(*sys.version_info[:2])"
    result = commands.run([python, "-I", "-c", script], purpose=f"ask {python} for its version", timeout=60)
    major, minor = result.out.split()
    return int(major), int(minor)


def _fastest(host: Host, commands: Commands, toolbox: Toolbox, limits: Limits, warn: t.Callable[[str], None]) -> Engine:
    try:
        return rattler(commands, toolbox, limits)
    except InvalidWish:
        raise
    except MlstackError as exc:
        for name in NAMES:
            if name != RATTLER and _program(name, host):
                warn(f"py-rattler cannot be had, {name} builds instead, which takes longer. {exc}")
                return _found(name, host, commands, limits)
        raise


def _program(name: str, host: Host) -> str:
    places = (host.path(f"{place}/bin/{name}") for place in _PLACES)
    return host.which(name) or next((path for path in places if os.access(path, os.X_OK)), "")


def _found(name: str, host: Host, commands: Commands, limits: Limits) -> Engine:
    program = _program(name, host)
    if not program:
        raise InvalidWish(
            "executable_missing",
            wished=f"the engine {name}",
            found=f"no {name} on PATH of this host, nor below {', '.join(_PLACES)}",
            todo=f"install {name} (the role conda_envs can), name its path with executable, or use the engine rattler",
        )
    return _identified(name, program, commands, limits)


def _named(wish: EngineWish, host: Host, commands: Commands, limits: Limits) -> Engine:
    program = wish.executable if "/" in wish.executable else host.which(wish.executable) or ""
    if wish.name == RATTLER:
        raise InvalidWish(
            "executable_unused",
            wished=f"the engine rattler with the program {wish.executable}",
            found="rattler is a library in the toolbox and has no program",
            todo="leave executable out, or name the engine to which the program belongs",
        )
    if not program or not os.access(program, os.X_OK):
        raise InvalidWish(
            "executable_missing",
            wished=f"the engine {wish.executable}",
            found="no such program on this host",
            todo="correct the option executable, or leave it out",
        )
    return _identified(wish.name, program, commands, limits)


def _identified(wished: str, program: str, commands: Commands, limits: Limits) -> Engine:
    trust.require(os.path.abspath(program), f"run the engine {program}", "name another one with the option executable")
    name, version, solver = identify(commands, program, limits.scratch)
    # mamba 1 answers as the conda that it wraps; micromamba from 2 on calls itself mamba in places.
    alike = {wished, AUTO, "mamba"} if wished in ("micromamba", "mamba") else {wished, AUTO}
    if not version or (wished != AUTO and name not in alike):
        raise InvalidWish(
            "not_an_engine",
            wished=f"the engine {wished} by {program}",
            found=f"a program that says it is {name} {version}" if version else "a program that is no conda client",
            todo="correct the option executable or engine",
        )
    return CommandLineEngine(commands, limits, program, wished if wished != AUTO else name, version, solver)
