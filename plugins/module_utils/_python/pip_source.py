# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a pip can be had on a machine that may have nothing but Python.

Debian and Ubuntu ship Python without pip and without C(ensurepip); Enterprise Linux hides pip's wheel in a folder of
its own. Every way below ends in a program that I(any) interpreter can run, so one pip serves all environments and
none needs a pip of its own (C(python -m venv --without-pip) is enough).

This file imports nothing but the standard library: C(./converge) loads it by its path, before Ansible is there.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import typing as t
from dataclasses import dataclass, field

# PEP 600 wheels (manylinux_2_28 and the like), which the pins of today need, are known from this release on.
OLDEST_PIP = (20, 3)
# pip/__pip-runner__.py, which runs a pip under a foreign interpreter, is there from 22.3 on.
_HAS_RUNNER = (22, 3)

WHEEL_FOLDERS = ("/usr/share/python-wheels", "/usr/share/python3-wheels")

_PROBE = """
import importlib.util, json, os, sys
sys.path[:] = [p for p in sys.path if p]
pip = importlib.util.find_spec("pip")
folders = []
try:
    import ensurepip
    folders.append(os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))
    folders.append(getattr(ensurepip, "_WHEEL_PKG_DIR", None))
except ImportError:
    pass
print(json.dumps({"version": "%d.%d" % sys.version_info[:2],
                  "pip": os.path.dirname(pip.origin) if pip and pip.origin else None,
                  "folders": [str(f) for f in folders if f]}))
"""

RunResult = tuple[int, str, str]


class Run(t.Protocol):
    """Runs a program to its end: (status, stdout, stderr). A program that cannot be started gives status 127."""

    def __call__(self, argv: list[str], env: dict[str, str], timeout: float) -> RunResult: ...


class PipNotFound(Exception):
    """No way to a pip on this machine; says what was wanted, what was found on each way, and what to do."""

    def __init__(self, wanted: str, found: str, to_fix: str) -> None:
        self.wanted = wanted
        self.found = found
        self.to_fix = to_fix
        super().__init__(f"Wanted: {wanted}. Found: {found}. To fix: {to_fix}.")


@dataclass(frozen=True)
class PipSource:
    """A pip that works.

    C(argv) starts it under the interpreter it was looked for with; append pip's own arguments. C(env) is to be added
    to the environment of that run. C(origin) says in words where it was found.
    """

    argv: list[str]
    env: dict[str, str]
    version: str
    origin: str

    def argv_for(self, python: str) -> list[str]:
        """The same pip started under another interpreter, that of a fresh environment for example."""
        return [python, *self.argv[1:]]


@dataclass
class _Search:
    python: str
    state_dir: str
    run: Run
    allow_root_install: bool
    missed: list[str] = field(default_factory=list)
    distrust: t.Callable[[str], str] = lambda path: ""


def run_program(argv: list[str], env: dict[str, str], timeout: float) -> RunResult:
    """The plain Run: this process's environment plus C(env), no standard input."""
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except OSError as exc:
        return 127, "", f"{argv[0]}: {exc.strerror or exc}"
    except subprocess.TimeoutExpired:
        return 124, "", f"{argv[0]} was still running after {timeout:g} s"
    return done.returncode, done.stdout, done.stderr


def find_pip(
    python: str,
    state_dir: str,
    allow_root_install: bool = False,
    run: Run = run_program,
    distrust: t.Callable[[str], str] = lambda path: "",
) -> PipSource:
    """Find a pip that C(python) can run, the least intrusive way first.

    1. the pip that C(python) itself has, 2. a wheel that C(ensurepip) or the operating system brings, or that an
    earlier call left in C(state_dir), 3. as root and only if C(allow_root_install): the package of the operating
    system, 4. the same package, downloaded and unpacked in C(state_dir), which takes no privilege.
    What is kept goes to C(state_dir), created when needed. C(distrust) says why nothing may be run from a path, empty
    where it may. Raises PipNotFound.
    """
    search = _Search(python, os.path.abspath(state_dir), run, allow_root_install, distrust=distrust)
    rc, out, err = run([python, "-c", _PROBE], {}, 60)
    if rc != 0:
        raise PipNotFound(
            f"a pip for {python}",
            f"{python} does not run ({_last_line(err)})",
            "name an interpreter of Python 3.9 or later that runs on this machine",
        )
    probe = json.loads(out)
    for way in (_own_pip, _lying_wheel, _installed_package, _unpacked_package):
        source = way(search, probe)
        if source is not None:
            return source
    raise PipNotFound(
        f"a pip for {python}",
        "; ".join(search.missed),
        "as root, install the package python3-pip (Enterprise Linux) or python3-pip-whl (Debian, Ubuntu), "
        f"or put a wheel of pip into {os.path.join(search.state_dir, 'wheels')}",
    )


def _own_pip(search: _Search, probe: dict[str, t.Any]) -> PipSource | None:
    folder = probe["pip"]
    if not folder:
        search.missed.append(f"{search.python} has no pip of its own")
        return None
    if search.distrust(folder):
        search.missed.append(search.distrust(folder))
        return None
    version = _version_of_package(folder)
    if parse_version(version) < OLDEST_PIP:
        search.missed.append(f"the pip {version or 'of unknown version'} in {folder} is older than 20.3")
        return None
    program = os.path.join(folder, "__pip-runner__.py")
    if parse_version(version) < _HAS_RUNNER or not os.path.exists(program):
        # Run from where it lies it would take its neighbours in site-packages for installed in every environment.
        program = _copied_package(folder, search.state_dir, version)
    return _working(search, program, version, f"the pip of {search.python}")


def _lying_wheel(search: _Search, probe: dict[str, t.Any]) -> PipSource | None:
    folders = [*probe["folders"], *WHEEL_FOLDERS, os.path.join(search.state_dir, "wheels")]
    wheels = pip_wheels(folders)
    if not wheels:
        search.missed.append("no wheel of pip in " + ", ".join(dict.fromkeys(folders)))
    for version, wheel in wheels:
        source = _working(search, os.path.join(wheel, "pip"), version, f"the wheel {wheel}")
        if source is not None:
            return source
    return None


def _installed_package(search: _Search, probe: dict[str, t.Any]) -> PipSource | None:
    if not search.allow_root_install or os.geteuid() != 0:
        search.missed.append("not root, or not allowed to install packages")
        return None
    if shutil.which("apt-get"):
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        get = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
        install = [*get, "install", "--yes", "--no-install-recommends", "python3-pip-whl", "ca-certificates"]
        rc, _out, err = search.run(install, env, 600)
        if rc != 0:  # a fresh image has no package lists yet
            search.run([*get, "update"], env, 600)
            rc, _out, err = search.run(install, env, 600)
    elif shutil.which("dnf"):
        for package in (f"python{probe['version']}-pip", "python3-pip"):
            rc, _out, err = search.run(["dnf", "--assumeyes", "--quiet", "install", package], {}, 900)
            if rc == 0:
                break
    else:
        search.missed.append("neither apt-get nor dnf to install pip with")
        return None
    if rc != 0:
        search.missed.append(f"the package manager could not install pip ({_last_line(err)})")
        return None
    again = _Search(search.python, search.state_dir, search.run, False, distrust=search.distrust)
    _rc, out, _err = search.run([search.python, "-c", _PROBE], {}, 60)
    fresh = json.loads(out)
    source = _own_pip(again, fresh) or _lying_wheel(again, fresh)
    if source is None:
        search.missed.append(f"the package installed, yet {again.missed[-1]}")
    return source


def _unpacked_package(search: _Search, probe: dict[str, t.Any]) -> PipSource | None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        search.missed.append("no apt-get and dpkg-deb to download and unpack pip with")
        return None
    base = os.path.join(search.state_dir, "apt")
    for folder in ("state/lists/partial", "cache/archives/partial", "root"):
        os.makedirs(os.path.join(base, folder), exist_ok=True)
    get = [
        *("apt-get", "-qq", "-o", f"Dir::State={base}/state", "-o", f"Dir::Cache={base}/cache"),
        # Root would drop to a user who cannot write here.
        *("-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=1"),
    ]
    # "download" writes into the working folder.
    fetch = ["sh", "-c", 'cd "$0" && exec "$@"', f"{base}/root", *get, "download", "python3-pip-whl"]
    try:
        for step in ([*get, "update"], fetch):
            rc, _out, err = search.run(step, {}, 600)
            if rc != 0:
                search.missed.append(f"apt-get could not download python3-pip-whl ({_last_line(err)})")
                return None
        for package in glob.glob(f"{base}/root/python3-pip-whl_*.deb"):
            search.run(["dpkg-deb", "-x", package, f"{base}/root"], {}, 120)
        found = pip_wheels([base + "/root" + folder for folder in WHEEL_FOLDERS])
        if not found:
            search.missed.append("the package python3-pip-whl held no wheel of pip")
            return None
        wheel = _kept_wheel(found[0][1], search.state_dir)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return _working(search, os.path.join(wheel, "pip"), found[0][0], f"the package python3-pip-whl, kept in {wheel}")


def _working(search: _Search, program: str, version: str, origin: str) -> PipSource | None:
    """The source, if this pip really runs here: C(install --help) imports all that an installation will."""
    env = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    # A wheel is a file, and what lies in it no path.
    reason = search.distrust(os.path.dirname(program) if os.path.dirname(program).endswith(".whl") else program)
    if reason:
        search.missed.append(reason)
        return None
    rc, _out, err = search.run([search.python, program, "install", "--help"], env, 120)
    if rc != 0:
        search.missed.append(f"{origin} does not run ({_last_line(err)})")
        return None
    return PipSource(argv=[search.python, program], env=env, version=version, origin=origin)


def pip_wheels(folders: t.Iterable[str]) -> list[tuple[str, str]]:
    """(version, path) of the wheels of pip in these folders that are new enough, the newest first."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in glob.glob(os.path.join(glob.escape(folder), "pip-*.whl")):
            version = os.path.basename(path).split("-")[1]
            if parse_version(version) >= OLDEST_PIP:
                found.setdefault(version, path)
    return sorted(found.items(), key=lambda item: parse_version(item[0]), reverse=True)


def parse_version(text: str) -> tuple[int, ...]:
    """The leading numbers of a pip version: C(23.0.1+dfsg) is (23, 0, 1), nothing is ()."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def _version_of_package(folder: str) -> str:
    try:
        with open(os.path.join(folder, "__init__.py"), encoding="utf-8") as stream:
            match = re.search(r"""^__version__\s*=\s*["']([^"']+)["']""", stream.read(), re.MULTILINE)
    except OSError:
        return ""
    return match.group(1) if match else ""


def _copied_package(folder: str, state_dir: str, version: str) -> str:
    """A copy of the package alone in a folder; whoever is first leaves it there, complete or not at all."""
    target = os.path.join(state_dir, f"pip-{version}")
    if not os.path.isdir(target):
        building = f"{target}.{os.getpid()}"
        shutil.rmtree(building, ignore_errors=True)
        shutil.copytree(folder, os.path.join(building, "pip"), ignore=shutil.ignore_patterns("__pycache__"))
        with contextlib.suppress(OSError):
            os.rename(building, target)
        shutil.rmtree(building, ignore_errors=True)
    return os.path.join(target, "pip")


def _kept_wheel(wheel: str, state_dir: str) -> str:
    target = os.path.join(state_dir, "wheels", os.path.basename(wheel))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(wheel, f"{target}.{os.getpid()}")
    os.replace(f"{target}.{os.getpid()}", target)
    return target


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
