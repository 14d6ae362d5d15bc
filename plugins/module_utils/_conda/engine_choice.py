# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine builds: the one that is wanted, or the fastest that this host has."""

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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
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
class DesiredEngine:
    """``name`` is one of C(auto), C(rattler), C(micromamba), C(mamba), C(conda); ``executable`` the program of one of
    the last three, as a path or a name on PATH."""

    name: str = AUTO
    executable: str = ""


def choose(
    desired: DesiredEngine,
    host: Host,
    commands: Commands,
    toolbox: Toolbox,
    limits: Limits,
    warn: t.Callable[[str], None],
) -> Engine:
    """The engine; py-rattler is installed into the toolbox where it is missing. Raises MlstackError."""
    if desired.executable:
        engine: Engine = _named(desired, host, commands, limits)
    elif desired.name == AUTO:
        engine = _fastest(host, commands, toolbox, limits, warn)
    elif desired.name == RATTLER:
        engine = rattler(commands, toolbox, limits)
    else:
        engine = _found(desired.name, host, commands, limits)
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
    except InvalidArguments:
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
        raise InvalidArguments(
            "executable_missing",
            wanted=f"the engine {name}",
            found=f"no {name} on PATH of this host, nor below {', '.join(_PLACES)}",
            to_fix=f"install {name} (the role conda_envs can), name its path by executable, or use the engine rattler",
        )
    return _identified(name, program, commands, limits)


def _named(desired: DesiredEngine, host: Host, commands: Commands, limits: Limits) -> Engine:
    program = desired.executable if "/" in desired.executable else host.which(desired.executable) or ""
    if desired.name == RATTLER:
        raise InvalidArguments(
            "executable_unused",
            wanted=f"the engine rattler with the program {desired.executable}",
            found="rattler is a library in the toolbox and has no program",
            to_fix="leave executable out, or name the engine to which the program belongs",
        )
    if not program or not os.access(program, os.X_OK):
        raise InvalidArguments(
            "executable_missing",
            wanted=f"the engine {desired.executable}",
            found="no such program on this host",
            to_fix="correct the option executable, or leave it out",
        )
    return _identified(desired.name, program, commands, limits)


def _identified(wanted: str, program: str, commands: Commands, limits: Limits) -> Engine:
    trust.require(os.path.abspath(program), f"run the engine {program}", "name another one with the option executable")
    name, version, solver = identify(commands, program, limits.scratch)
    # mamba 1 answers as the conda that it wraps; micromamba from 2 on calls itself mamba in places.
    alike = {wanted, AUTO, "mamba"} if wanted in ("micromamba", "mamba") else {wanted, AUTO}
    if not version or (wanted != AUTO and name not in alike):
        raise InvalidArguments(
            "not_an_engine",
            wanted=f"the engine {wanted} by {program}",
            found=f"a program that says it is {name} {version}" if version else "a program that is no conda client",
            to_fix="correct the option executable or engine",
        )
    return CommandLineEngine(commands, limits, program, wanted if wanted != AUTO else name, version, solver)
