# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places where ml_image works for one test: a folder, an index that builds reach, a base, and a builder's store."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.toolbox import PIP, UV
from ansible_collections.gpufleet.mlstack.tests.bed.docker import docker, image_exists
from ansible_collections.gpufleet.mlstack.tests.bed.images import IMAGES, content_hash
from ansible_collections.gpufleet.mlstack.tests.bed.python_index import PythonIndex
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import Ran

BASE = f"gpufleet-bed/python:12-{content_hash()}"


def ensure_base() -> str:
    """Debian 12 with Python and what makes virtual environments, kept as the bed's images are."""
    if not image_exists(BASE):
        install = "apt-get update -q && apt-get install -q -y --no-install-recommends python3-venv && apt-get clean"
        text = f"FROM {IMAGES['debian12-minimal'].tag}\nRUN {install}\n"
        subprocess.run(["docker", "build", "--quiet", "--tag", BASE, "-"], input=text, text=True, check=True)
    return BASE


def fetch_tools(folder: Path, python: str) -> None:
    """The pinned uv and pip, which a build installs from the index like everything else."""
    for tool in (UV, PIP):
        argv = [
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
            str(folder),
        ]
        subprocess.run([*argv, f"{tool.name}=={tool.version}"], check=True)


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that nobody else can write to, in any of the folders above it."""
    home = Path(os.path.expanduser("~")) / ".cache"
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mlstack-image-", dir=home) as folder:
        yield Path(folder)


@dataclass
class ImageSite:
    """``builder`` works with ``env``; its images are removed by ``clean``."""

    folder: Path
    index: PythonIndex
    uv: str
    builder: str = "docker"
    base: str = BASE
    env: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return f"mlstack-test/{hashlib.sha256(bytes(self.folder)).hexdigest()[:12]}:1"

    def image(self, **changes: Any) -> dict[str, Any]:
        environment = {"name": "ml", "packages": ["alpha==1.0"], "verify_imports": ["alpha", "beta"]}
        given = {"name": "demo", "base": self.base, "tags": [self.tag], "python_envs": [environment]}
        return {**given, "command": ["python", "--version"], **changes}

    def arguments(self, **changes: Any) -> dict[str, Any]:
        options = {
            key: changes.pop(key) for key in list(changes) if key in ("index_url", "free_mb", "engine", "network")
        }
        return {
            "root": str(self.folder / "images"),
            "images": [self.image(**changes)],
            "builder": self.builder,
            "network": "host",
            "index_url": self.index.url,
            "executable": self.uv,
            **self.options,
            **options,
        }

    def environ(self) -> dict[str, str]:
        (self.folder / "home").mkdir(exist_ok=True)
        return {"HOME": str(self.folder / "home"), "PIP_CONFIG_FILE": os.devnull, **self.env}

    def run(self, *, check: bool = False, diff: bool = False, **changes: Any) -> Ran:
        arguments = self.arguments(**changes)
        return module_runner.run("ml_image", arguments, check=check, diff=diff, env=self.environ())

    def apply(self, **changes: Any) -> Ran:
        return module_runner.succeed("ml_image", self.arguments(**changes), env=self.environ())

    def refuse(self, code: str, **changes: Any) -> Ran:
        return module_runner.refuse("ml_image", self.arguments(**changes), code, env=self.environ())

    def text(self, name: str = "Dockerfile") -> str:
        return (self.folder / "images" / "demo" / name).read_text()

    def ask(self, *words: str) -> str:
        """What the builder's program prints."""
        argv = [self.builder, *words]
        ran = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **self.env}, check=False)
        assert ran.returncode == 0, f"{argv}: {ran.stderr}"
        return ran.stdout

    def exists(self) -> bool:
        argv = [self.builder, "inspect", *(["--type", "image"] if self.builder != "docker" else []), self.tag]
        return subprocess.run(argv, capture_output=True, env={**os.environ, **self.env}, check=False).returncode == 0

    def inspect(self) -> dict[str, Any]:
        (found,) = json.loads(self.ask("image", "inspect", self.tag))
        return dict(found)

    def run_in(self, *words: str) -> str:
        """What a program prints in a container of the image; docker's alone."""
        return docker("run", "--rm", "--network=none", self.tag, *words).strip()

    def clean(self) -> None:
        subprocess.run(
            [self.builder, "rmi", "--force", self.tag], capture_output=True, env={**os.environ, **self.env}, check=False
        )


def layers(archive: bytes) -> list[tarfile.TarFile]:
    """The layers of a saved image, lowest first."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
        content = {member.name: outer.extractfile(member).read() for member in outer.getmembers() if member.isreg()}
    (manifest,) = json.loads(content["manifest.json"])
    return [tarfile.open(fileobj=io.BytesIO(content[name])) for name in manifest["Layers"]]


def contents(archive: bytes) -> Iterator[bytes]:
    """All that is in a saved image: its configuration, names of files, and what they hold."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
        for member in outer.getmembers():
            stream = outer.extractfile(member) if member.isreg() else None
            if stream and member.name.endswith(".json"):
                yield stream.read()
    for layer in layers(archive):
        for member in layer.getmembers():
            yield member.name.encode()
            stream = layer.extractfile(member) if member.isreg() else None
            if stream:
                yield stream.read()


def tree(archive: bytes, above: int) -> dict[str, tuple[Any, ...]]:
    """Path to kind, mode, owner, link and content of what the layers above the lowest ``above`` bring; and its time."""
    found: dict[str, tuple[Any, ...]] = {}
    for layer in layers(archive)[above:]:
        for member in layer.getmembers():
            stream = layer.extractfile(member) if member.isreg() else None
            digest = hashlib.sha256(stream.read()).hexdigest() if stream else ""
            content = (member.type, member.mode, member.uid, member.gid, member.linkname, digest)
            found[member.name] = (*content, member.mtime)
    return found
