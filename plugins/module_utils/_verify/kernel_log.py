# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's codes (Xid) in the kernel's log since the boot.

Sources: NVIDIA's page on Xid errors; ``/dev/kmsg`` by the kernel's documentation; journalctl(1).
"""

from __future__ import annotations

import os
import re
import stat
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    ERROR,
    FAILED,
    PASSED,
    UNKNOWN,
    WARNING,
    Check,
)

# 'NVRM: Xid (PCI:0000:05:00): 119, pid=1, name=python, Timeout ...'
_LINE = re.compile(r"NVRM: Xid \((?:PCI:)?(?P<address>[0-9a-fA-F:.]+)\): (?P<code>[0-9]{1,9})(?:, *(?P<text>.*))?")
# 'nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 28006, Non-fatal, Link 46 ...'; lines of detail have no such word.
_SWITCH = re.compile(
    r"SXid \(PCI:(?P<address>[0-9a-fA-F:.]+)\): (?P<code>\d+), *(?P<weight>Fatal|Non-fatal),? *(?P<text>.*)"
)
_TIMEOUT = 20.0
_KMSG = "/dev/kmsg"
_STEPS = {
    "restart": "see whether the program is at fault; it has to be started again",
    "reset": "empty the host, then reset the GPU (nvidia-smi --gpu-reset) or reboot",
    "reboot": "empty the host and reboot it",
    "seating": "look at the seating and the power cables of the GPU",
    "update": "update the driver",
    "replace": "have the GPU replaced if it comes back after a reboot",
    "fabric": "restart nvidia-fabricmanager.service, unless another code stands beside it",
    "support": "ask NVIDIA's support if it comes back",
    "switch": "empty the host, then reset all GPUs and NVSwitches, or reboot",
    "none": "look whether programs failed at that time",
}


@dataclass(frozen=True)
class Event:
    """All lines of one code of one GPU. ``text`` is that of the last one."""

    address: str
    code: int
    times: int
    text: str


def read(host: Host, commands: Commands) -> str | None:
    """The kernel's log since the boot; None where nobody may read it."""
    program = host.which("journalctl")
    if program is not None and host.exists("/run/systemd/system"):
        argv = [program, "--dmesg", "--boot", "--no-pager", "--quiet", "--output=cat"]
        try:
            result = commands.run(argv, purpose="read the kernel's log", timeout=_TIMEOUT, check=False)
        except CommandError:
            result = None
        if result is not None and result.ok and result.out:
            return result.out
    return _kmsg(host.path(_KMSG))


def _kmsg(path: str) -> str | None:
    """What the kernel still holds of its log, which hands out a record a read; None where that is no log."""
    records = []
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
            return None  # containers can have something else in its place
        while True:
            try:
                record = os.read(descriptor, 8192)
            except BrokenPipeError:
                continue  # overwritten while we read
            if not record:
                break
            records.append(record.decode("utf-8", "replace"))
    except OSError:
        pass  # BlockingIOError: that was all
    finally:
        os.close(descriptor)
    return "\n".join(records) or None  # /dev/null in its place; a kernel that has booted has said something


def events(log: str) -> list[Event]:
    """The codes in a log, in the order of their first line."""
    found: dict[tuple[str, int], Event] = {}
    for match in _LINE.finditer(log):
        key = (match["address"].lower(), int(match["code"]))
        times = found[key].times + 1 if key in found else 1
        found[key] = Event(*key, times, (match["text"] or "").strip()[:200])
    return list(found.values())


def checks(log: str | None) -> list[Check]:
    if log is None:
        to_fix = "run this as root, or let this user read the journal (group systemd-journal)"
        return [Check("kernel_log", "host", UNKNOWN, "the kernel's log cannot be read", to_fix)]
    known = _table()
    found = []
    for event in events(log):
        severity, meaning, step = known.get(event.code, ("warning", "a code that is not in the table", "support"))
        if severity == "info":
            continue
        often = f", {event.times} times" if event.times > 1 else ""
        text = f"Xid {event.code}{often}: {meaning}" + (f" ({event.text})" if event.text else "")
        weight = ERROR if severity == "fatal" else WARNING
        found.append(Check("kernel_log", f"GPU {event.address}", FAILED, text, _STEPS[step], weight))
    for match in _SWITCH.finditer(log):
        weight = ERROR if match["weight"] == "Fatal" else WARNING
        text = f"SXid {match['code']}, {match['weight'].lower()}: {match['text'].strip()[:200]}"
        step = _STEPS["switch" if weight == ERROR else "support"]
        found.append(Check("kernel_log", f"NVSwitch {match['address'].lower()}", FAILED, text, step, weight))
    return found or [Check("kernel_log", "host", PASSED, "no code of the driver that asks for anything since the boot")]


def _table() -> t.Mapping[int, tuple[str, str, str]]:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.table_xids import TABLE

    rows = (line.split(" | ") for line in TABLE.strip().splitlines())
    return {int(code): (severity, meaning, step) for code, severity, meaning, step in rows}
