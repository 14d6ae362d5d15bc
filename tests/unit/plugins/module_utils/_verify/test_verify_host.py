# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every host needs: a clock that is right, and room."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import surroundings


def room(monkeypatch, blocks, inodes, percent=5.0):
    """The check of a file system with so many free of a hundred."""
    told = SimpleNamespace(f_bavail=blocks, f_blocks=100, f_favail=inodes, f_files=100, f_frsize=4096)
    monkeypatch.setattr(surroundings.os, "statvfs", lambda path: told)
    (_clock, check) = surroundings.checks(Host(), ["/data"], percent)
    return check


@pytest.mark.parametrize(
    ("blocks", "inodes", "words"),
    [
        (50, 50, ""),
        (5, 5, ""),
        (4, 50, "4.0 percent of the bytes"),
        (50, 0, "0.0 percent of the inodes"),
        (1, 2, "1.0 percent of the bytes and 2.0 percent of the inodes"),
    ],
)
def test_room_by_bytes_and_inodes(monkeypatch, blocks, inodes, words):
    check = room(monkeypatch, blocks, inodes)
    assert (check.id, check.subject) == ("disk", "/data")
    assert check.status == ("failed" if words else "passed") and words in check.reason
    assert bool(check.to_fix) == bool(words)


@pytest.mark.parametrize(
    ("error", "status"), [(FileNotFoundError(2, "No such file"), "skipped"), (OSError(116, "Stale handle"), "unknown")]
)
def test_a_file_system_that_is_not_there_or_does_not_answer(monkeypatch, error, status):
    def silent(path):
        raise error

    monkeypatch.setattr(surroundings.os, "statvfs", silent)
    (_clock, check) = surroundings.checks(Host(), ["/data"], 5.0)
    assert check.status == status and (status == "skipped" or os.strerror(116)[:5] in check.reason)


@pytest.mark.parametrize(("answer", "status"), [(0, "passed"), (4, "passed"), (5, "failed"), (-1, "unknown")])
def test_the_clock_by_the_kernels_word(monkeypatch, answer, status):
    libc = SimpleNamespace(adjtimex=lambda buffer: answer)
    monkeypatch.setattr(surroundings.ctypes, "CDLL", lambda *args, **options: libc)
    (check,) = surroundings.checks(Host(), [], 5.0)
    assert (check.id, check.status) == ("clock", status)
