# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small real environment to put into a prefix, and a child process that is killed at a step of its work."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import typing as t
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store

NOW = datetime(2026, 11, 22, 20, 15, 30, tzinfo=timezone.utc)


def fill(prefix: str, text: str) -> None:
    """What an engine would do: an interpreter, a script, some files."""
    bin_folder = Path(prefix, "bin")
    bin_folder.mkdir(parents=True)
    (bin_folder / "python").symlink_to(sys.executable)
    (bin_folder / "tool").write_text(f"#!{bin_folder}/python\nprint({text!r})\n")
    (bin_folder / "tool").chmod(0o755)
    (bin_folder / "activate").write_text(f"VIRTUAL_ENV='{prefix}'\nPATH=\"$VIRTUAL_ENV/bin:$PATH\"\n")
    Path(prefix, "lib").mkdir()
    Path(prefix, "lib", "module.py").write_text(f"WHAT = {text!r}\n")
    Path(prefix, "pyvenv.cfg").write_text("home = /usr/bin\n")


def built(store: Store, digest: str = "aaaaaa", *, adopt: bool = False, after: int = 0) -> Generation:
    """Build and switch, as a module does."""
    now = NOW + timedelta(seconds=after)
    with store.lock(10):
        with store.build(digest, now) as building:
            fill(building.prefix, digest)
            generation = store.seal(building, {"text": digest})
        if adopt and store.observe().standing == "directory":
            store.adopt(generation, now)
        store.switch(generation)
    return generation


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a child that is killed (SIGKILL) just before its ``step``-th operation on files.

    The steps are the interpreter's audit events: each open, rename, mkdir, unlink and so on is one. Returns whether
    the child was killed; False when it was done before that step.
    """
    child = os.fork()
    if child == 0:
        _die_at(step)
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the work failed by itself"
    return False


def _die_at(step: int) -> None:
    counted = 0

    def count(event: str, arguments: tuple[t.Any, ...]) -> None:
        nonlocal counted
        if event != "open" and not event.startswith(("os.", "shutil.", "ctypes.", "fcntl.")):
            return
        if any(str(argument).startswith("/proc") for argument in arguments):
            return  # reading about processes: thousands of steps in which nothing changes
        counted += 1
        if counted == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


# Hundreds of builds, each of which has the whole filesystem synced, belong where that costs nothing.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder, in memory where the system has such."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as made:
        yield Path(made)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "envs"), "ml")
