# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of a package manager that go on when we die, with a record by which the next run of ours finds them.

A record is a folder below FOLDER, which only root may read: C(record.json) with the command line and when it began,
C(process) with /proc's line of the process, C(output), and in the end C(status). It is gone when its run has been told.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError, CommandResult, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import LockTimeout
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import TRANSACTIONS as FOLDER

# $0 is the record's folder. The status is there whole or not at all.
_KEEPER = (
    'rm -f "$0/status"; exec >"$0/output" 2>&1; cat /proc/$$/stat >"$0/process"; "$@"; rc=$?; '
    'echo $rc >"$0/status.part" && mv "$0/status.part" "$0/status"; exit $rc'
)
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_PAUSE_SECONDS = 0.2
_STARTING_SECONDS = 5.0  # from the record until the process has written its line


@dataclass(frozen=True)
class Left:
    """A run that nobody has waited for to the end. ``begun`` is in seconds since the epoch; ``pid`` is 0 for one that
    is over, ``status`` None where nobody knows it: it was killed, or the host went down."""

    folder: str
    command: str
    begun: float
    pid: int
    status: int | None
    output: str

    @property
    def running(self) -> bool:
        return bool(self.pid)

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.begun))
        return f"'{self.command}', which an earlier run began on {since}"


@contextlib.contextmanager
def folder(host: Host, wanted: str) -> t.Iterator[str]:
    """A new folder for a record, gone at the end unless what it is about still runs. Raises MlstackError where none
    can be made."""
    top = host.path(FOLDER)
    with disk.explained(wanted):
        disk.make_folder(top)
        os.chmod(top, 0o700)
        path = _new(f"{top}/{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}")
    try:
        yield path
    finally:
        found = _read(host, path)
        if found is None or not found.running:
            _forget(path)


def run(
    host: Host,
    commands: Commands,
    argv: t.Sequence[str],
    path: str,
    *,
    purpose: str,
    timeout: float,
    env: t.Mapping[str, str | None] | None = None,
    retries: int = 0,
    retry_if: t.Callable[[CommandResult], bool] | None = None,
) -> CommandResult:
    """Run a program to its end, whatever becomes of us meanwhile, with the record in the folder ``path``.

    Its output, error messages in their places, is C(out) of the result. Where systemd runs it gets a scope of its own:
    the end of a login session may end all that was started in it. Raises MlstackError where it takes longer than
    ``timeout`` seconds; it goes on then.
    """
    shown = tuple(commands.redactor.text(part) for part in argv)
    boot = (host.read_text(_BOOT_ID) or "").strip()
    record = {"argv": shown, "begun": time.time(), "boot": boot, "output": f"{path}/output"}
    with disk.explained(purpose):
        writing.write_whole(f"{path}/record.json", json.dumps(record), 0o600)
    keeper = ["sh", "-c", _KEEPER, path, *argv]
    for words in _scope(host, path), []:
        try:
            result = commands.run(
                [*words, *keeper],
                purpose=purpose,
                env=env,
                timeout=timeout,
                check=False,
                retries=retries,
                retry_if=retry_if,
                outlives_us=True,
            )
        except CommandError as exc:
            raise _renamed(exc, shown, timeout) from exc
        if os.path.exists(f"{path}/process"):
            break  # else there was no scope to be had, and nothing has been run
    output = host.read_text(f"{path}/output")
    if output is None:
        return replace(result, argv=shown)
    return replace(result, argv=shown, out=commands.redactor.text(output), err="")


def left(host: Host) -> list[Left]:
    """What earlier runs have left, the oldest first. Others than root see nothing."""
    paths = (f"{host.path(FOLDER)}/{name}" for name in host.names(FOLDER))
    return [found for found in (_read(host, path) for path in paths) if found is not None]


def tell(found: t.Iterable[Left], warn: t.Callable[[str], None], *, forget: bool) -> None:
    """Say how runs ended that are over, and forget them."""
    for one in found:
        if not one.running:
            warn(f"{one}, went on when that run was cut off: {_ending(one)}")
            if forget:
                _forget(one.folder)


def wait(host: Host, seconds: float, wanted: str) -> list[Left]:
    """Wait until all of them are over, and return them. Raises LockTimeout after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        found = left(host)
        running = next((one for one in found if one.running), None)
        if running is None:
            return found
        if time.monotonic() >= deadline:
            holder = f"pid {running.pid} ({running.command})"
            raise LockTimeout(
                "package_lock_timeout",
                wanted=wanted,
                found=f"{running} is still running as pid {running.pid}; its output is in {running.folder}/output",
                to_fix="let it end, or raise lock_timeout; to end it half-way would leave packages half installed",
                holder=holder,
            )
        time.sleep(_PAUSE_SECONDS)


def _forget(path: str) -> None:
    disk.delete(path)
    with contextlib.suppress(OSError):  # not empty: others are there
        os.rmdir(os.path.dirname(path))


def _ending(one: Left) -> str:
    if one.status == 0:
        return "it ended well"
    lines = [line.strip() for line in one.output.splitlines() if line.strip()]
    said = f"; the last that it printed: {' / '.join(lines[-4:])}" if lines else ""
    if one.status is None:
        return f"it was killed, or the host went down{said}"
    return f"it ended with status {one.status}{said}"


def _new(stem: str) -> str:
    number = 0
    while True:
        try:
            os.mkdir(f"{stem}-{number}", 0o700)
        except FileExistsError:
            number += 1
        else:
            return f"{stem}-{number}"


def _scope(host: Host, path: str) -> list[str]:
    program = host.which("systemd-run") if host.exists("/run/systemd/system") else None
    unit = f"--unit=gpufleet-mlstack-{os.path.basename(path)}"
    return [program, "--scope", "--quiet", "--collect", unit, "--"] if program else []


def _read(host: Host, path: str) -> Left | None:
    """The record in a folder; None where there is none yet, or none any more."""
    try:
        record = json.loads(host.read_text(f"{path}/record.json") or "")
        command, begun = " ".join(record["argv"]), float(record["begun"])
    except (ValueError, KeyError, TypeError):
        return None
    status = (host.read_text(f"{path}/status") or "").strip()
    pid = 0 if status.isdigit() else _pid(host, path, record.get("boot"), begun)
    told = host.read_text(f"{path}/output") or ""
    return Left(path, command, begun, pid, int(status) if status.isdigit() else None, told)


def _pid(host: Host, path: str, boot: t.Any, begun: float) -> int:
    """The process of a record; 0 where it has ended, -1 where it is about to begin."""
    line = host.read_text(f"{path}/process") or ""
    if not line.strip():
        return -1 if time.time() - begun < _STARTING_SECONDS else 0
    pid = line.split()[0]
    now = host.read_text(f"/proc/{pid}/stat") or ""
    same_boot = boot == (host.read_text(_BOOT_ID) or "").strip()
    return int(pid) if same_boot and _started(now) == _started(line) != "" else 0


def _started(line: str) -> str:
    """When a process was started, in the kernel's ticks, by its line in /proc (proc(5)); empty for one that is dead."""
    fields = line.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else ""


def _renamed(exc: CommandError, argv: tuple[str, ...], timeout: float) -> CommandError:
    """Commands names what it has started, which is not what people know."""
    if exc.code != "command_timeout":
        return exc
    return CommandError(
        "command_timeout",
        wanted=exc.wanted,
        found=f"{' '.join(argv)} was still running after {timeout:g} s and goes on: to end it half-way would do harm",
        to_fix="find out what it waits for (network, lock, disk); the next run waits for it and tells how it ended",
        cmd=list(argv),
    )
