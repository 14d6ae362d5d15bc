# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds a Python on this machine that is new enough for a set of locked packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from refusal import Refusal

# What the distributions call the newer Pythons that they ship beside their own, the best tried one first.
_NAMES = ("python3.12", "python3.11", "python3.13", "python3.10", "python3.14")

_PROBE = "import sys, venv; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"


@dataclass(frozen=True)
class Interpreter:
    """A Python that runs and can make virtual environments. `version` is (major, minor)."""

    path: str
    version: tuple[int, int]


def probe(program: str) -> Interpreter | None:
    """What a program is if it is a working Python, else None. A version manager's shim gives the Python behind it."""
    try:
        done = subprocess.run(
            [program, "-c", _PROBE], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    answer = re.match(r"(\d+)\.(\d+)\n(.+)\n", done.stdout)
    if done.returncode != 0 or not answer:
        return None
    return Interpreter(answer.group(3), (int(answer.group(1)), int(answer.group(2))))


def find(oldest: tuple[int, int], named: str | None = None) -> Interpreter:
    """The Python named by the user, else the one we run under, else the system's, else a newer one beside it.

    Root on a machine with dnf gets one installed: Enterprise Linux 9 has Python 3.9 and offers newer ones.
    Raises Refusal.
    """
    wanted = f"a Python {oldest[0]}.{oldest[1]} or later for the controller"
    seen = []
    candidates = (named,) if named else (sys.executable, "/usr/bin/python3", "python3", *_NAMES)
    for program in candidates:
        found = probe(program)
        if found and found.version >= oldest:
            return found
        if found:
            seen.append(f"{found.path} is Python {found.version[0]}.{found.version[1]}")
        elif named:
            seen.append(f"{named} does not run, or has no venv module")
    if not named and _install_with_dnf():
        found = probe(_NAMES[0])
        if found and found.version >= oldest:
            return found
        seen.append(f"dnf could not install {_NAMES[0]}")
    raise Refusal(wanted, "; ".join(dict.fromkeys(seen)) or "none on PATH", _advice())


def _install_with_dnf() -> bool:
    if os.geteuid() != 0 or not shutil.which("dnf"):
        return False
    print(f"converge: this machine's Python is too old for a controller; installing {_NAMES[0]} beside it", flush=True)
    subprocess.run(["dnf", "--assumeyes", "--quiet", "install", _NAMES[0]], stdin=subprocess.DEVNULL, check=False)
    return True


def _advice() -> str:
    own = "set MLSTACK_PYTHON to the path of a newer Python"
    if shutil.which("dnf"):
        return f"as root, dnf install {_NAMES[0]}; or {own}"
    return f"run this on Debian 12, Ubuntu 22.04 or later, or {own}"
