# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private environments, built for real: from a lock of one small wheel, which needs no network."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
import zipfile

import pytest

import interpreters
import locked_environment
from refusal import Refusal

TOOLS = os.path.dirname(locked_environment.__file__)


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """A lock file of one distribution, which pip finds in a folder and nowhere else."""
    wheel = tmp_path / "wheels" / "mlstack_probe-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("mlstack_probe.py", "HERE = True\n")
        info = "mlstack_probe-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mlstack-probe\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    path = tmp_path / "probe.lock"
    path.write_text(f"mlstack-probe==1.0 --hash=sha256:{digest}\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return str(path)


@pytest.fixture
def python():
    return interpreters.probe(sys.executable)


def prepared(lock, python, home, said=None):
    return locked_environment.prepare("probe", lock, python, str(home), (said if said is not None else []).append)


def can_import(folder):
    code = "import mlstack_probe"
    return subprocess.run([os.path.join(folder, "bin", "python"), "-c", code], check=False).returncode == 0


def entries(home):
    return sorted(re.sub(r"[0-9a-f]{16}", "H", re.sub(r"build-\w+", "build-X", name)) for name in os.listdir(home))


def test_builds_once_and_is_then_found(lock, python, tmp_path):
    said = []
    folder = prepared(lock, python, tmp_path / "home", said)
    assert can_import(folder)
    assert said[0].startswith("setting up the probe environment, once, in ")
    assert re.fullmatch(r"the probe environment is ready after \d+s", said[-1])
    said.clear()
    assert prepared(lock, python, tmp_path / "home", said) == folder
    assert said == []
    assert entries(tmp_path / "home") == ["probe-H", "probe-H.build-X", "probe-H.lock", "probe-H.log"]


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("", "working"),
        ("Collecting rich==15.0.0 (from -r x)\n  Downloading rich.whl\nCollecting cffi==2 (from x)\n",
         "2 packages so far, now cffi==2"),
        ("Collecting rich==15.0.0\nInstalling collected packages: rich\n", "all packages are there, installing them"),
    ],
)  # fmt: skip
def test_it_says_how_far_a_long_build_is(tmp_path, monkeypatch, log, told):
    monkeypatch.setattr(locked_environment, "_TELL_EVERY", 0.1)
    path, said = tmp_path / "log", []
    path.write_text(log)
    argv = [sys.executable, "-c", "import time; time.sleep(0.5)"]
    with open(path, "a") as stream:
        assert locked_environment._watched(argv, stream, dict(os.environ), str(path), said.append) == 0
    assert said == [f"  {told}"]  # once, though it looked several times


def test_another_lock_gets_another_environment(lock, python, tmp_path):
    first = prepared(lock, python, tmp_path / "home")
    with open(lock, "a") as stream:
        stream.write("# a comment makes another lock\n")
    assert prepared(lock, python, tmp_path / "home") != first
    assert can_import(first)


def test_settings_of_the_user_do_not_move_it(lock, python, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PIP_USER", "1")
    assert can_import(prepared(lock, python, tmp_path / "home"))
    assert not (tmp_path / "elsewhere").exists()


def test_a_wrong_hash_is_refused_and_leaves_nothing_to_use(lock, python, tmp_path):
    with open(lock) as stream:
        text = stream.read()
    with open(lock, "w") as stream:
        stream.write(re.sub("[0-9a-f]{64}", "0" * 64, text))
    with pytest.raises(Refusal) as caught:
        prepared(lock, python, tmp_path / "home")
    assert "probe.lock" in caught.value.wanted
    assert entries(tmp_path / "home") == ["probe-H.lock", "probe-H.log"]


def test_an_unreachable_package_is_named(lock, python, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    with pytest.raises(Refusal, match=r"No matching distribution found for mlstack-probe==1\.0"):
        prepared(lock, python, tmp_path / "home")


def test_is_built_anew_when_its_interpreter_is_gone(lock, python, tmp_path):
    folder = prepared(lock, python, tmp_path / "home")
    os.unlink(os.path.join(folder, "bin", "python"))
    again = prepared(lock, python, tmp_path / "home")
    assert again != folder
    assert can_import(again)
    assert not os.path.exists(folder)


def test_a_folder_that_cannot_be_written_is_named(lock, python, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Refusal, match="MLSTACK_HOME"):
        prepared(lock, python, tmp_path / "file" / "home")


def start(lock, home):
    code = textwrap.dedent(
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        import interpreters, locked_environment
        print(locked_environment.prepare("probe", sys.argv[2], interpreters.probe(sys.executable), sys.argv[3], str))
        """
    )
    argv = [sys.executable, "-c", code, TOOLS, lock, str(home)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_two_at_once_build_one(lock, tmp_path):
    both = [start(lock, tmp_path / "home") for _once in range(2)]
    folders = {process.communicate(timeout=120)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(folders) == 1
    assert can_import(folders.pop())
    assert entries(tmp_path / "home") == ["probe-H", "probe-H.build-X", "probe-H.lock", "probe-H.log"]


@pytest.mark.parametrize("folder_exists", ["bin", "lib"])
def test_a_build_that_was_killed_is_made_anew(lock, python, tmp_path, folder_exists):
    home = tmp_path / "home"
    process = start(lock, home)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(home.glob(f"probe-*.build-*/{folder_exists}")):
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not list(home.glob("probe-*[0-9a-f]/complete.json"))
    assert can_import(prepared(lock, python, home))
    assert entries(home) == ["probe-H", "probe-H.build-X", "probe-H.lock", "probe-H.log"]
