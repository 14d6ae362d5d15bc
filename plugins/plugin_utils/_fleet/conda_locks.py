# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conda environments beside the locks that they should have come from, told as python_env_info tells of its own.

A version counts with its build. What a lock has pip install is compared by version.
"""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import LockFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.lock_differences import SEEDS
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.environment_files import read_file

Difference = dict[str, t.Any]


def beside_locks(info: t.Any, locks: t.Mapping[str, str]) -> t.Any:
    """A result of conda_env_info with C(lock_differences) in the environments whose name ``locks`` has; its values are
    the texts of @EXPLICIT files, conda-lock.yml or pixi.lock. Raises InvalidArguments for a text that is none of
    these."""
    if not isinstance(info, t.Mapping) or not isinstance(info.get("environments"), t.Sequence):
        return info
    platform = str(info.get("platform") or "")
    told = [
        {**item, "lock_differences": differences(item, _lock(item["name"], locks[item["name"]], platform))}
        if item.get("name") in locks and "packages" in item
        else item
        for item in info["environments"]
    ]
    here = {item.get("name") for item in told if "packages" in item}
    for name in sorted(set(locks) - here):
        missing = differences({"packages": [], "pip": []}, _lock(name, locks[name], platform))
        told.append({"name": name, "path": name, "lock_differences": missing})
    return {**info, "environments": told}


def differences(item: t.Mapping[str, t.Any], lock: LockFile) -> list[Difference]:
    """What of an environment is not as its lock says, by name."""
    since = (item.get("record") or {}).get("created")
    conda = {one["name"]: f"{one['version']} {one['build']}".strip() for one in item["packages"]}
    wanted = {one.name: f"{one.version} {one.build}".strip() for one in lock.packages}
    pip = {names.normalize(one["name"]): str(one["version"]) for one in item.get("pip") or ()}
    asked = {names.normalize(one.name): one.version for one in lock.pip}
    found = [
        _difference(name, wanted.get(name), conda.get(name), since)
        for name in sorted({*wanted, *conda})
        if wanted.get(name) != conda.get(name)
    ]
    for name in sorted({*asked, *pip}):
        locked, here = asked.get(name), pip.get(name)
        same = name in asked and here is not None and (not locked or versions.same(locked, here))
        if not same and not (name in SEEDS and name not in asked):
            found.append(_difference(f"{name} (pip)", locked, here, since))
    return found


def _lock(name: str, text: str, platform: str) -> LockFile:
    read = read_file(text, f"the lock of {name}", platform)
    if not isinstance(read, LockFile):
        raise ValueError(f"the lock of {name} is an environment.yml, which has no exact versions to compare with")
    return read


def _difference(name: str, locked: str | None, installed: str | None, since: str | None) -> Difference:
    return {"name": name, "locked": locked, "installed": installed, "since": since if installed else None}
