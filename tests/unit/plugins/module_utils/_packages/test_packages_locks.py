# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a lock, waiting for it, and which manager a host has; with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import LockTimeout, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution, Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import locks, which

HOLD = (
    "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print('held', flush=True); input()"
)
DEBIAN = Distribution("debian", "12", "bookworm", "Debian GNU/Linux 12", "Debian")
FEDORA = Distribution("fedora", "42", "", "Fedora Linux 42", "RedHat")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    path = tmp_path / "lock"
    argv = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield str(path), process
        process.kill()


def test_the_holder_is_named_with_its_command(held: tuple[str, subprocess.Popen[str]]) -> None:
    path, process = held
    told = locks.holder_of(Host(), path)
    assert f"pid {process.pid} " in told and "fcntl.lockf" in told
    with pytest.raises(LockTimeout, match=f"pid {process.pid}"):
        locks.wait_until_free(lambda: locks.holder_of(Host(), path), 0.3, "change packages")


def test_a_lock_that_ends_is_waited_for(held: tuple[str, subprocess.Popen[str]]) -> None:
    path, process = held
    threading.Timer(0.5, process.kill).start()
    started = time.monotonic()
    locks.wait_until_free(lambda: locks.holder_of(Host(), path), 30, "change packages")
    assert 0.3 < time.monotonic() - started < 30


def test_nobody_holds_a_free_or_absent_file(tmp_path: Path) -> None:
    (tmp_path / "free").touch()
    assert locks.holder_of(Host(), str(tmp_path / "free")) == ""
    assert locks.holder_of(Host(), str(tmp_path / "absent")) == ""


def test_a_process_that_is_gone_holds_nothing() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert locks.describe_process(Host(), ended.pid) == ""
    assert "cannot be seen" in locks.describe_process(Host(), -1)


def test_only_one_of_us(tmp_path: Path) -> None:
    path = str(tmp_path / "ours")
    first, second = (locks.only_one_of_us(path, 0.3, "change packages") for _run in range(2))
    with first, pytest.raises(LockTimeout):
        second.__enter__()
    with locks.only_one_of_us(path, 1, "change packages"):
        pass


def program(root: Path, name: str, *, leads_to: str = "") -> None:
    folder = root / "usr/bin"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (leads_to or name)
    path.write_text("")
    path.chmod(0o755)
    if leads_to:
        os.symlink(leads_to, folder / name)


def test_which_manager_a_host_has(tmp_path: Path) -> None:
    environ = {"PATH": "/usr/bin"}
    with pytest.raises(MlstackError, match="Debian GNU/Linux 12"):
        which.manager_for(Host(str(tmp_path), environ), Commands(), DEBIAN)
    program(tmp_path, "apt-get")
    assert which.manager_for(Host(str(tmp_path), environ), Commands(), DEBIAN).name == "apt"
    program(tmp_path, "dnf", leads_to="dnf-3")
    assert which.manager_for(Host(str(tmp_path), environ), Commands(), FEDORA).name == "dnf"


def test_a_host_with_dnf5_is_told_so(tmp_path: Path) -> None:
    program(tmp_path, "dnf", leads_to="dnf5")
    with pytest.raises(MlstackError) as caught:
        which.manager_for(Host(str(tmp_path), {"PATH": "/usr/bin"}), Commands(), FEDORA)
    assert caught.value.code == "unsupported_host"
