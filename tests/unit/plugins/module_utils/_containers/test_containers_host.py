# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host is observed, and what the handlers do to its files and to a daemon that answers at a socket."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _module
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import apply, docker_api, observe
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import ConfigFile, Desired, Docker
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.resource import ContainerToolkit
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.tests.bed.container_toolkit.program import program

NVRM = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Tue Jan  6 00:00:00 UTC 2026\n"
USERS = '{\n  "debug": true\n}\n'
# Answers as dockerd does (GET /info of its API), and reads its file again at a hang-up.
DAEMON = """
import http.server, json, os, signal, socketserver, sys
root, words = sys.argv[1], json.loads(sys.argv[2])
def read(*_):
    path = root + "/etc/docker/daemon.json"
    text = open(path).read() if os.path.exists(path) else "{}"
    data = json.loads(text)
    if "reads" in words and "runtimes" in data:  # of what is not there it does not learn
        words["Runtimes"] = {"runc": {}, **data["runtimes"]}
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = words.get("body", json.dumps(words)).encode()
        self.send_response(words.get("status", 200)); self.end_headers(); self.wfile.write(body)
    def address_string(self): return "-"
    def log_message(self, *_): pass
read(); signal.signal(signal.SIGHUP, read)
socketserver.UnixStreamServer(root + "/run/docker.sock", Answer).serve_forever()
"""


class FakeHost:
    """A root with the stand-in toolkit and with the programs' names that stand for engines."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.daemons: list[subprocess.Popen[bytes]] = []
        for name, text in {
            "nvidia-ctk": program("1.20.0"),
            "podman": "#!/bin/sh\necho podman version 4.9.3\n",
            "dockerd": "",
        }.items():
            self.write(f"usr/bin/{name}", text).chmod(0o755)
        for folder in ("run", "dev", "usr/lib64", "proc/driver/nvidia"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        self.driver("580.65.06")
        self.write("dev/nvidia0", "")

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def driver(self, version: str, *, loaded: str = "") -> None:
        link = self.root / "usr/lib64/libnvidia-ml.so.1"
        link.unlink(missing_ok=True)
        link.symlink_to(f"libnvidia-ml.so.{version}")
        self.write("proc/driver/nvidia/version", NVRM.format(loaded or version))

    def daemon(self, **words: Any) -> None:
        process = subprocess.Popen([sys.executable, "-c", DAEMON, str(self.root), json.dumps(words)])
        self.daemons.append(process)
        self.write("run/docker.pid", str(process.pid))
        self.write(f"proc/{process.pid}/comm", "dockerd\n")
        self.write(f"proc/{process.pid}/cmdline", "/usr/bin/dockerd\0-H\0fd://\0")
        end = time.monotonic() + 20
        while not (self.root / "run/docker.sock").exists() and time.monotonic() < end:
            time.sleep(0.02)

    def run(self, *, check: bool = False, **desired: Any) -> _module.Outcome[Desired]:
        environ = {"PATH": "", "BED_ROOT": str(self.root)}
        host = Host(str(self.root), {"PATH": "/usr/bin"})
        commands = Commands(environ={**os.environ, **environ, "PATH": os.environ["PATH"]})
        context = _module.Context(host, commands, Redactor(), check, lambda _text: None)
        wanted = Desired(**{"engines": ("docker", "podman"), **desired})
        return _module.converge(ContainerToolkit(), wanted, context, check_mode=check)

    def steps(self, **options: Any) -> list[str]:
        outcome = self.run(**options)
        assert outcome.error is None, outcome.error
        return [action.summary for action in outcome.plan.actions]

    def tree(self) -> dict[str, str]:
        files = [path for path in self.root.rglob("*") if path.is_file() and "proc" not in path.parts]
        return {str(path.relative_to(self.root)): path.read_text() for path in files if path.name != "docker.pid"}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    monkeypatch.setattr(Host, "is_root", True)
    made = FakeHost(tmp_path)
    yield made
    for process in made.daemons:
        process.kill()
        process.wait()


def test_what_check_mode_shows_is_done_once_and_taken_back_to_the_byte(host: FakeHost) -> None:
    host.write("etc/docker/daemon.json", USERS).chmod(0o640)
    host.daemon(reads=True, Runtimes={"runc": {}}, ServerVersion="29.0.1", CDISpecDirs=["/etc/cdi"])
    before = host.tree()
    foretold = host.steps(check=True)
    assert host.tree() == before
    done = host.run()
    assert [action.summary for action in done.plan.actions] == foretold
    assert [action.verb for action in done.plan.actions] == ["configure", "reload", "generate"]
    data = json.loads((host.root / "etc/docker/daemon.json").read_text())
    assert data["debug"] is True and "nvidia" in data["runtimes"]
    assert (host.root / "etc/docker/daemon.json").stat().st_mode & 0o777 == 0o640
    assert (host.root / "var/lib/gpufleet-mlstack/container-toolkit.json").stat().st_mode & 0o777 == 0o600
    assert done.details["specification"]["devices"] == ["nvidia.com/gpu=0", "nvidia.com/gpu=all"]
    # An old podman is here, too: no groups.
    assert "additionalGids" not in (host.root / "etc/cdi/nvidia.yaml").read_text()
    told = {check["code"]: check["ok"] for check in done.details["checks"]}
    assert told["docker_runtime"] is True and told["cdi_driver"] is True
    assert host.steps() == []
    assert host.steps(state="absent")[-1] == "forget what was changed here"
    assert {path: text for path, text in host.tree().items() if not path.endswith(".lock")} == before
    assert not (host.root / "etc/cdi").exists()
    assert host.steps(state="absent") == []


def test_the_specification_follows_a_new_driver_but_not_one_that_waits(host: FakeHost) -> None:
    host.steps(engines=("podman",))
    host.driver("590.44.01", loaded="580.65.06")
    assert host.steps(engines=("podman",)) == []
    host.driver("590.44.01")
    assert "for driver 590.44.01" in host.steps(engines=("podman",))[0]
    assert "libcuda.so.590.44.01" in (host.root / "etc/cdi/nvidia.yaml").read_text()


def test_a_specification_that_was_there_before_us_is_refreshed_and_stays(host: FakeHost) -> None:
    assert host.steps(state="refreshed", engines=()) == []
    host.write("etc/cdi/nvidia.yaml", "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\nx: /usr/lib64/libcuda.so.550.54.15\n")
    assert "for driver 580.65.06" in host.steps(state="refreshed", engines=())[0]
    assert host.steps(state="refreshed", engines=()) == []
    assert host.steps(engines=("podman",)) == []
    assert host.steps(state="absent") == []
    assert "libcuda.so.580.65.06" in (host.root / "etc/cdi/nvidia.yaml").read_text()


def test_a_daemon_that_does_not_take_its_file_is_an_error(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "_RELOAD_SECONDS", 0.5)
    host.daemon(ServerVersion="29.0.1", Runtimes={"runc": {}})
    outcome = host.run()
    assert outcome.error is not None and outcome.error.code == "docker_not_reloaded" and outcome.changed
    # What it held before is known all the same.
    note = json.loads((host.root / "var/lib/gpufleet-mlstack/container-toolkit.json").read_text())
    assert note["before"] == {"/etc/docker/daemon.json": None}


@pytest.mark.parametrize("words", [{"status": 500}, {"body": "no JSON"}, {"body": "[]"}, {"Runtimes": 3}])
def test_a_daemon_that_says_what_cannot_be_read_is_not_known(host: FakeHost, words: dict[str, Any]) -> None:
    host.daemon(**words)
    found = docker_api.ask(Host(str(host.root)))
    assert found == Docker()
    assert "configure" in [action.verb for action in host.run(check=True).plan.actions]


def test_nobody_at_the_socket_is_no_daemon(host: FakeHost) -> None:
    assert docker_api.ask(Host(str(host.root))) is None
    host.write("run/docker.sock", "")
    assert docker_api.ask(Host(str(host.root))) is None


def test_an_answer_of_docker_is_read() -> None:
    found = docker_api.read(
        {
            "ServerVersion": "25.0.3",
            "Runtimes": {"runc": {}, "nvidia": {}},
            "DefaultRuntime": "runc",
            "ContainersRunning": 1,
            "ContainersPaused": 1,  # counted apart, and ended by a restart just so
            "LiveRestoreEnabled": True,
            "Swarm": {"LocalNodeState": "active"},
            "CgroupDriver": "systemd",
            "CDISpecDirs": None,
            "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
        }
    )
    assert found == Docker("25.0.3", ("nvidia", "runc"), "runc", 2, True, True, "systemd", False, True)


def test_links_and_folders_in_a_files_place_are_not_followed(host: FakeHost) -> None:
    (host.root / "etc/docker").mkdir(parents=True)
    (host.root / "etc/docker/daemon.json").symlink_to("/etc/passwd")
    outcome = host.run()
    assert outcome.error is not None and outcome.error.code == "file_unreadable" and not outcome.changed
    (host.root / "etc/docker/daemon.json").unlink()
    (host.root / "etc/docker/daemon.json").write_bytes(b'{"a": "\xff"}')
    assert observe.configuration(Host(str(host.root)), "/etc/docker/daemon.json") == ConfigFile(
        "/etc/docker/daemon.json", problem="not UTF-8 text"
    )


def test_a_specification_for_the_wrong_driver_never_comes_to_its_place(host: FakeHost) -> None:
    script = host.root / "usr/bin/nvidia-ctk"
    script.write_text(script.read_text().replace('os.readlink(link).rpartition(".so.")[2]', '"535.104.05"'))
    outcome = host.run(engines=("podman",))
    assert outcome.error is not None and outcome.error.code == "specification_wrong"
    assert not (host.root / "etc/cdi/nvidia.yaml").exists()


def test_a_note_that_cannot_be_read_stops_everything(host: FakeHost) -> None:
    host.write("var/lib/gpufleet-mlstack/container-toolkit.json", '{"before": []}')
    outcome = host.run()
    assert outcome.error is not None and outcome.error.code == "note_unreadable"


def test_surroundings_are_read(host: FakeHost) -> None:
    host.write("sys/fs/selinux/enforce", "1")
    host.write("sys/fs/selinux/booleans/container_use_devices", "0 1")
    host.write("sys/fs/cgroup/cgroup.controllers", "cpu")
    host.write("etc/nvidia-container-runtime/config.toml", '[x]\nno-cgroups = true\n[y]\nmode = "legacy"\n')
    host.write("dev/nvidia-uvm", "")
    told = {check["code"]: check["ok"] for check in host.run(check=True).details["checks"]}
    assert told["selinux"] is False and told["no_cgroups"] is False and told["rootless_devices"] is True
    assert told["toolkit_version"] is True and told["podman_cdi"] is True and told["docker_runtime"] is None


def test_a_toolkit_that_does_not_start_is_there_and_not_known(host: FakeHost) -> None:
    host.write("usr/bin/nvidia-ctk", "#!/bin/sh\nexit 3\n")
    details = host.run(check=True).details
    assert details["toolkit"] == "unknown"
    assert {check["code"]: check["ok"] for check in details["checks"]}["toolkit_version"] is None


def test_auto_takes_the_engines_that_are_there(host: FakeHost) -> None:
    assert host.run(check=True, engines=("auto",)).details["engines"] == ["docker", "podman"]
    outcome = host.run(check=True, engines=("auto", "crio"))
    assert outcome.error is not None and outcome.error.code == "engine_missing"
