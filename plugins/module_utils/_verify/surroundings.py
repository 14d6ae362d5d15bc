# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every host needs: a clock that is right, and room."""

from __future__ import annotations

import ctypes
import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    FAILED,
    PASSED,
    SKIPPED,
    UNKNOWN,
    WARNING,
    Check,
)

# adjtimex(2): the return value of a clock that nothing keeps in time, and the size of struct timex with room to spare.
_TIME_ERROR = 5
_TIMEX_BYTES = 512


IDS = ("clock", "disk")


def checks(host: Host, paths: t.Sequence[str], free_percent: float) -> list[Check]:
    return [_clock(), *(check for path in paths for check in _room(host, path, free_percent))]


def _clock() -> Check:
    """Whether something keeps the clock, as the kernel knows it; timedatectl asks the same."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        state = libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError) as exc:
        return Check("clock", "host", UNKNOWN, f"the kernel cannot be asked for its clock: {exc}")
    if state < 0:
        return Check(
            "clock", "host", UNKNOWN, f"the kernel says nothing of its clock: {os.strerror(ctypes.get_errno())}"
        )
    if state == _TIME_ERROR:
        to_fix = "enable chronyd.service or systemd-timesyncd.service, and see that its servers answer"
        return Check("clock", "host", FAILED, "nothing keeps the clock in time", to_fix, WARNING)
    return Check("clock", "host", PASSED, "the clock is kept in time")


def _room(host: Host, path: str, free_percent: float) -> t.Iterator[Check]:
    place = host.path(path)
    try:
        told = os.statvfs(place)
    except FileNotFoundError:
        yield Check("disk", path, SKIPPED, "there is no such folder")
        return
    except OSError as exc:  # such as a stale mount
        yield Check("disk", path, UNKNOWN, f"its file system does not answer: {exc.strerror}")
        return
    short = [
        f"{100 * free / total:.1f} percent of the {what}"
        for what, free, total in (("bytes", told.f_bavail, told.f_blocks), ("inodes", told.f_favail, told.f_files))
        if total and 100 * free / total < free_percent
    ]
    if short:
        to_fix = "delete generations and caches that nobody needs, or make the file system larger"
        yield Check("disk", path, FAILED, f"{' and '.join(short)} are free, and it should be {free_percent:g}", to_fix)
    else:
        yield Check("disk", path, PASSED, f"{told.f_bavail * told.f_frsize / 1e9:.1f} GB are free")
