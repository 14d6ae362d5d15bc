# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a task's arguments to a desired state. What cannot be meant is refused here, before the host is looked at."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.day import MAX_AGE
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import nvidia_repository
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    ABSENT,
    AUTO,
    PREBUILT,
    DesiredDriver,
    Runfile,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import NVIDIA_REPOSITORY, RUNFILE

_BRANCH = re.compile(r"^\d{3}\Z")
_VERSION = re.compile(r"^\d{3}\.\d+(?:\.\d+)?\Z")
_SHA256 = re.compile(r"^[0-9a-fA-F]{64}\Z")

SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"choices": ["present", "absent", "previous"], "default": "present"},
    "source": {"choices": ["nvidia", "distribution", "runfile"], "default": "nvidia"},
    "branch": {"type": "str"},
    "version": {"type": "str"},
    "flavour": {"choices": ["auto", "open", "proprietary"], "default": "auto"},
    "modules": {"choices": ["dkms", "prebuilt"], "default": "dkms"},
    "libraries": {"choices": ["full", "compute"], "default": "full"},
    "server": {"type": "bool", "default": True},
    "fabric_manager": {"choices": ["auto", "present", "absent"], "default": "auto"},
    "hold": {"type": "bool", "default": True},
    "busy": {"choices": ["fail", "wait", "ignore"], "default": "fail"},
    "busy_timeout": {"type": "int", "default": 600},
    "install_headers": {"type": "bool", "default": True},
    "require_gpu": {"type": "bool", "default": True},
    "take_over": {"type": "bool", "default": False},
    "replace_mixed_sources": {"type": "bool", "default": False},
    "require_rollback": {"type": "bool", "default": True},
    "keep_runfile": {"type": "bool", "default": True},
    "allow_changes": {"type": "list", "elements": "str", "default": []},
    "catalogue": {"type": "dict"},
    "catalogue_max_age": {"type": "int", "default": MAX_AGE},
    "repository_url": {"type": "str"},
    "repository_key": {"type": "str", "no_log": False},
    "repository_key_url": {"type": "str", "no_log": False},
    "repository_fingerprints": {"type": "list", "elements": "str", "default": []},
    "runfile": {"type": "path"},
    "runfile_url": {"type": "str"},
    "runfile_sha256": {"type": "str"},
    "cache_valid_time": {"type": "int", "default": 3600},
    "lock_timeout": {"type": "int", "default": 300},
}


def read_desired(params: t.Mapping[str, t.Any], distribution: Distribution, machine: str) -> DesiredDriver:
    """The task as a desired state. Raises InvalidArguments."""
    branch, version = params["branch"] or "", params["version"] or ""
    if branch and not _BRANCH.match(branch):
        raise _invalid(f"branch {branch!r}", "that is no branch", "give three digits in quotes, such as '580'")
    if version and not _VERSION.match(version):
        raise _invalid(f"version {version!r}", "that is no version of a driver", "give one such as '580.65.06'")
    if branch and version and not version.startswith(f"{branch}."):
        raise _invalid(f"branch {branch} and version {version}", "the version is of another branch", "leave one out")
    source, state = params["source"], params["state"]
    if source == RUNFILE and state == "present" and not version:
        raise _invalid("a runfile without a version", "an installer has exactly one", "give version")
    if source == RUNFILE and params["modules"] == PREBUILT:
        raise _invalid("modules prebuilt from a runfile", "an installer builds them", "use dkms")
    sha256 = params["runfile_sha256"] or ""
    if sha256 and not _SHA256.match(sha256):
        raise _invalid("runfile_sha256", "that is no SHA-256 digest", "give its 64 hexadecimal digits")
    return DesiredDriver(
        state=ABSENT if state == ABSENT else "present",
        source=source,
        branch=branch or version.partition(".")[0],
        version=version,
        flavour=params["flavour"] or AUTO,
        modules=params["modules"],
        libraries=params["libraries"],
        server=params["server"],
        fabric_manager={"auto": None, "present": True, "absent": False}[params["fabric_manager"]],
        hold=params["hold"],
        busy=params["busy"],
        busy_timeout=params["busy_timeout"],
        install_headers=params["install_headers"],
        require_gpu=params["require_gpu"],
        take_over=params["take_over"],
        replace_mixed_sources=params["replace_mixed_sources"],
        require_rollback=params["require_rollback"],
        keep_runfile=params["keep_runfile"],
        allow_changes=frozenset(params["allow_changes"]),
        catalogue=_catalogue(params["catalogue"]),
        repository=_repository(params, distribution, machine) if source == NVIDIA_REPOSITORY else None,
        runfile=Runfile(params["runfile"] or "", params["runfile_url"] or "", sha256.lower()),
        cache_valid_time=params["cache_valid_time"],
        lock_timeout=params["lock_timeout"],
    )


def _catalogue(rows: t.Mapping[str, t.Any] | None) -> t.Mapping[str, t.Any]:
    """A user's rows. They are refused here where nothing could mean them; the tables are loaded only for that."""
    if rows:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load

        load(rows)
    return rows or {}


def _repository(params: t.Mapping[str, t.Any], distribution: Distribution, machine: str) -> t.Any:
    if params["state"] == ABSENT:
        return None
    if params["repository_key"] and not params["repository_fingerprints"]:
        raise _invalid("repository_key", "no fingerprint to hold it against", "give repository_fingerprints")
    return nvidia_repository.repository(
        distribution,
        machine,
        url=params["repository_url"] or "",
        key=params["repository_key"] or "",
        key_url=params["repository_key_url"] or "",
        fingerprints=tuple(text.replace(" ", "").upper() for text in params["repository_fingerprints"]),
    )


def _invalid(wanted: str, found: str, to_fix: str) -> InvalidArguments:
    return InvalidArguments("invalid_driver", wanted=wanted, found=found, to_fix=to_fix)
