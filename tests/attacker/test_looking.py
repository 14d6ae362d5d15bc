# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user lays traps in a home folder; root looks at it by the modules that only look; then nothing of the user's has
run, nothing waits, and nothing is told that the user could not have read."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner

USER = 64712
SECRET = "Classified-7c1e"
LIMIT_S = 60
MOST_KB = 300_000


class Home:
    """The folder of a user. Everything put there belongs to that user once give() was called."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.path = place / "home"
        self.path.mkdir()
        self.proof = place / "proof"
        self.secret = place / "secret"
        self.secret.mkdir(mode=0o700)
        (self.secret / "note").write_text(f"Name: note\nVersion: 1.0\nLicense: {SECRET}\n")
        (self.secret / "note").chmod(0o600)

    def venv(self, name: str = "v", *settings: str) -> Path:
        """A virtual environment with a sound package, whose Python is a trap; returns its site-packages."""
        path = self.path / name
        site = path / "lib" / "python3.11" / "site-packages"
        site.mkdir(parents=True)
        (path / "bin").mkdir()
        for program in ("python", "python3"):
            (path / "bin" / program).write_text(f"#!/bin/sh\nid -u >{self.proof}\n")
            (path / "bin" / program).chmod(0o755)
        lines = ["home = /usr/bin", "version = 3.11.4", *settings]
        (path / "pyvenv.cfg").write_text("\n".join(lines) + "\n")
        install(site, "sound", "1.0")
        return site

    def give(self) -> None:
        subprocess.run(["chown", "-Rh", f"{USER}:{USER}", self.path], check=True)
        os.chown(self.secret / "note", 0, 0)  # a hard link to it lies there


def install(site: Path, name: str, version: str) -> Path:
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return folder


@pytest.fixture
def home() -> Iterator[Home]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to be attacked")
    place = Path(tempfile.mkdtemp(prefix="mlstack-looked-at-", dir="/var/tmp"))
    place.chmod(0o755)
    yield Home(place)
    subprocess.run(["rm", "-rf", place], check=True)  # unlike Python's own, it gets to the end of a deep tree


def look(home: Home, module: str, arguments: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Root runs the module: in time, in bounded memory, without starting a trap, and without telling the secret."""
    home.give()
    started = time.monotonic()
    process = module_runner.start(module, arguments, **options)
    ran = module_runner.finish(process, LIMIT_S)
    assert time.monotonic() - started < LIMIT_S
    assert not home.proof.exists(), f"a program of the user ran as user {home.proof.read_text()}"
    assert SECRET not in ran.out + ran.err
    assert "Traceback" not in ran.out + ran.err, ran.err
    assert ran.result, ran.err
    return ran.result


def audited(home: Home, **arguments: Any) -> tuple[dict[str, str], str]:
    """Packages of all that an audit of the home finds, and the problems as one text."""
    result = look(home, "dep_audit", {"paths": [], "search": [str(home.path)], **arguments})
    packages, words = {}, []
    for item in result["inventory"]:
        packages.update({found["name"]: found["version"] for found in item.get("packages", ())})
        words += [problem["text"] for problem in item.get("problems", ())] + [item.get("failed", "")]
    return packages, "\n".join(words)


def told(home: Home, module: str, **arguments: Any) -> dict[str, Any]:
    """What python_env_info or conda_env_info tell of the user's environment v."""
    root = {"root": str(home.place / "none"), "paths": [str(home.path / "v")]}
    (found,) = look(home, module, {**root, **arguments})["environments"]
    return dict(found)


@pytest.mark.parametrize("settings", [(), ("include-system-site-packages = true",)])
def test_no_python_of_the_user_runs(home: Home, settings: tuple[str, ...]) -> None:
    home.venv("v", *settings)
    packages, _problems = audited(home)
    assert packages["sound"] == "1.0"
    packages, _problems = audited(
        home, search=[], paths=[str(home.path / "v"), str(home.path / "v" / "bin" / "python")]
    )
    assert packages["sound"] == "1.0"
    found = told(home, "python_env_info", tree=True, outdated=True)
    assert [item["name"] for item in found["packages"]] == ["sound"]
    assert found["python"]["version"] == "3.11.4"


def test_a_prefix_that_is_no_environment_is_not_run_either(home: Home) -> None:
    home.venv()
    (home.path / "v" / "pyvenv.cfg").unlink()
    packages, _problems = audited(home, search=[], paths=[str(home.path / "v")])
    assert packages == {"sound": "1.0"}


@pytest.mark.parametrize("base", ["secret", "home/other"])
def test_the_base_of_an_environment_is_looked_at_only_where_root_and_the_user_may(home: Home, base: str) -> None:
    folder = home.place / base
    site = folder / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    install(site, "hidden", "1.0")
    home.venv("v", f"home = {folder}/bin", "include-system-site-packages = true")
    config = home.path / "v" / "pyvenv.cfg"
    config.write_text(config.read_text().replace("home = /usr/bin\n", ""))
    packages, problems = audited(home)
    assert packages == {"sound": "1.0"}
    assert "not looked at" in problems


@pytest.mark.parametrize("file", ["METADATA", "INSTALLER", "direct_url.json", "pyvenv.cfg", "x.egg-link", "x.pth"])
@pytest.mark.parametrize("trap", ["fifo", "socket", "link", "hard link", "sparse", "loop"])
def test_a_file_that_is_a_trap(home: Home, file: str, trap: str) -> None:
    site = home.venv()
    info = install(site, "bad", "2.0")
    path = {"pyvenv.cfg": home.path / "v" / file}.get(file) or (site if "x." in file else info) / file
    lay(home, path, trap)
    packages, problems = audited(home)
    assert packages["sound"] == "1.0"
    assert packages["bad"] == "2.0", "its folder's name tells what it is"
    assert problems, "it is not passed over in silence"
    told(home, "python_env_info")


def lay(home: Home, path: Path, trap: str) -> None:
    path.unlink(missing_ok=True)
    if trap == "fifo":
        os.mkfifo(path)
    elif trap == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif trap == "link":
        path.symlink_to(home.secret / "note")
    elif trap == "loop":
        path.symlink_to(path.name)
    elif trap == "hard link":  # as where fs.protected_hardlinks is 0
        os.link(home.secret / "note", path)
    else:
        with open(path, "wb") as stream:
            stream.truncate(200 << 20)


@pytest.mark.parametrize("trap", ["dist-info", "site-packages", "lib", "conda-meta"])
def test_a_folder_that_is_a_link(home: Home, trap: str) -> None:
    site = home.venv()
    inside = home.secret / "inside"
    (inside / "python3.11" / "site-packages").mkdir(parents=True)
    for place in (inside, inside / "python3.11" / "site-packages"):
        install(place, "classified", "1.0")
    (inside / "METADATA").write_text("Name: classified\nVersion: 1.0\n")
    (inside / "history").touch()
    if trap == "dist-info":
        (site / "linked-3.0.dist-info").symlink_to(inside)
    elif trap == "conda-meta":
        (home.path / "v" / "conda-meta").symlink_to(inside)
    else:
        path = {"site-packages": site, "lib": home.path / "v" / "lib"}[trap]
        shutil.rmtree(path)
        path.symlink_to(inside)
    packages, problems = audited(home)
    assert "classified" not in packages
    assert trap == "conda-meta" or "link" in problems
    if trap == "dist-info":
        assert packages["linked"] == "3.0"
    for module in ("python_env_info", "conda_env_info"):
        assert "classified" not in json.dumps(told(home, module))


def test_pth_and_egg_link_do_not_lead_where_the_user_may_not_go(home: Home) -> None:
    site = home.venv()
    sources = home.secret / "sources"
    sources.mkdir()
    install(sources, "classified", "1.0")
    (sources / "x.egg-info").mkdir()
    (sources / "x.egg-info" / "PKG-INFO").write_text("Name: x\nVersion: 9.9\n")
    (site / "x.egg-link").write_text(f"{sources}\n.")
    (site / "more.pth").write_text(
        f"{sources}\nimport os; os.system('id -u >{home.proof}')\n/proc/1/root\n/dev/stdin\n"
    )
    packages, problems = audited(home)
    assert packages == {"sound": "1.0"}
    assert "x.egg-link: it leads to" in problems and "more.pth: it leads to" in problems


def test_a_tree_without_end(home: Home) -> None:
    """100,000 entries beside each other, thousands below each other, loops of links, and what cannot be looked into."""
    site = home.venv()
    for number in range(100_000):
        os.symlink("nothing", site / f"entry-{number}")
    handle = os.open(home.path, os.O_RDONLY)
    try:
        for _level in range(3000):
            os.mkdir("d", dir_fd=handle)
            below = os.open("d", os.O_RDONLY, dir_fd=handle)
            os.close(handle)
            handle = below
    finally:
        os.close(handle)
    (home.path / "loop").symlink_to(".")
    os.mkfifo(home.path / "pipe")
    os.mkfifo(home.path / "v" / "conda-meta")
    packages, _problems = audited(home)
    assert packages == {"sound": "1.0"}
    (home.path / "d").rename(home.path / "v" / "d")
    found = told(home, "python_env_info")
    assert found["size"] > 0


@pytest.mark.parametrize("trap", ["fifo", "link", "sparse", "nested"])
def test_a_conda_prefix_of_traps(home: Home, trap: str) -> None:
    home.venv()
    meta = home.path / "v" / "conda-meta"
    meta.mkdir()
    (meta / "history").touch()
    record = {"name": "zlib", "version": "1.3", "build": "h0_0", "build_number": 0, "depends": ["", 3, "python"]}
    record["extracted_package_dir"] = "/proc/sys"
    (meta / "zlib-1.3-h0_0.json").write_text(json.dumps(record))
    for name in ("six-1.0-h0_0.json", "history", "state"):
        if trap == "nested":
            (meta / name).write_text("[" * 2_000_000)
        else:
            lay(home, meta / name, trap)
    packages, problems = audited(home)
    assert packages == {"sound": "1.0", "zlib": "1.3"}
    assert "six-1.0-h0_0.json" in problems
    exports = {"exports": ["environment", "history"], "history": True, "verify_files": True, "cache": True}
    found = told(home, "conda_env_info", **exports)
    assert [item["name"] for item in found["packages"]] == ["zlib"]


def test_files_that_are_compared_are_no_traps(home: Home) -> None:
    home.venv()
    prefix = home.path / "v"
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta" / "history").touch()
    os.mkfifo(prefix / "pipe")
    (prefix / "link").symlink_to(home.secret / "note")
    paths = [{"_path": name, "path_type": "hardlink", "sha256": "0" * 64} for name in ("pipe", "link", "bin/python")]
    record = {"name": "zlib", "version": "1.3", "build": "h0_0", "paths_data": {"paths": paths}}
    (prefix / "conda-meta" / "zlib-1.3-h0_0.json").write_text(json.dumps(record))
    found = told(home, "conda_env_info", verify_files=True)
    assert {"pipe", "link"} <= set(found["files"]["changed"])


def test_frameworks_of_a_user_run_as_that_user(home: Home) -> None:
    home.venv()
    for program in ("python", "python3"):
        (home.path / "v" / "bin" / program).write_text(f"#!/bin/sh\nid -u >{home.path}/ran\nenv >{home.path}/env\n")
    arguments = {"paths": [str(home.path / "v")], "frameworks": ["torch"]}
    result = look(home, "framework_info", arguments, env={"A_TOKEN": SECRET})
    assert not result["frameworks"][0]["works"]
    assert (home.path / "ran").read_text().strip() == str(USER)
    assert SECRET not in (home.path / "env").read_text()


@pytest.mark.parametrize("way", ["waits", "prints"])
def test_frameworks_of_a_user_have_limits(home: Home, way: str) -> None:
    home.venv()
    script = {"waits": "(setsid sleep 30 &)\nsleep 1000", "prints": "exec cat /dev/zero"}[way]
    (home.path / "v" / "bin" / "python").write_text(f"#!/bin/sh\n{script}\n")
    arguments = {"paths": [str(home.path / "v")], "frameworks": ["torch"], "timeout": 3}
    result = look(home, "framework_info", arguments)
    assert not result["frameworks"][0]["works"] and result["frameworks"][0]["error"]


def test_frameworks_in_a_folder_that_others_may_change_are_not_run(home: Home) -> None:
    """Root's own environment, whose folder everybody may write to: nobody knows whose program it is."""
    home.venv()
    home.give()
    for path in (home.path, *home.path.rglob("*")):
        os.chown(path, 0, 0)
    (home.path / "v" / "bin").chmod(0o777)
    arguments = {"paths": [str(home.path / "v")], "frameworks": ["torch"]}
    ran = module_runner.finish(module_runner.start("framework_info", arguments), LIMIT_S)
    assert not home.proof.exists()
    assert "others may change" in ran.result["frameworks"][0]["error"]


def test_the_memory_that_looking_takes_is_bounded() -> None:
    """Last in this file: the most that any module took above, of traps of 200 MB."""
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MOST_KB
