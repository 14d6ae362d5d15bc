# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes of the driver in the kernel's log, what they mean, and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import kernel_log

NOTHING = "[    0.000000] Linux version 6.8.0-45-generic\n[    9.1] nvidia: loading out-of-tree module taints kernel.\n"


def line(code: int, text: str = "pid=7, name=python, it happened", address: str = "0000:05:00") -> str:
    return f"[  100.5] NVRM: Xid (PCI:{address}): {code}, {text}\n"


@pytest.mark.parametrize(
    ("code", "severity", "to_fix"),
    [
        (79, "error", "reboot"),
        (48, "error", "reset"),
        (119, "error", "reset"),
        (94, "warning", "program"),
        (99999, "warning", "support"),
    ],
)
def test_a_code(code: int, severity: str, to_fix: str) -> None:
    (found,) = kernel_log.checks(NOTHING + line(code) + line(code))
    assert (found.status, found.severity, found.subject) == ("failed", severity, "GPU 0000:05:00")
    assert found.reason.startswith(f"Xid {code}, 2 times: ") and to_fix in found.to_fix


def test_each_gpu_by_itself() -> None:
    found = kernel_log.checks(line(79) + line(79, address="0000:06:00") + line(48))
    assert len(found) == 3


@pytest.mark.parametrize("code", [43, 63, 106, 162])
def test_what_asks_for_nothing_is_no_alarm(code: int) -> None:
    assert [check.status for check in kernel_log.checks(line(code))] == ["passed"]


def test_a_bus_address_is_no_code() -> None:
    assert [event.code for event in kernel_log.events(line(13, address="0000:79:00"))] == [13]


@pytest.mark.parametrize(("word", "severity"), [("Fatal", "error"), ("Non-fatal", "warning")])
def test_a_switch(word: str, severity: str) -> None:
    text = f"nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 28006, {word}, Link 46 MC TS crumbstore MCTO\n"
    detail = "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 28006, Data {0x00140004, 0x00100000}\n"
    (found,) = kernel_log.checks(text + detail)
    assert (found.subject, found.severity) == ("NVSwitch 0000:c1:00.0", severity)
    assert f"SXid 28006, {word.lower()}" in found.reason


def test_a_log_that_nobody_may_read_is_unknown() -> None:
    (found,) = kernel_log.checks(None)
    assert found.status == "unknown" and found.to_fix


@pytest.mark.parametrize("place", ["file", "text", "fifo", "null"])
def test_what_stands_in_the_place_of_the_log_is_no_log(tmp_path: Path, place: str) -> None:
    """Containers can have such a thing there, which says nothing because nobody writes to it."""
    path = tmp_path / "dev" / "kmsg"
    path.parent.mkdir()
    if place == "file":
        path.write_text("")
    elif place == "text":
        path.write_text("what somebody left here\n")
    elif place == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/null")
    assert kernel_log.read(Host(str(tmp_path), {"PATH": ""}), Commands()) is None


def test_a_clean_log() -> None:
    assert [check.status for check in kernel_log.checks(NOTHING)] == ["passed"]
