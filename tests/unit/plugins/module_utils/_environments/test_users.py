# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import users

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "envs" / ".generations" / "ml" / "20261122T201530-3f9c2a"
    made.mkdir(parents=True)
    (made / "python").symlink_to(sys.executable)
    (made / "script").write_text(SLEEP)
    (made / "data").write_bytes(b"x" * 5000)
    return made


def seen(process: subprocess.Popen[bytes], path: Path) -> set[str]:
    """By what the process is noticed, once it is; looking goes on while it starts."""
    for _attempt in range(100):
        found = {user.what for user in users.find([str(path)]).users if user.pid == process.pid}
        if found:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    return found


def test_nobody_uses_it(folder: Path) -> None:
    usage = users.find([str(folder)])
    assert usage.users == ()
    assert usage.complete
    assert usage.of(str(folder)) == []


def test_by_its_program_in_the_command_line(folder: Path) -> None:
    assert seen(subprocess.Popen([f"{folder}/python", "-c", SLEEP]), folder) == {"command line"}


def test_by_a_script(folder: Path) -> None:
    assert seen(subprocess.Popen([sys.executable, f"{folder}/script"]), folder) == {"command line"}


def test_by_its_working_directory(folder: Path) -> None:
    assert seen(subprocess.Popen(["sleep", "60"], cwd=folder), folder) == {"working directory"}


def test_by_its_environment(folder: Path) -> None:
    environment = {**os.environ, "VIRTUAL_ENV": str(folder)}
    assert seen(subprocess.Popen(["sleep", "60"], env=environment), folder) == {"environment variables"}


def test_a_path_handed_on_in_another_variable_is_no_use(folder: Path) -> None:
    environment = {**os.environ, "OLDPWD": str(folder)}
    with subprocess.Popen(["sleep", "60"], env=environment) as process:
        time.sleep(0.1)
        assert users.find([str(folder)]).users == ()
        process.kill()


def test_by_an_open_file(folder: Path) -> None:
    with (folder / "data").open("rb") as stream:
        assert seen(subprocess.Popen(["sleep", "60"], stdin=stream), folder) == {"open files"}


def test_by_a_file_in_memory(folder: Path) -> None:
    code = (
        "import mmap, os, sys, time\n"
        "handle = os.open(os.path.join(*sys.argv[1].split(':'), 'data'), os.O_RDONLY)\n"
        "kept = mmap.mmap(handle, 0, prot=mmap.PROT_READ)\n"
        "os.close(handle)\n"
        "print(1, flush=True)\n"
        "time.sleep(60)\n"
    )
    argv = [sys.executable, "-c", code, str(folder).replace("/envs/", ":envs/")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        # mmap keeps a duplicate of the handle, so either will do
        assert seen(process, folder) == {"files in memory"}


def test_a_path_that_only_begins_alike_is_another(folder: Path) -> None:
    other = folder.parent / (folder.name + "0")
    other.mkdir()
    with subprocess.Popen(["sleep", "60"], cwd=other) as process:
        time.sleep(0.1)
        assert users.find([str(folder)]).users == ()
        process.kill()


def test_through_a_link_in_the_root(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "opt").symlink_to(tmp_path / "envs")
    linked = tmp_path / "opt" / ".generations" / "ml" / folder.name
    assert seen(subprocess.Popen(["sleep", "60"], cwd=folder), linked) == {"working directory"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a mount namespace")
def test_from_a_container_that_has_it_under_another_root(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mnt").mkdir()
    script = (
        f"mount --bind '{tmp_path}/envs' '{tmp_path}/mnt' && "
        f"cd '{tmp_path}/mnt/.generations/ml/{folder.name}' && exec sleep 60"
    )
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script])
    time.sleep(0.3)
    if process.poll() is not None:
        pytest.skip("no mounts here")
    assert seen(process, folder) == {"working directory"}


def test_where_processes_are_hidden_nobody_can_say(folder: Path, tmp_path: Path) -> None:
    usage = users.find([str(folder)], proc=str(tmp_path))
    assert not usage.complete
    assert "hidden" in usage.of(str(folder))[0]


def test_long_command_lines_are_shortened(folder: Path) -> None:
    with subprocess.Popen([f"{folder}/python", "-c", SLEEP, "x" * 1000]) as process:
        time.sleep(0.3)
        (user,) = users.find([str(folder)]).users
        process.kill()
    assert len(user.command) == 120
