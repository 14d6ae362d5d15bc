# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_verify on real environments: what works, what is broken, and what hangs, dies, multiplies or eats memory."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.local_fleet import LocalFleet
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

TORCH = """
__version__ = "2.8.0+cu126"


class version:
    cuda = "12.6"
    hip = None


class cuda:
    device_count = staticmethod(lambda: {gpus})
    is_available = staticmethod(lambda: {gpus} > 0)
    get_device_name = staticmethod(lambda device: "Stand-in GPU")
    get_device_capability = staticmethod(lambda device: (9, 0))
    get_arch_list = staticmethod(lambda: ["sm_90"])


class Matrix:
    def __init__(self, rows, device):
        self.rows, self.device = rows, device

    def __matmul__(self, other):
        columns = list(zip(*other.rows))
        more = {error} if self.device != "cpu" else 0.0
        return Matrix([[sum(map(float.__mul__, r, c)) + more for c in columns] for r in self.rows], self.device)

    def cpu(self):
        return self

    def tolist(self):
        return self.rows


tensor = lambda rows, device="cpu": Matrix(rows, device)
"""
DISTRIBUTED = "is_available = is_nccl_available = lambda: True\n"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with nothing in it, that everybody may read."""
    path = tmp_path / "ml"
    subprocess.run([module_runner.HOST_PYTHON, "-m", "venv", "--without-pip", path], check=True)
    return path


def packages_of(environment: Path) -> Path:
    (found,) = environment.glob("lib/python3.*/site-packages")
    return found


def put(environment: Path, name: str, text: str) -> None:
    file = packages_of(environment) / name
    file.parent.mkdir(exist_ok=True)
    # Python takes bytecode for that of any text of the same length and second.
    shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)
    file.write_text(text)


def verify(environment: Path, *checks: str, **options: Any) -> dict[str, dict[str, Any]]:
    arguments = {"environments": [str(environment)], "checks": list(checks), "fail_on": "never", **options}
    ran = module_runner.succeed("ml_verify", arguments)
    assert not ran.result["changed"]
    found = {check["id"]: check for check in ran.result["checks"]}
    assert set(found) == set(checks)
    return found


def imports(environment: Path, text: str, **options: Any) -> dict[str, Any]:
    put(environment, "probed.py", text)
    return verify(environment, "environment_imports", imports=["json", "probed"], **options)["environment_imports"]


def package(environment: Path, name: str, text: str) -> None:
    """A package as an installer leaves it."""
    put(environment, f"{name}/__init__.py", text)
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    info = f"{name}-1.0.dist-info"
    put(environment, f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    put(environment, f"{info}/REQUESTED", "")
    rows = [f"{name}/__init__.py,sha256={digest},{len(text)}", f"{info}/METADATA,,", f"{info}/RECORD,,"]
    put(environment, f"{info}/RECORD", "\n".join([*rows, f"{info}/REQUESTED,,"]) + "\n")


def test_a_whole_environment(environment: Path) -> None:
    package(environment, "asked", "import json\n")
    ids = [f"environment{part}" for part in ("", "_metadata", "_requirements", "_files", "_imports", "_libraries")]
    found = verify(environment, *ids, files="all")
    assert {check["status"] for check in found.values()} == {"passed"}, found
    assert found["environment_imports"]["reason"] == "1 imports work"


def test_what_was_asked_for_is_imported(environment: Path) -> None:
    package(environment, "asked", "raise ImportError('libnothing.so.1: cannot open shared object file')\n")
    found = verify(environment, "environment_imports")["environment_imports"]
    assert found["status"] == "failed" and "asked: ImportError: libnothing.so.1" in found["reason"]


def test_files_that_are_not_as_recorded(environment: Path) -> None:
    package(environment, "asked", "import json\n")
    put(environment, "asked/__init__.py", "import this\n")
    found = verify(environment, "environment_files")["environment_files"]
    assert (found["status"], found["reason"]) == ("failed", "asked/__init__.py was changed")
    (packages_of(environment) / "asked-1.0.dist-info" / "RECORD").unlink()
    assert verify(environment, "environment_files")["environment_files"]["status"] == "unknown"


def test_a_moved_environment(environment: Path) -> None:
    script = environment / "bin" / "tool"
    script.write_text(f"#!{environment}/bin/python\n")
    assert verify(environment, "environment_scripts")["environment_scripts"]["status"] == "passed"
    moved = environment.rename(environment.parent / "moved")
    found = verify(moved, "environment_scripts")["environment_scripts"]
    assert found["status"] == "failed" and "which is not there" in found["reason"]


def test_a_python_that_is_gone(environment: Path) -> None:
    (environment / "bin" / "python").unlink()
    (environment / "bin" / "python").symlink_to("/nowhere/python3")
    found = verify(environment, "environment", "environment_imports", "framework_torch")
    assert {id_: check["status"] for id_, check in found.items()} == {
        "environment": "failed",
        "environment_imports": "unknown",
        "framework_torch": "unknown",
    }


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no compiler is here that could make an extension module")
def test_a_library_that_is_missing(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "lib.c").write_text("int here(void) { return 1; }\n")
    (tmp_path / "ext.c").write_text("int here(void);\nint PyInit_ext(void) { return here(); }\n")
    library = tmp_path / "libabsent.so.7"
    make = ["gcc", "-shared", "-fPIC"]
    subprocess.run([*make, "-Wl,-soname,libabsent.so.7", tmp_path / "lib.c", "-o", library], check=True)
    suffix = subprocess.run(
        [environment / "bin/python", "-c", "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    made = packages_of(environment) / f"ext{suffix}"
    subprocess.run([*make, tmp_path / "ext.c", library, "-o", made], check=True)
    found = verify(environment, "environment_libraries")["environment_libraries"]
    assert found["status"] == "failed" and "libabsent.so.7 is not here" in found["reason"]
    assert found["to_fix"] == "find the package that has them"
    shutil.copy(library, packages_of(environment))  # a package brings it, and loads it by its path
    assert verify(environment, "environment_libraries")["environment_libraries"]["status"] == "passed"


def test_an_import_that_hangs_ends_at_its_limit_with_all_its_children(environment: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        with open({str(pids)!r}, "w") as stream:
            stream.write(str(os.getpid()))
        time.sleep(600)
time.sleep(600)
"""
    pids.touch(0o666)
    pids.chmod(0o666)
    started = time.monotonic()
    found = imports(environment, text, probe_timeout=3)
    assert time.monotonic() - started < 30
    assert found["status"] == "failed" and "still running after 3 s" in found["reason"]
    assert not os.path.exists(f"/proc/{int(pids.read_text())}")


def test_an_import_that_crashes_is_named(environment: Path) -> None:
    found = imports(environment, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n")
    assert (found["status"], found["reason"]) == ("failed", "probed: its process was ended by SIGSEGV")


def test_an_import_that_eats_memory_ends_at_its_limit(environment: Path) -> None:
    found = imports(environment, "kept = bytearray(10 << 30)\n", probe_memory=512)
    assert found["status"] == "failed" and "probed: MemoryError" in found["reason"]


@pytest.mark.skipif(os.geteuid() != 0, reason="an environment of another user is made by root")
def test_a_fork_bomb_ends_at_its_limit(tmp_path: Path) -> None:
    """As a user that nobody else is here, so that nobody else is short of processes."""
    uid = 54321
    home = Path("/opt") / f"mlstack-bomb-{os.getpid()}"
    try:
        subprocess.run([module_runner.HOST_PYTHON, "-m", "venv", "--without-pip", home], check=True)
        put(home, "probed.py", "import os\nwhile True:\n    os.fork()\n")
        for found in [home, *home.rglob("*")]:
            os.chown(found, uid, uid, follow_symlinks=False)
        started = time.monotonic()
        found = verify(home, "environment_imports", imports=["probed"], probe_processes=40, probe_timeout=20)
        assert time.monotonic() - started < 60
        told = found["environment_imports"]
        assert told["status"] == "failed" and "probed" in told["reason"], told
        alive = [name for name in os.listdir("/proc") if name.isdigit() and owner(name) == uid]
        assert alive == []
    finally:
        shutil.rmtree(home, ignore_errors=True)


def owner(pid: str) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def torch(environment: Path, gpus: int = 0, error: float = 0.0, **options: Any) -> dict[str, Any]:
    put(environment, "torch/__init__.py", TORCH.format(gpus=gpus, error=error))
    put(environment, "torch/distributed.py", DISTRIBUTED)
    return verify(environment, "framework_torch", matrix=16, **options)["framework_torch"]


def test_a_framework_on_every_gpu(environment: Path) -> None:
    found = torch(environment, gpus=2, gpus_expected={"count": 2})
    assert found["status"] == "passed" and found["details"]["version"] == "2.8.0+cu126"
    assert [device["device"] for device in found["details"]["devices"]] == ["cpu", "cuda:0", "cuda:1"]


def test_a_framework_that_multiplies_wrong_or_sees_too_little(environment: Path) -> None:
    wrong = torch(environment, gpus=1, error=1.0)
    assert wrong["status"] == "failed" and "multiplies wrong on cuda:0" in wrong["reason"]
    few = torch(environment, gpus=1, gpus_expected={"count": 8})
    assert few["status"] == "failed" and "there should be 8" in few["reason"]


def test_a_failed_check_fails_the_module_and_warnings_where_asked(environment: Path) -> None:
    arguments = {"environments": [str(environment)], "imports": ["nothing"], "checks": ["environment_imports"]}
    refused = module_runner.refuse("ml_verify", arguments, "not_verified")
    assert refused.result["summary"] == {"passed": 0, "failed": 1, "skipped": 0, "unknown": 0}
    assert not refused.result["ok"] and "No module named 'nothing'" in refused.result["msg"]
    told = module_runner.succeed("ml_verify", {**arguments, "fail_on": "never"})
    assert not told.result["ok"]
    gone = {"environments": ["/nowhere"], "checks": ["environment_imports"]}
    assert module_runner.succeed("ml_verify", gone).result["ok"]
    module_runner.refuse("ml_verify", {**gone, "unknown_fails": True}, "not_verified")
    module_runner.refuse("ml_verify", {"checks": ["no_such"]}, "unknown_check")


@pytest.mark.parametrize("percent", [-5, 101, "nan"])
def test_a_share_that_is_none_is_refused(percent: Any) -> None:
    module_runner.refuse("ml_verify", {"checks": ["disk"], "free_percent": percent}, "bad_percent")


def test_the_playbook_proves_what_the_variables_describe(tmp_path: Path, site: Site) -> None:
    """The host and its environments, by the names that the roles know; what shall be absent is not missed."""
    fleet = LocalFleet(tmp_path / "fleet", site, ("one",))
    venv = fleet.root("one") / "ml"
    subprocess.run([module_runner.HOST_PYTHON, "-m", "venv", "--without-pip", venv], check=True)
    listed = [{"name": "ml", "packages": ["six"]}, {"name": "gone", "state": "absent"}]
    ran = fleet.play("gpufleet.mlstack.verify", python_envs_list=listed, ml_verify_skip=["clock", "disk"])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{fleet.root('one')}/gone" not in ran.stdout and '"failed": 0' in ran.stdout
    missing = [{"name": "missing", "packages": ["six"]}]
    ran = fleet.play("gpufleet.mlstack.verify", python_envs_list=missing, ml_verify_skip=["clock", "disk"])
    assert ran.returncode == 2 and f"environment of {fleet.root('one')}/missing" in ran.stdout + ran.stderr
