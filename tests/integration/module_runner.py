# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as a host does: its file, in a Python of the host, with JSON arguments on standard input.

ran = run("pip_pinned", {"environments": [...]}, check=True)
assert ran.result["changed"]
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ansible
from ansible_collections.gpufleet.mlstack.tests.integration.documented import promised

CHECKOUT = Path(__file__).resolve().parents[2]
# The distribution's own Python where there is one: nothing of the test environment leaks into it.
HOST_PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


class Ran(NamedTuple):
    """How a module ended: exit status, its result, and all that it printed."""

    rc: int
    result: dict[str, Any]
    out: str
    err: str

    @property
    def one(self) -> dict[str, Any]:
        """The entry of the only environment."""
        (found,) = self.result["environments"]
        return found


@functools.cache
def _path() -> str:
    """PYTHONPATH with this collection and the ansible package, without what else is installed beside that."""
    folder = tempfile.mkdtemp(prefix="mlstack-modules-")
    os.symlink(os.path.dirname(ansible.__file__), os.path.join(folder, "ansible"))
    return f"{CHECKOUT / '.tree'}:{folder}"


def environ(**more: str) -> dict[str, str]:
    """The variables a module starts with."""
    return {**os.environ, "PYTHONPATH": _path(), "PYTHONDONTWRITEBYTECODE": "1", **more}


def start(
    module: str,
    arguments: Mapping[str, Any],
    *,
    check: bool = False,
    diff: bool = False,
    env: Mapping[str, str] | None = None,
    python: str = HOST_PYTHON,
    prefix: tuple[str, ...] = (),
    cwd: str | None = None,
) -> subprocess.Popen[str]:
    """Start a module and leave it running; finish() waits for it. ``prefix`` is a program that runs another."""
    arguments = {**arguments, "_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_remote_tmp": "/tmp"}
    name = f"ansible_collections.gpufleet.mlstack.plugins.modules.{module}"
    process = subprocess.Popen(
        [*prefix, python, "-m", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ(**(env or {})),
        cwd=cwd,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    process.stdin = None
    return process


def finish(process: subprocess.Popen[str], timeout_s: float = 300) -> Ran:
    """Wait for a module and read its result; one that was killed has none."""
    out, err = process.communicate(timeout=timeout_s)
    try:
        result = json.loads(out.splitlines()[-1]) if out.strip() else {}
    except ValueError as exc:
        raise AssertionError(f"the module printed no result:\n{out}\n{err}") from exc
    return Ran(process.returncode, result, out, err)


def run(module: str, arguments: Mapping[str, Any], **options: Any) -> Ran:
    """Run a module to its end, whatever that is; takes what start() takes."""
    ran = finish(start(module, arguments, **options))
    promised(module, ran.result)
    return ran


def succeed(module: str, arguments: Mapping[str, Any], **options: Any) -> Ran:
    """Run a module that must not fail."""
    ran = run(module, arguments, **options)
    assert ran.rc == 0 and not ran.result.get("failed"), ran.result.get("msg") or ran.err
    return ran


def refuse(module: str, arguments: Mapping[str, Any], code: str, **options: Any) -> Ran:
    """Run a module that must fail with this code."""
    ran = run(module, arguments, **options)
    assert ran.result.get("failed"), f"it was expected to fail with {code}: {ran.out}"
    assert ran.result.get("code") == code, f"{code} was expected: {ran.result.get('msg')}\n{ran.err}"
    return ran
