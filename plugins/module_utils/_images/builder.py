# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that builds images and keeps them: docker, podman or buildah, behind one interface."""

from __future__ import annotations

import abc
import json
import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images import failures
from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import ImageFacts

_ABSENT = re.compile(r"(?i)no such (?:image|object)|image not known|(?:unable|failed) to (?:find|locate)|unknown image")
_QUICK_S = 120.0  # for what only looks


@dataclass(frozen=True)
class Build:
    """How a context is built. ``secrets`` are files by the names under which the Dockerfile mounts them."""

    folder: str
    iidfile: str
    epoch: int
    secrets: t.Mapping[str, str]
    network: str
    timeout: float


class Builder(abc.ABC):
    """One such program. ``mounts`` tells whether its builds know RUN --mount, for caches and secrets."""

    name: str

    def __init__(self, program: str, commands: Commands) -> None:
        self.program = program
        self.commands = commands

    @property
    @abc.abstractmethod
    def mounts(self) -> bool: ...

    @abc.abstractmethod
    def build(self, build: Build) -> CommandResult:
        """Build without giving the image a name; its ID is written to the iidfile."""

    @abc.abstractmethod
    def run(self, image: str, script: str, folder: str, timeout: float) -> CommandResult:
        """Run a shell script in a container of an image, without network; nothing of the container stays."""

    @abc.abstractmethod
    def store(self) -> str:
        """The folder of this host in which images are kept; empty where that is not known."""

    def images(self, references: t.Sequence[str]) -> dict[str, ImageFacts]:
        """What there is of these images. Raises MlstackError where the engine does not answer."""
        result = self._call(["image", "inspect", *references], _QUICK_S)
        try:
            found = json.loads(result.out or "[]")
        except ValueError:
            found = []
        if not result.ok:
            errors = [line for line in result.err.splitlines() if line.strip()]
            if not errors or not all(_ABSENT.search(line) for line in errors):
                raise failures.unreachable(self.commands.failure(result), self.name)
        # Each missing one is left out of the list, so they have to be told apart by their names.
        if len(found) == len(references):
            return dict(zip(references, map(_facts, found)))
        facts = {}
        for reference in references if found else ():
            facts.update(self._image(reference))
        return facts

    def _image(self, reference: str) -> dict[str, ImageFacts]:
        result = self._call(["image", "inspect", reference], _QUICK_S)
        return {reference: _facts(json.loads(result.out)[0])} if result.ok else {}

    def pull(self, reference: str, timeout: float) -> None:
        result = self._call(["pull", "--quiet", reference], timeout)
        if not result.ok:
            raise failures.of_base(self.commands.failure(result), result, reference)

    def tag(self, image: str, reference: str) -> None:
        # podman and buildah know an ID without its "sha256:" only, docker knows both.
        known = image.partition("sha256:")[2] or image
        self.commands.run([self.program, "tag", known, reference], purpose=f"call the image {reference}")

    def push(self, reference: str, auth: str, plain_http: bool, timeout: float) -> None:
        """Push an image; ``auth`` is a file of credentials, empty for those that the user has."""
        result = self._call(self._pushing(reference, auth, plain_http), timeout)
        if not result.ok:
            raise failures.of_push(self.commands.failure(result), result, reference)

    @abc.abstractmethod
    def _pushing(self, reference: str, auth: str, plain_http: bool) -> list[str]: ...

    def save(self, reference: str, path: str, timeout: float) -> None:
        argv = [self.program, "save", "--output", path, reference]
        self.commands.run(argv, purpose=f"save {reference} in a file", timeout=timeout)

    def load(self, path: str, timeout: float) -> None:
        argv = [self.program, "load", "--quiet", "--input", path]
        self.commands.run(argv, purpose=f"load the image in {path}", timeout=timeout)

    def remove(self, image: str) -> None:
        """Remove an image that has no name; what others still use stays."""
        self._call(["rmi", image], _QUICK_S)

    def _call(self, argv: t.Sequence[str], timeout: float, **options: t.Any) -> CommandResult:
        return self.commands.run([self.program, *argv], timeout=timeout, check=False, **options)


class Docker(Builder):
    name = "docker"
    _mounts: bool | None = None

    @property
    def mounts(self) -> bool:
        # A client before 23 has BuildKit in it; a later one needs buildx.
        if self._mounts is None:
            result = self._call(["version", "--format", "{{.Client.Version}}"], _QUICK_S)
            major = re.match(r"\d+", result.out)
            if not result.ok or major is None:
                raise failures.unreachable(self.commands.failure(result), self.name)
            self._mounts = int(major[0]) < 23 or self._call(["buildx", "version"], _QUICK_S).ok
        return self._mounts

    def build(self, build: Build) -> CommandResult:
        argv = ["build", "--iidfile", build.iidfile, "--network", build.network, "--force-rm"]
        argv += ["--build-arg", f"SOURCE_DATE_EPOCH={build.epoch}", "--progress", "plain"] if self.mounts else []
        for name, path in build.secrets.items():
            argv += ["--secret", f"id={name},src={path}"]
        env = {"DOCKER_BUILDKIT": "1" if self.mounts else "0"}
        return self._call([*argv, build.folder], build.timeout, env=env)

    def run(self, image: str, script: str, folder: str, timeout: float) -> CommandResult:
        argv = ["run", "--rm", "--pull=never", "--network=none", "--entrypoint=/bin/sh", image, "-c", script]
        return self._call(argv, timeout)

    def _pushing(self, reference: str, auth: str, plain_http: bool) -> list[str]:
        # Which registries it may speak to without TLS is the daemon's to know; loopback is among them.
        return [*(["--config", os.path.dirname(auth)] if auth else []), "push", reference]

    def store(self) -> str:
        result = self._call(["info", "--format", "{{.DockerRootDir}}"], _QUICK_S)
        return result.out.strip() if result.ok else ""


class Podman(Builder):
    """A container is run as a step of a build: in a job of a CI system, which is a container itself, builds work where
    ``podman run`` does not.
    """

    name = "podman"
    mounts = True
    _build: tuple[str, ...] = ("build",)

    def build(self, build: Build) -> CommandResult:
        argv = [*self._build, "--format", "docker", "--layers", "--iidfile", build.iidfile]
        argv += ["--timestamp", str(build.epoch), "--network", build.network, "--pull=never"]
        for name, path in build.secrets.items():
            argv += ["--secret", f"id={name},src={path}"]
        return self._call([*argv, build.folder], build.timeout)

    def run(self, image: str, script: str, folder: str, timeout: float) -> CommandResult:
        iidfile = os.path.join(folder, "run.iid")
        # What comes out is no child of the image: with a child, an image without a name would be removed, too.
        step = f"RUN {json.dumps(['/bin/sh', '-c', script])}"
        text = f"FROM {image} AS run\n{step}\nFROM scratch\nCOPY --from=run /etc/passwd /passwd\n"
        # With this isolation there is no network namespace.
        network = "host" if os.environ.get("BUILDAH_ISOLATION") == "chroot" else "none"
        argv = [*self._build, "--format", "docker", "--layers=false", "--network", network, "--pull=never"]
        result = self._call([*argv, "--iidfile", iidfile, "--file", "-", folder], timeout, stdin=text)
        if os.path.exists(iidfile):
            with open(iidfile, encoding="ascii") as stream:
                self.remove(stream.read().strip())
            os.unlink(iidfile)
        return result

    def _pushing(self, reference: str, auth: str, plain_http: bool) -> list[str]:
        options = ["--authfile", auth] if auth else []
        return ["push", *options, *(["--tls-verify=false"] if plain_http else []), reference]

    def store(self) -> str:
        result = self._call(["info", "--format", "{{.Store.GraphRoot}}"], _QUICK_S)
        return result.out.strip() if result.ok else ""


class Buildah(Podman):
    name = "buildah"
    _build = ("bud",)

    def images(self, references: t.Sequence[str]) -> dict[str, ImageFacts]:
        found = {}
        for reference in references:
            result = self._call(["inspect", "--type", "image", reference], _QUICK_S)
            if result.ok:
                found[reference] = _buildahs_facts(json.loads(result.out))
            elif not _ABSENT.search(result.err):
                raise failures.unreachable(self.commands.failure(result), self.name)
        return found

    def save(self, reference: str, path: str, timeout: float) -> None:
        argv = [self.program, "push", reference, f"docker-archive:{path}:{reference}"]
        self.commands.run(argv, purpose=f"save {reference} in a file", timeout=timeout)

    def load(self, path: str, timeout: float) -> None:
        argv = [self.program, "pull", f"docker-archive:{path}"]
        self.commands.run(argv, purpose=f"load the image in {path}", timeout=timeout)

    def store(self) -> str:
        result = self._call(["info"], _QUICK_S)
        try:
            return str(json.loads(result.out)["store"]["GraphRoot"])
        except (ValueError, KeyError, TypeError):
            return ""


KINDS: dict[str, type[Builder]] = {"docker": Docker, "podman": Podman, "buildah": Buildah}


def choose(wanted: str, host: Host, commands: Commands) -> Builder:
    """The builder of this name; for ``auto`` the first that is there. Raises MlstackError."""
    for name, kind in KINDS.items():
        program = host.which(name) if wanted in ("auto", name) else None
        if program:
            return kind(program, commands)
    named = "docker, podman or buildah" if wanted == "auto" else wanted
    raise MlstackError(
        "no_builder",
        wanted=f"images built with {named}",
        found="no such program on this host",
        to_fix="install one of them from the distribution (docker.io, podman, buildah), or set write_only to have the "
        "Dockerfile alone",
    )


def _facts(told: t.Mapping[str, t.Any]) -> ImageFacts:
    config = told.get("Config") or {}
    return _of_config(config, str(told.get("Id", "")), _in_registries(told.get("RepoDigests") or ()))


def _in_registries(digests: t.Iterable[str]) -> tuple[str, ...]:
    """Those that lead to a registry: what podman builds or loads has such a name, too."""
    return tuple(digest for digest in digests if not digest.startswith("localhost/"))


def _buildahs_facts(told: t.Mapping[str, t.Any]) -> ImageFacts:
    name, digest = str(told.get("FromImage") or ""), str(told.get("FromImageDigest") or "")
    repository = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    digests = _in_registries([f"{repository}@{digest}"] if digest and repository else [])
    return _of_config((told.get("Docker") or {}).get("config") or {}, str(told.get("FromImageID", "")), digests)


def _of_config(config: t.Mapping[str, t.Any], image: str, digests: tuple[str, ...]) -> ImageFacts:
    return ImageFacts(
        id=image if image.startswith("sha256:") else f"sha256:{image}",
        labels={str(key): str(value) for key, value in (config.get("Labels") or {}).items()},
        repo_digests=digests,
        env=tuple(config.get("Env") or ()),
        user=str(config.get("User") or ""),
        workdir=str(config.get("WorkingDir") or ""),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
    )
