# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why apt or dpkg failed, said so that a person knows what to do."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.undone import Undone

# What apt or dpkg prints, our code for it, and the advice. The first that fits is taken.
_CAUSES = (
    ("No space left on device", "disk_full", "free disk space, then run the task again"),
    ("You don't have enough free space", "disk_full", "free disk space, then run the task again"),
    ("Read-only file system", "read_only", "mount the file system writable, then run the task again"),
    ("Could not get lock", "package_lock_timeout", "let the other process end, or raise lock_timeout"),
    (
        "Unable to acquire the dpkg frontend lock",
        "package_lock_timeout",
        "let the other process end, or raise lock_timeout",
    ),
    ("frontend lock was locked by another process", "package_lock_timeout", "let the other process end"),
    ("were unauthenticated packages", "unsigned_package", "sign the repository and name its key with Signed-By"),
    ("Hash Sum mismatch", "repository_unusable", "refresh the mirror: a file is not the one that its index names"),
    ("Unable to fetch some archives", "repository_unusable", "mend the way to the repository, then run the task again"),
    (
        "needs to be reinstalled, but",
        "archive_missing",
        "enable the repository that has this version, refresh the package lists, or remove the package by hand",
    ),
    ("unmet dependencies", "unsolvable", "name another version of what stands in the way"),
)
_OWN_LINES = ("E: ", "W: ", "dpkg: error", "dpkg-query: error", "The following packages have unmet dependencies")


def explain(result: CommandResult, wanted: str, undone: Undone | None = None) -> MlstackError:
    """The error for a failed run; ``undone`` tells what was taken back of it and what could not be."""
    undone = undone or Undone()
    text = f"{result.out}\n{result.err}"
    failures = apt_output.dpkg_failures(text)
    code, to_fix = _cause([failure.reason for failure in failures], text)
    told = [str(failure) for failure in failures]
    told += [] if told else [line.strip() for line in text.splitlines() if line.startswith("E: ")]
    return MlstackError(
        code,
        wanted=wanted,
        found="; ".join(told or [apt_output.problem_of(text)]) + f"; {undone}",
        to_fix=to_fix,
        rc=result.rc,
        stdout=result.out,
        stderr=result.err,
        **undone.details(),
    )


def _cause(reasons: t.Sequence[str], text: str) -> tuple[str, str]:
    """Our code and the advice. Where dpkg names what it could not process, only its reasons count; else only what apt
    and dpkg say in lines of their own: a script may print any word, and apt says 'lock' whenever it waits for one."""
    lines = [*reasons, *apt_output.fatal_errors(text)]
    lines = lines or [line for line in text.splitlines() if line.startswith(_OWN_LINES)]
    for mark, code, to_fix in _CAUSES:
        if any(mark in line for line in lines):
            return code, to_fix
    if reasons:
        return "package_script_failed", "mend what the package's script complains about"
    return "package_manager_failed", "read stdout and stderr in this result, mend the cause, run the task again"


def require_space(host: Host, needed: int, wanted: str) -> None:
    """Raise MlstackError where unpacking would fill the disk: dpkg itself only finds out half-way."""
    stat = os.statvfs(host.path("/usr"))
    free = stat.f_bavail * stat.f_frsize
    if free < needed:
        raise MlstackError(
            "disk_full",
            wanted=wanted,
            found=f"/usr has {free // 1000**2} MB free, and {needed // 1000**2} MB are needed; nothing was changed",
            to_fix="free disk space, then run the task again",
            free_bytes=free,
            needed_bytes=needed,
        )
