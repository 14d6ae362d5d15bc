# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A password in an index URL opens the index and is seen nowhere else."""

from __future__ import annotations

import base64
import glob
import os
import socket
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.gpufleet.mlstack.tests.bed import distributions
from ansible_collections.gpufleet.mlstack.tests.bed.git_server import GitServer
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site

PASSWORD = "hunter2-opens-the-index"


@pytest.fixture
def guarded(packages: Path) -> Iterator[PythonIndex]:
    with PythonIndex(packages, credentials=f"operator:{PASSWORD}") as index:
        index.delay_s = 0.3  # long enough for a look at what runs
        yield index


@contextmanager
def watched_processes() -> Iterator[list[str]]:
    """Every command line that some process had while this was open."""
    seen: set[str] = set()
    told: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                try:
                    seen.add(Path(path).read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join()
        told.extend(seen)


@contextmanager
def watched_system_log() -> Iterator[list[str]]:
    """What is sent to /dev/log meanwhile; this machine must have no log of its own there."""
    path = Path("/dev/log")
    if path.exists() or os.geteuid() != 0:
        pytest.skip("/dev/log has a reader here already, or is not ours to make")
    lines: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(path))
        log.settimeout(0.2)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    lines.append(log.recv(1 << 20).decode(errors="replace"))
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield lines
        finally:
            over.set()
            thread.join()
            path.unlink()


def files_with(secret: str, folder: Path) -> list[str]:
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and secret.encode() in path.read_bytes():
            found.append(str(path))
    return found


def test_credentials_of_the_argument_are_seen_nowhere(site_of_engine: Site, guarded: PythonIndex) -> None:
    site = site_of_engine
    url = guarded.url_with_credentials
    with watched_processes() as commands:
        ran = site.apply({"packages": ["alpha==1.0"]}, index_url=url, diff=True)
        foretold = site.apply({"packages": ["alpha==2.0"]}, index_url=url, check=True, diff=True)
        guarded.fault = lambda path: 500 if path.startswith("/files/") else None
        failed = site.run({"packages": ["gamma==1.0"]}, index_url=url, no_cache=True)
        guarded.fault = lambda path: 403
        refused = site.run({"packages": ["gamma==1.0"]}, index_url=url, no_cache=True)
    assert failed.result["failed"] and refused.result["failed"]
    assert any("requirements.txt" in line for line in commands), "the engine was not seen at all"
    assert not [line for line in commands if PASSWORD in line]
    for each in (ran, foretold, failed, refused):
        assert PASSWORD not in each.out and PASSWORD not in each.err
    assert files_with(PASSWORD, site.folder) == []
    assert not [path for path in glob.glob("/tmp/mlstack-*") if files_with(PASSWORD, Path(path))]
    assert site.installed() == {"alpha": "1.0", "beta": "1.1"}


def test_credentials_of_requirement_files_and_variables_are_seen_nowhere(site: Site, guarded: PythonIndex) -> None:

    url = guarded.url.replace("://", "://operator:${TOKEN}@")
    plain = f"--index-url {guarded.url_with_credentials}\nalpha==1.0\n"
    with watched_system_log() as log, watched_processes() as commands:
        path = site.folder / "from-host.txt"
        path.write_text(f"--index-url {url}\nalpha==1.0\n")
        desired = {"requirements": [str(path)], "remote_src": True}
        first = site.apply(desired, index_url=None, env={"TOKEN": PASSWORD})
        path.unlink()
        # As the action plugin hands over a file of the controller.
        content = base64.b64encode(zlib.compress(plain.encode())).decode()
        second = site.apply(
            {"requirements": ["/controller/prod.txt"], "reinstall": True},
            index_url=None,
            requirement_files={"/controller/prod.txt": content},
        )
        third = site.run(
            {"requirements": ["/controller/prod.txt"], "packages": ["absent-here==1.0"]},
            index_url=None,
            requirement_files={"/controller/prod.txt": content},
        )
    assert third.result["failed"]
    assert any("Invoked with" in line for line in log)
    for each in (first, second, third):
        assert PASSWORD not in each.out + each.err and content not in each.out + each.err
    assert not [line for line in log if PASSWORD in line or content[:60] in line]
    assert not [line for line in commands if PASSWORD in line]
    assert files_with(PASSWORD, site.folder) == []


def test_a_wrong_password_is_told_without_the_password(site_of_engine: Site, guarded: PythonIndex) -> None:
    url = guarded.url.replace("://", "://operator:not-the-right-one@")
    ran = site_of_engine.refuse("index_refused", {"packages": ["alpha==1.0"]}, index_url=url)
    assert "not-the-right-one" not in ran.out + ran.err
    assert "password" in ran.result["msg"] or "credentials" in ran.result["msg"]


def test_a_lock_holds_no_credentials(site: Site, guarded: PythonIndex) -> None:
    lock = site.folder / "prod.lock"
    desired = {"state": "locked", "packages": ["alpha>=1"], "lock_to": str(lock)}
    ran = site.apply(desired, index_url=guarded.url_with_credentials)
    assert "alpha==2.0" in lock.read_text()
    assert PASSWORD not in lock.read_text() + ran.out


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    """A bare git repository of a package, its folder, and the commit."""
    work = tmp_path / "work"
    work.mkdir()
    distributions.source_tree(distributions.sdist(tmp_path, "fromgit", "1.0"), work)
    author = {f"GIT_{who}_{what}": "bed@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, **author, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*words: object) -> str:
        return subprocess.run(["git", *words], cwd=work, env=env, check=True, capture_output=True, text=True).stdout

    git("init", "--quiet", "--initial-branch=main")
    git("add", "--all")
    git("commit", "--quiet", "--message", "1.0")
    git("clone", "--quiet", "--bare", work, tmp_path / "served" / "fromgit.git")
    return tmp_path / "served", git("rev-parse", "HEAD").strip()


def test_credentials_of_a_git_url_are_seen_nowhere(site_of_engine: Site, repository: tuple[Path, str]) -> None:
    site = site_of_engine
    folder, commit = repository
    with GitServer(folder, f"operator:{PASSWORD}") as server, watched_processes() as commands:
        place = f"{server.place}/fromgit.git"
        desired = {"packages": [f"fromgit @ git+http://operator:{PASSWORD}@{place}@{commit}"]}
        foretold = site.apply(desired, check=True)
        done = site.apply(desired)
        wrong = {"name": "wrong", "packages": [f"fromgit @ git+http://operator:{PASSWORD}x@{place}@{commit}"]}
        failed = site.run(wrong, no_cache=True)
    assert failed.result["failed"]
    assert foretold.one["added"] == done.one["added"] == {"fromgit": "1.0"}
    assert done.one["freeze"] == [f"fromgit @ git+http://{place}@{commit}"]
    assert [line for line in commands if "git" in line and server.place in line], "git was not seen at all"
    assert not [line for line in commands if PASSWORD in line]
    for each in (foretold, done, failed):
        assert PASSWORD not in each.out + each.err
    assert files_with(PASSWORD, site.root) + files_with(PASSWORD, site.home) == []
