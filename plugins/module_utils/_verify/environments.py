# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Python environments: do they lead home, hold together, and do what their frameworks promise."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import frameworks, info
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    FAILED,
    PASSED,
    SKIPPED,
    UNKNOWN,
    WARNING,
    Check,
)

_USABLE = ("link", "venv")
# Options of python_env_info that matter where nothing is resolved, downloaded or compared.
_LOOK = {
    "tree": False,
    "outdated": False,
    "cache": False,
    "locks": {},
    "remote_src": False,
    "requirement_files": None,
    "toolbox": "",
    "cache_dir": "",
    "no_cache": True,
    "offline": True,
}
_REBUILD = "build it anew by the role python_envs"


@dataclass(frozen=True)
class Asked:
    """Environments below ``root`` by name (None for all) and others by ``paths``. ``frameworks`` are tried in those
    that hold them, within ``timeout`` seconds; ``gpu`` tells that they should find a GPU. ``files`` reads every file.
    """

    root: str
    names: t.Sequence[str] | None
    paths: t.Sequence[str]
    frameworks: t.Sequence[str]
    gpu: bool
    files: bool
    timeout: float


def checks(asked: Asked, context: Context) -> list[Check]:
    look = info.PythonInfo()
    given = {**_LOOK, "root": asked.root, "names": asked.names, "paths": list(asked.paths), "verify_files": asked.files}
    found: list[Check] = []
    for question in look.all_desired(given, context):
        try:
            told = look.observe(question, context)
        except MlstackError as exc:
            found.append(Check("environment", question.path, UNKNOWN, exc.found, exc.to_fix))
            continue
        found += _contents(question.path, told, asked.files)
        if told["standing"] in _USABLE:
            held = {item["name"].lower() for item in told.get("packages", ())}
            found += _frameworks(question.path, held, asked, context)
    return found


def _contents(path: str, told: t.Mapping[str, t.Any], files: bool) -> t.Iterator[Check]:
    if told["standing"] not in _USABLE or "packages" not in told:
        yield Check("environment", path, FAILED, f"there is no usable environment ({told['standing']})", _REBUILD)
        return
    python = told["python"]["path"]
    if not os.access(python, os.X_OK) or not os.access(os.path.join(path, "bin", "python"), os.X_OK):
        yield Check("environment", path, FAILED, f"its Python is gone: there is no {python}", _REBUILD)
        return
    yield Check("environment", path, PASSED, f"Python {told['python']['version']}, {len(told['packages'])} packages")
    yield _list("environment_metadata", path, told["broken"], "all metadata are whole")
    to_fix = "pin versions that fit each other"
    yield _list("environment_requirements", path, told["conflicts"], "all requirements are met", to_fix)
    if "generation" in told:
        what = "nothing was changed by hand" + (", in any file" if files else "")
        yield _list("environment_drift", path, told["drift"], what)
    else:
        yield Check("environment_drift", path, SKIPPED, "nobody wrote down what it held: it is not of this collection")


def _list(name: str, path: str, wrong: t.Sequence[str], right: str, to_fix: str = _REBUILD) -> Check:
    if not wrong:
        return Check(name, path, PASSED, right)
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    return Check(name, path, FAILED, "; ".join(wrong[:5]) + more, to_fix)


def _frameworks(path: str, held: t.Collection[str], asked: Asked, context: Context) -> t.Iterator[Check]:
    """Each framework that is here is imported and computes something, as the owner of the environment."""
    probe = frameworks.FrameworkInfo()
    wanted = [name for name in asked.frameworks if name in held]
    for question in probe.all_desired({"paths": [path], "frameworks": wanted, "timeout": asked.timeout}, context):
        told = probe.observe(question, context)
        name = f"framework_{question.framework}"
        what = f"{question.framework} {told['version']}".strip()
        if not told["works"]:
            yield Check(name, path, FAILED, f"{what} does not work: {told['error']}", _REBUILD)
        elif told["accelerated"]:
            yield Check(name, path, PASSED, f"{what} computes on {len(told['devices'])} devices")
        elif asked.gpu:
            to_fix = "look at the checks of the driver, and let the role choose the build for this host"
            yield Check(name, path, FAILED, f"{what} computes on the CPU alone, and a GPU is here", to_fix, WARNING)
        else:
            yield Check(name, path, PASSED, f"{what} computes on the CPU")
