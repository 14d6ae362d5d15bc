# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine is to do, in words that uv and pip share."""

from __future__ import annotations

import abc
import os
import re
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import git_credentials, names, requirement_text
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.requirements import Requirement


@dataclass(frozen=True)
class DesiredEngine:
    """What the arguments say of the program that builds, for all environments of a module call. ``mirror`` and
    ``downloads_json`` say where uv gets managed Pythons from."""

    toolbox: str
    name: str = "auto"
    executable: str = ""
    cache_dir: str = ""
    no_cache: bool = False
    timeout: float = 3600
    sources: Sources = field(default_factory=Sources)
    python_downloads: bool = False
    python_mirror: str = ""
    python_downloads_json: str = ""


@dataclass(frozen=True)
class Request:
    """A set of requirements to install or resolve. ``title`` says in messages for what they are.

    ``overrides`` stand in place of what dependencies ask for. ``build_constraints`` bound what source builds use;
    packages of ``no_build_isolation`` are built last, with what the others have brought.
    """

    requirements: tuple[Requirement, ...]
    constraints: tuple[Requirement, ...] = ()
    require_hashes: bool = False
    no_deps: bool = False
    overrides: tuple[Requirement, ...] = ()
    build_constraints: tuple[Requirement, ...] = ()
    no_build_isolation: tuple[str, ...] = ()
    pre: bool = False
    no_binary: tuple[str, ...] = ()
    only_binary: tuple[str, ...] = ()
    compile_bytecode: bool = True
    sources: Sources = field(default_factory=Sources)
    title: str = "these requirements"

    def file_text(self, build_options: bool = False) -> str:
        """The requirement file that both engines read.

        Sources are written into it, not into arguments: URLs can carry credentials, and arguments are readable by
        everybody on the host.
        """
        sources = self.sources
        options = []
        if sources.index_url:
            options.append(f"--index-url {sources.index_url}")
        options += [f"--extra-index-url {url}" for url in sources.extra_index_urls]
        options += [f"--find-links {place}" for place in sources.find_links]
        options += ["--no-index"] if sources.no_index else []
        options += [f"--no-binary {name}" for name in self.no_binary]
        options += [f"--only-binary {name}" for name in self.only_binary]
        return "".join(f"{line}\n" for line in options) + requirement_text.text(self.requirements, build_options)

    @property
    def environ(self) -> dict[str, str]:
        """The variables that must be set where this is read: credentials that have no place in its files."""
        return git_credentials.environ(requirement_text.text((*self.requirements, *self.constraints)))

    def in_order(self) -> list[Request]:
        """The same in the steps that it is installed in."""
        first = replace(self.without(self.no_build_isolation), no_build_isolation=())
        return [first, self] if self.no_build_isolation and first.requirements else [self]

    def without(self, packages: t.Iterable[str]) -> Request:
        """The same less the requirements of these names."""
        left_out = set(map(names.normalize, packages))
        return replace(self, requirements=tuple(item for item in self.requirements if item.name not in left_out))


@dataclass(frozen=True)
class RequestFiles:
    """A request written down for an engine."""

    requirements: str
    constraints: str
    overrides: str
    build_constraints: str

    @classmethod
    def write(cls, request: Request, folder: str, *, build_options: bool = False) -> RequestFiles:
        """Write the files into ``folder``, readable by this user alone. Only pip reads ``build_options`` in them."""
        names_of = ("requirements", "constraints", "overrides", "build-constraints")
        files = cls(*(os.path.join(folder, f"{name}.txt") for name in names_of))
        for path, text in (
            (files.requirements, request.file_text(build_options)),
            (files.constraints, requirement_text.text(request.constraints)),
            (files.overrides, requirement_text.text(request.overrides)),
            (files.build_constraints, requirement_text.text(request.build_constraints)),
        ):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as stream:
                stream.write(git_credentials.stripped(text))
        return files


_WARNING = re.compile(r"\s*(?:warning|WARNING|DEPRECATION): (?P<text>.*\S)")
# Of the speed of the cache, which uv says whenever that lies on another file system.
_OF_NO_INTEREST = re.compile(
    r"Failed to (?:hard|ref)link files|If the cache and target directories|If this is intended"
)


def warnings_in(printed: str) -> list[str]:
    """What uv or pip warned of, each once: yanked releases, unknown extras, and whatever else they say is odd."""
    found: list[str] = []
    for line in printed.splitlines():
        match = _WARNING.match(line)
        if match is not None and not _OF_NO_INTEREST.search(match["text"]):
            found.append(match["text"])
        elif found and line.startswith("Reason for being yanked:"):
            found[-1] += f" {line.strip()}"
    return list(dict.fromkeys(found))


# Variables that would redirect an installation away from the environment that is being built, or change what is in it.
STRAY_VARIABLES: t.Mapping[str, None] = dict.fromkeys(
    (
        "PYTHONHOME",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_USER",
        "PIP_ROOT",
        "PIP_PYTHON",
        "PIP_REQUIREMENT",
        "PIP_REQUIRE_VIRTUALENV",
        "PIP_CONSTRAINT",
        "PIP_DRY_RUN",
        "PIP_NO_DEPS",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_PROJECT_ENVIRONMENT",
        "UV_CONSTRAINT",
        "UV_OVERRIDE",
        "UV_VENV_SEED",
        "UV_NO_WARNINGS",
        "UV_BUILD_CONSTRAINT",
        "UV_NO_BUILD_ISOLATION",
        "PIP_BUILD_CONSTRAINT",
        "PIP_NO_BUILD_ISOLATION",
    )
)


@dataclass(frozen=True)
class Cache:
    """Where an engine keeps its cache: in ``folder``, in its own default place where that is empty, or nowhere."""

    folder: str = ""
    off: bool = False


class Engine(abc.ABC):
    """The program that builds an environment."""

    name: str
    version: str

    def __init__(self, commands: Commands, timeout: float, cache: Cache) -> None:
        self.commands = commands
        self.timeout = timeout
        self.cache = cache

    @abc.abstractmethod
    def create(self, prefix: str, python: str) -> None:
        """Make an empty environment without pip at ``prefix`` for the interpreter ``python``."""

    @abc.abstractmethod
    def install(self, prefix: str, request: Request, scratch: str) -> list[str]:
        """Install into the environment at ``prefix``; returns what the engine warned of. ``scratch`` is a private
        folder for temporary files."""

    @abc.abstractmethod
    def forget(self, packages: t.Sequence[str]) -> None:
        """Drop what the cache holds unpacked of these packages: files in an environment may be hard links to it, and
        whoever changes one there changes it for every environment to come."""

    @abc.abstractmethod
    def preview(self, python: str, request: Request, scratch: str) -> dict[str, str]:
        """Name to version of everything that install() would put into an empty environment."""

    @abc.abstractmethod
    def wheels_missing(self, python: str, version: str, request: Request, scratch: str) -> list[str] | None:
        """The direct requirements that have no wheel for a Python ``version`` (3.11); None if that is not known."""

    @abc.abstractmethod
    def outdated(self, prefix: str, sources: Sources, scratch: str) -> list[dict[str, str]]:
        """Installed distributions for which the index has a newer version: name, version, latest."""
