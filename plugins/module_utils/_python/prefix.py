# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the folders of an environment tell of its Python and of where that looks for packages. No program of it runs.

Source: PEP 405 (pyvenv.cfg), Python's documentation of the module site, Debian's Python policy (dist-packages), and
what Fedora and Enterprise Linux add below /usr/local.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder, is_ours
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import Environment

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands

_FOLDER = re.compile(r"python(?P<version>[0-9]+\.[0-9]+)t?")
_FULL = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_MOST_SETTINGS = 64 << 10


@dataclass
class Look:
    """One environment, open to be looked at.

    ``places`` are the folders in which its Python looks for packages, in this order. ``notes`` say what was not looked
    at, and why. ``version`` is as exact as names tell it: 3.11.4, 3.11, or empty.
    """

    tree: Folder
    places: list[Folder] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    version: str = ""
    layered: bool = False  # what the first folder has hides the same in the others

    @property
    def own(self) -> list[Folder]:
        """The places in the environment itself."""
        start = self.tree.path.rstrip("/") + "/"
        return [place for place in self.places if place.path.startswith(start)]

    @property
    def environment(self) -> Environment:
        """The variables of PEP 508's markers, for this machine."""
        full = self.version if _FULL.match(self.version) or not self.version else f"{self.version}.0"
        return {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": "posix",
            "platform_machine": platform.machine(),
            "platform_python_implementation": "CPython",
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": full,
            "python_version": ".".join(self.version.split(".")[:2]),
            "sys_platform": "linux",
        }


@contextlib.contextmanager
def opened(path: str, kind: str, commands: Commands | None = None, *, within: str = "") -> t.Iterator[Look]:
    """Look at a virtual environment or conda prefix, or (C(system)) at the prefix or program of another Python.

    A system's Python that only root and this user can have put there is asked for its version, without its ``site``,
    where ``commands`` are given. From ``within`` on no link leads to ``path``. Raises MlstackError where it cannot be.
    """
    with contextlib.ExitStack() as stack:
        try:
            if kind == "system":
                look = _system(path, commands, stack)
            else:
                look = _environment(Folder.at(path, within=within), stack)
        except OSError as exc:
            raise MlstackError(
                "not_readable",
                wanted=f"look at {path}",
                found=f"{exc.filename or path}: {exc.strerror}",
                to_fix="become a user who may look into it, or leave it out",
            ) from exc
        yield look


def settings(tree: Folder) -> dict[str, str]:
    """pyvenv.cfg, with its keys in lower case; empty where there is none. Raises OSError."""
    try:
        lines = tree.text("pyvenv.cfg", _MOST_SETTINGS).splitlines()
    except FileNotFoundError:
        return {}
    pairs = [(key.strip().lower(), value.strip()) for key, equals, value in (x.partition("=") for x in lines) if equals]
    return dict(reversed(pairs))  # the first counts


def program_of(path: str) -> str:
    """The Python of a folder, or the path itself where that is a program; empty where there is none."""
    if os.path.isfile(path):
        return path
    candidates = (os.path.join(path, "bin", name) for name in ("python3", "python"))
    return next((item for item in candidates if os.access(item, os.X_OK)), "")


def _environment(tree: Folder, stack: contextlib.ExitStack) -> Look:
    look = Look(stack.enter_context(tree))
    config: dict[str, str] = {}
    try:
        config = settings(look.tree)
    except OSError as error:
        look.notes.append(f"pyvenv.cfg is not read: {error.strerror}")
    minors = []
    for library in ("lib", "lib64"):
        if library == "lib64" and look.tree.link(library) == "lib":
            continue
        with _noted(look, library), look.tree.folder(library) as base:
            minors += _packages_in(base, "site-packages", look, stack)
    look.version = _version(config, minors[0] if minors else "")
    if config.get("include-system-site-packages", "").lower() == "true":
        look.layered = True
        _add_base(config.get("home", ""), look, stack)
    return look


def _packages_in(base: Folder, kind: str, look: Look, stack: contextlib.ExitStack, minor: str = "") -> list[str]:
    """Open lib/pythonX.Y/KIND; returns the versions X.Y that were found."""
    found = []
    names = base.names()
    for name in names:
        match = _FOLDER.fullmatch(name)
        if match is None or (minor and match.group("version") != minor):
            continue
        if base.link(name) in names:
            continue  # another name of a folder that is beside it
        with _noted(look, os.path.join(base.path, name, kind)), base.folder(name) as place:
            look.places.append(stack.enter_context(place.folder(kind)))
            found.append(match.group("version"))
    return found


@contextlib.contextmanager
def _noted(look: Look, what: str) -> t.Iterator[None]:
    """What is not there is nothing to tell of; what may not be looked at is."""
    try:
        yield
    except FileNotFoundError:
        pass
    except OSError as error:
        look.notes.append(f"{what} is not looked at: {error.strerror}")


def _version(config: t.Mapping[str, str], minor: str) -> str:
    # venv says version, uv and virtualenv version_info; the latter goes on after the release.
    for key in ("version", "version_info"):
        found = _FULL.match(config.get(key, ""))
        if found and found.group().startswith(f"{minor}."):
            return found.group()
    return minor


def _add_base(home: str, look: Look, stack: contextlib.ExitStack) -> None:
    """What a virtual environment imports of the Python that it was made with."""
    minor = ".".join(look.version.split(".")[:2])
    if not minor or not os.path.isabs(home) or not is_ours(home):
        look.notes.append(f"what its Python in {home[:200] or '?'} has is not looked at: others may write there")
        return
    _add_system(os.path.dirname(os.path.realpath(home)), minor, look, stack)


def _system(path: str, commands: Commands | None, stack: contextlib.ExitStack) -> Look:
    program = program_of(path)
    real = os.path.realpath(program) if program else ""
    prefix = path if os.path.isdir(path) else os.path.dirname(os.path.dirname(real))
    version = ""
    if commands is not None and real and is_ours(real):
        prefix, version = _asked(real, commands)
    look = Look(stack.enter_context(Folder.at(os.path.realpath(prefix))), layered=True)
    named = _FOLDER.fullmatch(os.path.basename(real))
    minor = ".".join(version.split(".")[:2]) or (named.group("version") if named else "")
    minors = _add_system(os.path.realpath(prefix), minor, look, stack)
    look.version = version or minor or (minors[0] if minors else "")
    return look


def _asked(program: str, commands: Commands) -> tuple[str, str]:
    """Prefix and version by the program itself; -S keeps it from what others put into its site-packages."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import probe
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import PROBE

    argv = [program, "-I", "-S", "-c", PROBE]
    result = commands.run(argv, purpose=f"ask the Python {program}", timeout=60)
    facts = probe.described(result.out, program)
    return str(facts["prefix"]), str(facts["environment"]["python_full_version"])


def _add_system(prefix: str, minor: str, look: Look, stack: contextlib.ExitStack) -> list[str]:
    """The folders of a Python that is no environment; returns its versions X.Y."""
    minors = []
    for folder, kind in _libraries(prefix):
        with _noted(look, folder):
            place = look.tree.at_path(folder)
            if kind:
                with place:
                    minors += _packages_in(place, kind, look, stack, minor)
            else:
                look.places.append(stack.enter_context(place))
    return minors


def _libraries(prefix: str) -> list[tuple[str, str]]:
    """Where lib/pythonX.Y lies and what the packages' folder in it is called; without that, it is that folder."""
    common = "/usr/lib/python3/dist-packages"
    if prefix == "/usr" and os.path.isdir(common):
        return [("/usr/local/lib", "dist-packages"), (common, ""), ("/usr/lib", "dist-packages")]
    starts = ["/usr/local", prefix] if prefix == "/usr" else [prefix]
    folders = [os.path.join(start, library) for start in starts for library in ("lib64", "lib")]
    return [(folder, "site-packages") for folder in folders if not os.path.islink(folder)]
