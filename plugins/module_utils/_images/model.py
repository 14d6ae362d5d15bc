# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted of an image, and what of it there is, as values."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.model import DesiredEnvironment

LABELS = "io.gpufleet.mlstack."  # ours begin with this
DESIRED, SYSTEM, BUILD = f"{LABELS}desired", f"{LABELS}system", f"{LABELS}build"
PINS, LOCK = f"{LABELS}env.", f"{LABELS}lock."  # and the name of an environment
BASE_NAME, BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"


@dataclass(frozen=True)
class Package:
    """A package of the base's distribution; without a version whatever its repositories have."""

    name: str
    version: str = ""


@dataclass(frozen=True)
class Copied:
    """A file or folder of the build context that the image holds at ``dest``."""

    src: str
    dest: str


@dataclass(frozen=True)
class DesiredImage:
    """One item of the argument ``images``. ``created`` is in seconds since 1970, None where it does not matter."""

    name: str
    folder: str
    tags: tuple[str, ...]
    base: str
    environments: tuple[DesiredEnvironment, ...]
    environments_root: str
    system_packages: tuple[Package, ...]
    build_packages: tuple[Package, ...]
    copies: tuple[Copied, ...]
    env: t.Mapping[str, str]
    labels: t.Mapping[str, str]
    user: str
    uid: int
    workdir: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    healthcheck: tuple[str, ...]
    gpu: bool
    engine: str
    created: int | None
    write_only: bool
    push: bool = False
    save_to: str = ""


@dataclass(frozen=True)
class DesiredArchive:
    """One item of the argument ``archives``: a file with the image ``id``, and the names that it shall have here."""

    path: str
    id: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class ImageFacts:
    """What an engine says of an image that it holds. ``id`` is ``sha256:`` and 64 digits."""

    id: str
    labels: t.Mapping[str, str] = field(default_factory=dict)
    repo_digests: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Base:
    """A base image that was looked into. ``reference`` is what FROM names, ``digest`` what decides on its content."""

    reference: str
    digest: str
    python: str  # the path of its interpreter
    python_version: str
    machine: str
    libc: str  # glibc or musl
    libc_version: str
    has_venv: bool
    os_release: str


@dataclass(frozen=True)
class Lock:
    """A resolved environment: a requirement file with hashes, and what it pins."""

    name: str
    text: str
    pins: t.Mapping[str, str]
    imports: tuple[str, ...] = ()
    compile_bytecode: bool = True
    no_binary: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """All that a Dockerfile says. ``mounts`` tells whether the builder knows RUN --mount; ``index`` whether an index is
    named for the build, as options in a file that is mounted, or where the builder cannot do that, copied."""

    desired: DesiredImage
    digest: str
    base: Base
    locks: tuple[Lock, ...]
    tools: str
    system: tuple[Package, ...]
    build: tuple[Package, ...]
    mounts: bool = True
    index: str = ""
    certificates: bool = False
    trusted_hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """A written build context: its files, and for which digest it was written. ``whole`` says whether nobody changed
    it since."""

    files: t.Mapping[str, str]
    digest: str = ""
    whole: bool = False
    mounts: bool = False


@dataclass(frozen=True)
class Observed:
    """What there is. ``digest`` is that of the desired state, with the contents of all its files.

    ``made`` are the files of the build context as they should be; None where they are as they should be, or where
    nobody could find that out without changing the host (``unknown`` then says why). ``unpushed`` are the names under
    which registries have another image or none; ``archive`` is the file for the image that there is.
    """

    digest: str
    images: t.Mapping[str, ImageFacts]
    context: Context
    made: t.Mapping[str, str] | None = None
    recipe: Recipe | None = None
    asked_pins: t.Mapping[str, t.Mapping[str, str]] = field(default_factory=dict)
    unknown: str = ""
    unpushed: tuple[str, ...] = ()
    archive: str = ""
    saved: bool = False
