# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock between real processes."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import LockTimeout
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import lock as locks

from .conftest import built

HOLD = """
import sys, time
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
with Store(sys.argv[1], 'ml').lock(10):
    print('held', flush=True)
    time.sleep(float(sys.argv[2]))
"""

ADD_ONE = """
import sys, time
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
for turn in range(20):
    with Store(sys.argv[1], 'ml').lock(60):
        count = int(open(sys.argv[2]).read())
        time.sleep(0.001)
        open(sys.argv[2], 'w').write(str(count + 1))
"""


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )


def holder(store: Store, seconds: float) -> subprocess.Popen[str]:
    process = python(HOLD, store.place.root, str(seconds))
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_waits_too_long_is_told_for_whom(store: Store) -> None:
    with holder(store, 60) as process:
        started = time.monotonic()
        with pytest.raises(LockTimeout) as caught, store.lock(0.3):
            pytest.fail("two hold it")
        waited = time.monotonic() - started
        assert locks.held_by_another(store.place.lock_file)
        process.kill()
    assert 0.3 <= waited < 3
    assert caught.value.details["holder_pid"] == process.pid
    assert f"process {process.pid} ({sys.executable} -c" in str(caught.value)


def test_the_lock_goes_with_its_holder(store: Store) -> None:
    with holder(store, 60) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not locks.held_by_another(store.place.lock_file)
        with store.lock(5):
            pass


def test_who_waits_gets_it_in_the_end(store: Store) -> None:
    with holder(store, 0.5), store.lock(30):
        pass


def test_nobody_is_in_it_together(store: Store, tmp_path: Path) -> None:
    """The environment does not exist: each time its frame and the lock file are made and removed again."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    processes = [python(ADD_ONE, store.place.root, str(counter)) for _number in range(4)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0] * 4
    assert counter.read_text() == "80"
    # Whoever made the root takes it away again, unless another run was just about to use it.
    assert {path.name for path in tmp_path.rglob("*")} <= {"counter", "envs"}


def test_an_engine_does_not_inherit_the_lock(store: Store) -> None:
    with store.lock():
        engine = subprocess.Popen(["sleep", "60"], close_fds=False)
    with store.lock(0.5):
        pass
    engine.kill()
    engine.wait()


def test_one_lock_per_environment(store: Store) -> None:
    with store.lock(), Store(store.place.root, "other").lock(0.1):
        pass


def test_our_own_lock_is_nobody_elses(store: Store) -> None:
    with store.lock():
        assert not locks.held_by_another(store.place.lock_file)


def test_a_lock_on_a_file_that_was_just_removed_counts_for_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A holder removes the environment, its lock file included, between our open() and our flock()."""
    flock = fcntl.flock
    replaced: list[int] = []

    def after_a_removal(handle: int, operation: int) -> None:
        if not replaced:
            os.unlink(store.place.lock_file)
            Path(store.place.lock_file).touch()
            replaced.append(os.stat(store.place.lock_file).st_ino)
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", after_a_removal)
    with store.lock(), pytest.raises(BlockingIOError), open(store.place.lock_file) as stream:
        assert os.stat(store.place.lock_file).st_ino == replaced[0]
        flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_removal_while_another_waits(store: Store) -> None:
    built(store)
    entered = threading.Event()

    def wait_and_build() -> None:
        entered.set()
        built(store, "bbbbbb", after=5)

    thread = threading.Thread(target=wait_and_build)
    with store.lock():
        thread.start()
        entered.wait()
        time.sleep(0.1)
        store.remove()
    thread.join(30)
    current = store.observe().current
    assert current is not None
    assert current.digest == "bbbbbb"
