# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine as the tests need it: packages of the operating system, and a docker engine while they run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
import typing as t

from testing.programs import Programs

_START_TIMEOUT_S = 90

# The programs of the test bed and the Debian packages that bring them.
BED_PROGRAMS = {
    "docker": "docker.io",
    "dockerd": "docker.io",
    "mmdebstrap": "mmdebstrap",
    "rpm": "rpm",
    "createrepo_c": "createrepo-c",
    "gpg": "gnupg",
    "openssl": "openssl",
    "ssh": "openssh-client",
    "podman": "podman",
    "buildah": "buildah",
    "docker-registry": "docker-registry",
}

# A page is looked at in a browser, and on the paper that the browser makes of it.
BROWSER_PROGRAMS = {
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "pdftotext": "poppler-utils",
}


class Machine:
    """Installs what is missing, and stops in the end what it started. Layers may ask at the same time."""

    def __init__(self, say: t.Callable[[str], None]) -> None:
        self.say = say
        self.programs = Programs()
        self._one_at_a_time = threading.RLock()
        self._engine: subprocess.Popen[bytes] | None = None
        self._updated = False
        self._at_end: list[t.Callable[[], object]] = []

    def at_end(self, action: t.Callable[[], object]) -> None:
        """Have something done when all layers have run, while the docker engine is still there."""
        self._at_end.append(action)

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.programs = Programs()  # the old ones run nothing more after an interrupt
        for action in reversed(self._at_end):
            action()
        if self._engine is not None:
            self.say("stopping the docker engine that was started for the tests")
            self._engine.send_signal(signal.SIGTERM)
            try:
                self._engine.wait(60)
            except subprocess.TimeoutExpired:
                self._engine.kill()
                self._engine.wait()

    def lacks(self, programs: dict[str, str], log: str) -> str:
        """Install the packages of programs that are missing; returns why that cannot be, or nothing."""
        with self._one_at_a_time:
            return self._lacks(programs, log)

    def _lacks(self, programs: dict[str, str], log: str) -> str:
        packages = sorted({package for program, package in programs.items() if not _where(program)})
        if not packages:
            return ""
        if os.geteuid() != 0:
            return f"{', '.join(packages)} not installed, and only root can install packages"
        if not shutil.which("apt-get"):
            return f"{', '.join(packages)} not installed, and there is no apt-get to install them with"
        self.say(f"installing {', '.join(packages)}")
        with open(log, "a", encoding="utf-8") as stream:
            if not self._updated:
                _apt(["update"], stream)
                self._updated = True
            if _apt(["install", "--yes", "--no-install-recommends", *packages], stream) != 0:
                return f"apt-get could not install {', '.join(packages)}; see {log}"
        missing = [program for program in programs if not _where(program)]
        return f"{', '.join(missing)} still missing" if missing else ""

    def without_engine(self, folder: str) -> str:
        """See that a docker engine answers, starting one if need be; returns why that cannot be, or nothing."""
        with self._one_at_a_time:
            return self._without_engine(folder)

    def _without_engine(self, folder: str) -> str:
        if _engine_answers():
            return ""
        if os.geteuid() != 0:
            return "no docker engine answers, and only root can start one"
        log = os.path.join(folder, "dockerd.log")
        self.say(f"starting a docker engine (log: {log})")
        with open(log, "wb") as stream:
            # A session of its own: an interrupt at the keyboard must not end it before the containers are gone.
            self._engine = subprocess.Popen(
                [_where("dockerd") or "dockerd", "--storage-driver", "overlay2"],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if _engine_answers():
                return ""
            if self._engine.poll() is not None:
                self._engine = None
                return f"dockerd ended at once: {_last_line(log)}"
            time.sleep(0.5)
        return f"dockerd did not answer within {_START_TIMEOUT_S} s: {_last_line(log)}"


def _where(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")


def _apt(arguments: list[str], log: t.TextIO) -> int:
    argv = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    log.write(f"\n$ {' '.join(argv)}\n")
    log.flush()
    return subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
    ).returncode


def _engine_answers() -> bool:
    try:
        return (
            subprocess.run(
                ["docker", "info"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=30,
                check=False,
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _last_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:
        lines = [line.strip() for line in stream if line.strip()]
    return lines[-1] if lines else "it printed nothing"
