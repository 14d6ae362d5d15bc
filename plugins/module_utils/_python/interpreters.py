# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python an environment gets: a path, a version on the host, a managed one, or the one that the pins fit."""

from __future__ import annotations

import glob
import os
import re
import sys
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Engine, Request
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import PROBE
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.probe import described

# Asked for wheels, newest first, when the host's own Python has none for a pin. Managed builds exist for all of them.
MINORS = ("3.14", "3.13", "3.12", "3.11", "3.10", "3.9")
_VERSION = re.compile(r"3\.\d+(\.\d+)?\Z")
# Where a Python can lie that is not on a service's PATH: distribution, local builds, and vendors' prefixes.
_FOLDERS = ("/usr/bin", "/usr/local/bin", "/opt/python*/bin", "/opt/rh/*/root/usr/bin")


@dataclass(frozen=True)
class Choice:
    """A Python that runs. ``path`` is resolved, so that an environment does not follow when a link moves on.
    ``environment`` holds the values of PEP 508's marker variables; ``origin`` is C(host), C(managed) or C(given)."""

    path: str
    version: str
    environment: t.Mapping[str, str]
    origin: str

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])


class Interpreters:
    """Finds interpreters on one host. ``managed_folders`` are where uv keeps those that it downloads; new ones go into
    the last."""

    def __init__(self, host: Host, commands: Commands, managed_folders: tuple[str, ...]) -> None:
        self._host = host
        self._commands = commands
        self._managed_folders = managed_folders

    def default(self) -> Choice:
        """The system's own Python; where there is none, the one that runs this module."""
        return self.probe(system_python(self._host), "host")

    def probe(self, path: str, origin: str) -> Choice:
        """Ask an interpreter what it is. Raises MlstackError when it does not run or is too old."""
        wanted = f"an environment on the Python {path}"
        trust.require(path, wanted, "name another one with the option python")
        result = self._commands.run([path, "-I", "-c", PROBE], purpose=wanted, timeout=60, check=False)
        if not result.ok:
            raise self._commands.failure(result, wanted, to_fix="name an interpreter that runs on this host")
        facts = described(result.out, path)
        version = facts["environment"]["python_full_version"]
        if tuple(facts["version_info"][:2]) < (3, 9):
            raise MlstackError(
                "python_too_old",
                wanted=wanted,
                found=f"it is Python {version}",
                to_fix="name a Python from 3.9 on with the option python",
            )
        return Choice(os.path.realpath(facts["executable"]), version, facts["environment"], origin)

    def on_host(self, version: str) -> list[str]:
        """Paths of interpreters of this version (3.11, or 3.11.7 exactly), without starting any but to tell patches."""
        minor = ".".join(version.split(".")[:2])
        folders = [*self._host.environ.get("PATH", "").split(":"), *_FOLDERS]
        found = []
        for folder in dict.fromkeys(folders):
            for path in sorted(glob.glob(os.path.join(self._host.path(folder), f"python{minor}"))):
                if os.access(path, os.X_OK) and not _is_shim(path):
                    found.append(path)
        return found

    def named(self, version: str) -> Choice | None:
        """An interpreter of this version that is on the host already."""
        if not _VERSION.match(version):
            raise InvalidArguments(
                "python_invalid",
                wanted=f"an environment on python: {version}",
                found="that is neither an absolute path, nor a version such as 3.11 or 3.11.7, nor 'auto'",
                to_fix="correct the option python",
            )
        if int(version.split(".")[1]) < 9:
            raise InvalidArguments(
                "python_too_old",
                wanted=f"an environment on python: {version}",
                found="environments need Python 3.9 or later",
                to_fix="name a newer version with the option python, in quotes: YAML takes 3.10 for 3.1",
            )
        for path in self.on_host(version):
            try:
                interpreter = self.probe(path, "host")
            except MlstackError:
                continue
            if interpreter.version == version or interpreter.minor == version:
                return interpreter
        return None

    def managed(self, engine: Engine, version: str, downloads: bool, env: t.Mapping[str, str]) -> Choice | None:
        """A Python that uv manages, downloaded if it must and may be. None with an engine that manages none.

        Raises MlstackError when the download fails.
        """
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_uv import UvEngine

        if not isinstance(engine, UvEngine):
            return None
        found = (engine.find_python(version, folder) for folder in self._managed_folders)
        path = next(filter(None, found), None)
        if path is None and downloads:
            folder = self._managed_folders[-1]
            result = engine.install_python(version, folder, env)
            if not result.ok:
                raise self._commands.failure(result, f"a managed Python {version}")
            path = engine.find_python(version, folder)
        return self.probe(path, "managed") if path else None


def system_python(host: Host) -> str:
    """The path of the Python that the distribution brings, whatever a user's PATH puts before it."""
    for path in ("/usr/bin/python3", "/usr/libexec/platform-python", host.which("python3") or ""):
        if path and host.exists(path) and not _is_shim(host.path(path)):
            return path
    return sys.executable


def _is_shim(path: str) -> bool:
    """Whether this is a version manager's script, which may stand for no interpreter at all."""
    try:
        with open(os.path.realpath(path), "rb") as stream:
            return stream.read(2) == b"#!"
    except OSError:
        return True


@dataclass(frozen=True)
class DesiredPython:
    """``python`` is C(auto), a path or a version. ``downloads`` allows uv to fetch a managed Python; ``download_env``
    says from where (mirror and list of builds)."""

    python: str
    downloads: bool
    download_env: t.Mapping[str, str]


def choose(
    desired: DesiredPython, interpreters: Interpreters, engine: Engine, request: Request, scratch: str, title: str
) -> Choice:
    """The interpreter for an environment. Raises MlstackError before anything is built when there is none."""
    if desired.python.startswith("/"):
        return interpreters.probe(desired.python, "given")
    if desired.python != "auto":
        return _of_version(desired, interpreters, engine, desired.python, title)
    default = interpreters.default()
    missing = engine.wheels_missing(default.path, default.minor, request, scratch)
    if not missing:
        return default
    asked = {
        minor: engine.wheels_missing(default.path, minor, request, scratch)
        for minor in MINORS
        if minor != default.minor
    }
    known = {minor: set(names) for minor, names in asked.items() if names is not None}
    # What has a wheel for no Python at all is meant to be built from source, and decides nothing.
    sources = set(missing).intersection(*known.values())
    fitting = [minor for minor, names in known.items() if names == sources and names != set(missing)]
    missing = sorted(set(missing) - sources)
    for minor in fitting:
        interpreter = interpreters.named(minor)
        if interpreter is not None:
            return interpreter
    if not fitting:
        return default
    return _first_managed(desired, interpreters, engine, default, fitting, missing, title)


def _of_version(desired: DesiredPython, interpreters: Interpreters, engine: Engine, version: str, title: str) -> Choice:
    found = interpreters.named(version)
    reason = f"no python{version} on this host"
    if found is None:
        try:
            found = interpreters.managed(engine, version, desired.downloads, desired.download_env)
            reason += ", and uv has no managed one" if desired.downloads else ", and downloads are switched off"
        except MlstackError as exc:
            reason += f", and a managed one could not be downloaded ({exc.found})"
    if found is None:
        raise MlstackError(
            "python_missing",
            wanted=f"{title} on Python {version}",
            found=reason,
            to_fix=how_to_get(version),
        )
    return found


def _first_managed(
    desired: DesiredPython,
    interpreters: Interpreters,
    engine: Engine,
    default: Choice,
    fitting: t.Sequence[str],
    missing: t.Sequence[str],
    title: str,
) -> Choice:
    reason = "downloading a managed one is switched off"
    try:
        found = interpreters.managed(engine, fitting[0], desired.downloads, desired.download_env)
        if found is not None:
            return found
    except MlstackError as exc:
        reason = f"a managed one could not be downloaded ({exc.found})"
    raise MlstackError(
        "python_needed",
        wanted=f"{title} with its pins",
        found=f"this host's Python {default.version} has no wheel for {', '.join(missing)}; "
        f"Python {', '.join(fitting)} would do, none of which is on this host, and {reason}",
        to_fix=how_to_get(fitting[0]),
        pythons_that_fit=list(fitting),
        without_wheel=list(missing),
    )


def how_to_get(version: str) -> str:
    """What an operator can do to have a Python of this version."""
    return (
        f"install python{version} (Enterprise Linux: dnf install python{version}; Debian and Ubuntu: from a repository "
        "that has it), or set python_mirror to a mirror of the managed builds, or name a path with the option python, "
        "or pin versions that have wheels for this host's Python"
    )
