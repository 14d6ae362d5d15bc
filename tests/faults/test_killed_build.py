# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at any moment of a build, and two builds at once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

MOMENTS = 25
KEEP = 1
VERSION = "import step, step.late; print(step.__version__, step.late.WHAT)"


def desired(version: int) -> dict[str, object]:
    return {"packages": [f"step=={version}"], "verify_imports": ["step"], "keep": KEEP}


def start(site: Site, version: int) -> subprocess.Popen[str]:
    return module_runner.start("pip_pinned", site.arguments(desired(version)), env=site.environ())


def stands(site: Site, version: int) -> bool:
    """Whether the environment in use is this version, whole."""
    return site.python(VERSION) == f"{version} step {version}"


def processes_below(folder: Path) -> list[str]:
    """Processes whose working directory, command line or environment names the folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            seen = Path(f"/proc/{pid}/cmdline").read_bytes() + os.fsencode(os.readlink(f"/proc/{pid}/cwd"))
        except OSError:
            continue
        if os.fsencode(folder) in seen and int(pid) != os.getpid():
            found.append(seen.replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize("engine", ["uv", "pip"])
def test_killed_at_25_random_moments_of_a_build(site: Site, engine: str) -> None:
    """Each time: what stood there still works, no process is left, and the next run converges and leaves no orphan."""
    site.options["engine"] = engine
    if engine == "pip":
        del site.options["executable"]
        site.options["no_index"] = True
        site.options["find_links"] = [str(site.index.folder)]
    site.apply(desired(1))
    began = time.monotonic()
    site.apply(desired(2))
    duration = time.monotonic() - began
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    cut_off = 0
    version = 2
    # uv builds at all 25 moments; pip, which takes several times as long, at some of them
    for _moment in range(MOMENTS if engine == "uv" else 8):
        version += 1
        process = start(site, version)
        delay = chance.uniform(0, duration)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        told = f"seed {seed}, version {version}, killed after {delay:.3f} s of {duration:.3f} s"
        cut_off += process.returncode == -signal.SIGKILL
        assert stands(site, version - 1) or stands(site, version), told
        assert wait_until_alone(site.root), told
        again = site.run(desired(version))
        assert again.rc == 0, f"{told}: {again.result.get('msg')}"
        assert stands(site, version), told
        assert site.leftovers() == [], told
        assert len(site.generations()) <= KEEP + 1, told
        assert sorted(os.listdir(site.root / ".generations")) == ["ml", "ml.lock"], told
    assert cut_off > version // 4, f"hardly any kill came before the end: {cut_off} of {version - 2}"
    assert not site.apply(desired(version)).result["changed"]


def wait_until_alone(folder: Path) -> bool:
    """Engines die with the module that started them, their children shortly after."""
    for _attempt in range(100):
        if not processes_below(folder):
            return True
        time.sleep(0.05)
    return False


def test_two_runs_at_once_build_once(site: Site) -> None:
    site.apply(desired(1))
    site.index.delay_s = 0.5
    first, second = start(site, 2), start(site, 2)
    results = [module_runner.finish(process).result for process in (first, second)]
    assert [result.get("failed", False) for result in results] == [False, False], results
    assert sorted(result["changed"] for result in results) == [False, True]
    assert len(site.generations()) == 2
    assert stands(site, 2)
    assert site.leftovers() == []


def test_two_first_runs_at_once_build_once(site: Site) -> None:
    site.index.delay_s = 0.5
    processes = [start(site, 1) for _number in range(3)]
    results = [module_runner.finish(process).result for process in processes]
    assert sorted(result["changed"] for result in results) == [False, False, True], results
    assert len(site.generations()) == 1


def test_two_runs_with_different_desired_states_both_come_true_one_after_the_other(site: Site) -> None:
    site.index.delay_s = 0.5
    results = [module_runner.finish(process).result for process in (start(site, 1), start(site, 2))]
    assert [result["changed"] for result in results] == [True, True], results
    assert len(site.generations()) == 2
    assert stands(site, 1) or stands(site, 2)


def test_who_waits_too_long_for_the_other_is_told(site: Site) -> None:
    site.apply(desired(1))
    site.index.delay_s = 5
    process = start(site, 2)
    lock = site.root / ".generations" / "ml.lock"
    while lock.read_text() != f"{process.pid}\n":
        assert process.poll() is None
        time.sleep(0.05)
    refused = site.refuse("lock_timeout", desired(3), lock_timeout=0.2)
    assert f"process {process.pid}" in refused.result["msg"]
    assert module_runner.finish(process).result["changed"]
    assert stands(site, 2)
