# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place on this machine where pip_pinned works for one test: a root, a home, an index, and what lies there."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import Ran

# The operator's own settings of pip and uv must not reach a test.
_SETTINGS = ("PIP_", "UV_", "VIRTUAL_ENV", "XDG_", "PYTHON")


@dataclass
class Site:
    """``options`` are the module's arguments that every call here has."""

    folder: Path
    index: PythonIndex
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "envs"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def path(self, name: str = "ml") -> Path:
        return self.root / name

    def arguments(self, *environments: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """The module's arguments; an environment without a name is C(ml)."""
        named = [{"name": "ml", **environment} for environment in environments]
        return {"root": str(self.root), "index_url": self.index.url, "environments": named, **self.options, **options}

    def environ(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Variables for a run: a home of its own and no settings of the operator."""
        # pip asks rustc for its version, and the one of rustup makes itself a folder in a new home.
        rustup = os.environ.get("RUSTUP_HOME") or os.path.expanduser("~/.rustup")
        own = {"HOME": str(self.home), "PIP_CONFIG_FILE": os.devnull, "RUSTUP_HOME": rustup}
        return {**own, **self.env, **(extra or {})}

    def run(self, *environments: Mapping[str, Any], check: bool = False, diff: bool = False, **options: Any) -> Ran:
        """Run the module, whatever its outcome. ``env`` adds variables."""
        env = options.pop("env", None)
        with _clean_environment():
            return module_runner.run(
                "pip_pinned", self.arguments(*environments, **options), check=check, diff=diff, env=self.environ(env)
            )

    def apply(self, *environments: Mapping[str, Any], **options: Any) -> Ran:
        """Run the module, which must succeed."""
        ran = self.run(*environments, **options)
        assert ran.rc == 0 and not ran.result.get("failed"), f"{ran.result.get('msg')}\n{ran.out}\n{ran.err}"
        return ran

    def refuse(self, code: str, *environments: Mapping[str, Any], **options: Any) -> Ran:
        """Run the module, which must fail with this code."""
        ran = self.run(*environments, **options)
        assert ran.result.get("failed"), f"{code} was expected, and it did not fail: {ran.out}"
        assert ran.result.get("code") == code, f"{code} was expected: {ran.result.get('msg')}\n{ran.out}\n{ran.err}"
        return ran

    def python(self, code: str, name: str = "ml") -> str:
        """What a program prints in an environment, started through the link."""
        with _clean_environment():
            return subprocess.run(
                [self.path(name) / "bin" / "python", "-c", code],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, **self.environ()},
                cwd="/",
            ).stdout.strip()

    def installed(self, name: str = "ml") -> dict[str, str]:
        """Name to version of what importlib.metadata finds in an environment, which is not what we look with."""
        code = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
        pairs = (line.split() for line in self.python(code, name).splitlines())
        return {name.lower().replace("_", "-").replace(".", "-"): version for name, version in pairs}

    def site_packages(self, name: str = "ml") -> Path:
        return Path(self.python("import sysconfig; print(sysconfig.get_path('purelib'))", name))

    def generations(self, name: str = "ml") -> list[str]:
        """The generations that have a record, oldest first."""
        folder = self.root / ".generations" / name
        return sorted(path.parent.name for path in folder.glob("[0-9]*/mlstack.json"))

    def leftovers(self, name: str = "ml") -> list[str]:
        """What lies in the store and is neither a generation with a record nor an adopted directory."""
        folder = self.root / ".generations" / name
        if not folder.is_dir():
            return []
        known = {*self.generations(name)}
        return sorted(p.name for p in folder.iterdir() if p.name not in known and not p.name.startswith("adopted-"))

    def snapshot(self) -> dict[str, tuple[object, ...]]:
        """Every file of the root and the home with its content, so that two looks can be compared."""
        found: dict[str, tuple[object, ...]] = {}
        for top in (self.root, self.home):
            for folder, folders, files in os.walk(top):
                for name in [*folders, *files]:
                    path = os.path.join(folder, name)
                    found[path] = _look(path)
        return found


def _look(path: str) -> tuple[object, ...]:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(path))
    if stat.S_ISREG(status.st_mode):
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return ("file", status.st_mode, status.st_mtime_ns, digest)
    return ("folder", status.st_mode)


class _clean_environment:
    """Takes the operator's settings of pip and uv out of this process's environment for a while."""

    def __enter__(self) -> None:
        self._kept = {key: value for key, value in os.environ.items() if key.startswith(_SETTINGS)}
        for key in self._kept:
            del os.environ[key]

    def __exit__(self, *_ended_by: object) -> None:
        os.environ.update(self._kept)
