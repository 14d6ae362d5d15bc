# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an environment may be changed where it lies; asked before the first change."""

from __future__ import annotations

import contextlib
import os
import stat

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.place import Place
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust

_LOOKS = 100


def check(place: Place, wanted: str) -> None:
    """Raise MlstackError where we may not write, or where somebody else could replace what we run and others use."""
    for _look in range(_LOOKS):
        # What was there a moment ago may be gone: another run took its empty frame away.
        with contextlib.suppress(FileNotFoundError):
            _check(place, wanted)
            return


def _check(place: Place, wanted: str) -> None:
    folder = place.root
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    ours = [path for path in (place.all_stores, place.store) if os.path.lexists(path)]
    for path in [folder, *ours]:
        _refuse_no_folder(path, wanted)
        _refuse_unwritable(path, wanted)
    trust.require(place.store, wanted, "choose another root")


def _refuse_no_folder(path: str, wanted: str) -> None:
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        if not os.path.lexists(path):
            raise
        is_folder = False  # a link to nothing, or not for us to see
    if not is_folder:
        raise MlstackError(
            "not_a_directory",
            wanted=wanted,
            found=f"{path} is not a directory, or may not be looked at",
            to_fix="move it away, or choose another root",
        )


def _refuse_unwritable(path: str, wanted: str) -> None:
    if os.access(path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        raise MlstackError(
            "read_only",
            wanted=wanted,
            found=f"{path} lies on a read-only filesystem",
            to_fix="remount it read-write, or choose another root",
        )
    raise MlstackError(
        "not_permitted",
        wanted=wanted,
        found=f"user {os.geteuid()} may not write to {path}",
        to_fix="become a user who may, or choose another root",
    )
