# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Why apt or dpkg failed, said so that a person knows what to do."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Installed

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
    ("cannot be authenticated", "unsigned_package", "sign the repository and name its key with Signed-By"),
    ("Hash Sum mismatch", "repository_unusable", "refresh the mirror: a file is not the one that its index names"),
    ("Unable to fetch some archives", "repository_unusable", "mend the way to the repository, then run the task again"),
    ("unmet dependencies", "unsolvable", "name another version of what stands in the way"),
    ("dpkg: error processing", "package_script_failed", "mend what the package's script complains about"),
)


def explain(
    result: CommandResult,
    wished: str,
    before: t.Sequence[Installed] = (),
    after: t.Sequence[Installed] = (),
    withdrawn: t.Sequence[str] = (),
) -> MlstackError:
    """The error for a failed run. ``before`` and ``after`` are the database around it; their difference is reported."""
    text = f"{result.out}\n{result.err}"
    code, todo = next(
        ((code, todo) for mark, code, todo in _CAUSES if mark in text),
        ("package_manager_failed", "read stdout and stderr in this result, mend the cause, run the task again"),
    )
    told = apt_output.script_failures(text) or [line.strip() for line in text.splitlines() if line.startswith("E: ")]
    left = _difference(before, after)
    state = f"; these differ now: {', '.join(left)}" if left else "; the host is as it was"
    return MlstackError(
        code,
        wished=wished,
        found="; ".join(told or [apt_output.problem_of(text)]) + state,
        todo=todo,
        rc=result.rc,
        stdout=result.out,
        stderr=result.err,
        withdrawn=list(withdrawn),
        differs=left,
        changed=bool(left),
    )


def require_space(host: Host, needed: int, wished: str) -> None:
    """Raise MlstackError where unpacking would fill the disk: dpkg itself only finds out half-way."""
    stat = os.statvfs(host.path("/usr"))
    free = stat.f_bavail * stat.f_frsize
    if free < needed:
        raise MlstackError(
            "disk_full",
            wished=wished,
            found=f"/usr has {free // 1000**2} MB free, and {needed // 1000**2} MB are needed; nothing was changed",
            todo="free disk space, then run the task again",
            free_bytes=free,
            needed_bytes=needed,
        )


def _difference(before: t.Sequence[Installed], after: t.Sequence[Installed]) -> list[str]:
    old = {(p.name, p.arch): (p.version, p.status) for p in before}
    new = {(p.name, p.arch): (p.version, p.status) for p in after}
    names = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return [f"{name} ({' '.join(new.get((name, arch), ('removed',)))})" for name, arch in names]
