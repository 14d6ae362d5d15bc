# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As whom a program of an environment may run, where running it is the only way to know: as its owner, not as root."""

from __future__ import annotations

import os
import stat

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import changeable_in, is_ours


class NotRun(Exception):
    """Why a program is not run; its text is a clause."""


def owner_of(folder: str) -> tuple[int, str]:
    """The user as whom the Python of the environment ``folder`` may run here, and the path of it that was judged.

    Raises NotRun where a third could have put there what would run.
    """
    path = os.path.realpath(folder)
    program = os.path.join(path, "bin", "python")
    real = os.path.realpath(program)
    try:
        owner = os.lstat(path).st_uid
        if owner == 0:
            changed = changeable_in(path) if is_ours(program) else folder
            if changed:
                raise NotRun(f"others may change {changed}, and it would run as root")
        else:
            _require_of(owner, path)
            _require_of(owner, real)
    except OSError as exc:
        raise NotRun(f"{exc.filename}: {exc.strerror}") from exc
    if os.geteuid() not in (0, owner) and owner != 0:
        raise NotRun(f"{folder} belongs to user {owner}: become that user, or root, who becomes that user for it")
    return owner, program


def _require_of(owner: int, path: str) -> None:
    while True:
        found = os.lstat(path)
        open_to_all = found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX
        if found.st_uid not in (0, owner) or (open_to_all and found.st_uid != owner):
            raise NotRun(f"others may change {path}, and it would run as user {owner}")
        if path == "/":
            return
        path = os.path.dirname(path)
