# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clock and room, which checks count, and what speaks against a host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import resource, surroundings
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    ERROR,
    WARNING,
    Check,
    Selection,
    counts,
)

CHECKOUT = Path(__file__).resolve().parents[5]


def test_room_by_bytes_and_inodes(tmp_path, monkeypatch):
    (tmp_path / "beside").mkdir()
    places = [str(tmp_path), str(tmp_path / "beside"), str(tmp_path / "gone")]
    (clock, room, gone) = surroundings.checks(Host(), places, 0.0)  # one check a file system
    assert clock.name == "clock" and clock.status in ("passed", "failed", "unknown")
    assert (room.status, gone.status) == ("passed", "skipped")
    (_clock, full) = surroundings.checks(Host(), [str(tmp_path)], 100.1)
    assert full.status == "failed" and "percent of the bytes" in full.found

    def no_answer(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(surroundings.os, "statvfs", no_answer)
    (_clock, silent) = surroundings.checks(Host(), [str(tmp_path)], 1.0)
    assert (silent.status, silent.found) == ("unknown", "its file system does not answer: Input/output error")


@pytest.mark.parametrize(("answer", "status"), [(0, "passed"), (1, "passed"), (5, "failed"), (-1, "unknown")])
def test_the_clock_by_the_kernels_word(monkeypatch, answer, status):
    class Libc:
        def adjtimex(self, _buffer):
            return answer

    monkeypatch.setattr(surroundings.ctypes, "CDLL", lambda *_args, **_options: Libc())
    assert surroundings.checks(Host(), [], 0.0)[0].status == status


BAD = Check("gpus", "host", "failed", "gone", "reboot")
ODD = Check("clock", "host", "failed", "late", "", WARNING)
DARK = Check("kernel_log", "host", "unknown", "no right")
GOOD = Check("room", "/", "passed", "room")


@pytest.mark.parametrize(
    ("fail_on", "unknown_fails", "against"),
    [
        ("error", False, ["gpus"]),
        ("error", True, ["gpus", "kernel_log"]),
        ("warning", False, ["gpus", "clock"]),
        ("warning", True, ["gpus", "clock", "kernel_log"]),
        ("never", True, []),
    ],
)
def test_what_speaks_against_a_host_the_worst_first(fail_on, unknown_fails, against):
    checks = [GOOD, DARK, ODD, BAD]
    told = resource.against(checks, fail_on, unknown_fails=unknown_fails)
    assert [check.name for check in told] == against
    assert counts(checks) == {"passed": 1, "failed": 2, "skipped": 0, "unknown": 1}
    assert BAD.severity == ERROR


def test_checks_by_name():
    checks = [GOOD, DARK, ODD, BAD]
    assert Selection(frozenset({"clock", "room"}), frozenset({"room"})).of(checks) == [ODD]
    assert Selection().of(checks) == checks


def test_every_check_has_a_name_that_can_be_asked_for_and_a_line_in_the_documentation():
    made = set()
    for path in (CHECKOUT / "plugins" / "module_utils" / "_verify").glob("*.py"):
        made |= set(re.findall(r'(?:Check|_list)\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    made |= {f"framework_{name}" for name in ("torch", "tensorflow", "jax")}
    assert made == set(resource.NAMES)
    documented = set(re.findall(r"`([a-z_]+)`", (CHECKOUT / "docs" / "verify.md").read_text(encoding="utf-8")))
    assert made <= documented
