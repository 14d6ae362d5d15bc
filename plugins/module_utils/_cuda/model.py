# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words in which CUDA toolkits are wanted and found."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._managed_files import ManagedFile
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Repository

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import model as packages

PRESENT, ABSENT = "present", "absent"
NVIDIA, DISTRIBUTION, RUNFILE, WHEELS = "nvidia", "distribution", "runfile", "wheels"
METHODS = (NVIDIA, DISTRIBUTION, RUNFILE, WHEELS)
FULL, COMPILER, RUNTIME = "full", "compiler", "runtime"
COMPONENTS = (FULL, COMPILER, RUNTIME)
CHECK, IGNORE, COMPAT = "check", "ignore", "compat"

LINK = "/usr/local/cuda"
DISTRIBUTION_PATH = "/usr/lib/nvidia-cuda-toolkit"


@dataclass(frozen=True)
class DesiredToolkit:
    """One toolkit. ``release`` is C(12.4), ``version`` C(12.4.1) or empty for any of that release.

    ``source`` is where the runfile lies, a URL or a path of the host, and ``sha256`` its digest. ``environment`` is the
    Python environment that holds the wheels.
    """

    release: str
    version: str = ""
    method: str = NVIDIA
    state: str = PRESENT
    components: str = FULL
    hold: bool | None = None
    source: str = ""
    sha256: str = ""
    environment: str = ""

    @property
    def dashed(self) -> str:
        return self.release.replace(".", "-")

    @property
    def major(self) -> str:
        return self.release.partition(".")[0]

    @property
    def name(self) -> str:
        return f"CUDA {self.version or self.release}"

    @property
    def path(self) -> str:
        """Where it lies; of wheels this is a pattern."""
        if self.method == DISTRIBUTION:
            return DISTRIBUTION_PATH
        if self.method == WHEELS:
            return f"{self.environment}/lib/python3.*/site-packages/nvidia/cu{self.major}"
        return f"/usr/local/cuda-{self.release}"


@dataclass(frozen=True)
class Desired:
    """A whole task. ``default`` is the release that C(/usr/local/cuda) leads to; empty, the newest of the list.

    ``cudnn`` and ``nccl`` are versions or patterns, empty for none. ``repository`` is NVIDIA's or a mirror of it, None
    where no method needs it. ``options`` are those of the packages' own desired state.
    """

    toolkits: tuple[DesiredToolkit, ...] = ()
    default: str = ""
    driver: str = CHECK
    cudnn: str = ""
    nccl: str = ""
    environment: bool = True
    manager: str = "apt"
    repository: Repository | None = None
    options: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def present(self) -> tuple[DesiredToolkit, ...]:
        return tuple(toolkit for toolkit in self.toolkits if toolkit.state == PRESENT)

    @property
    def absent(self) -> tuple[DesiredToolkit, ...]:
        return tuple(toolkit for toolkit in self.toolkits if toolkit.state == ABSENT)

    @property
    def chosen(self) -> DesiredToolkit | None:
        """The toolkit that is to be the default."""
        if self.default:
            return next((toolkit for toolkit in self.present if toolkit.release == self.default), None)
        return max(self.present, key=lambda toolkit: release_key(toolkit.release), default=None)


@dataclass(frozen=True)
class Found:
    """A toolkit as its files tell. ``version`` is empty where they tell none, ``source`` who brought it, as far as can
    be told: one of the methods, or empty."""

    release: str
    path: str
    version: str = ""
    compiler: bool = False
    source: str = ""


@dataclass(frozen=True)
class Default:
    """C(/usr/local/cuda). ``path`` is where it leads, ``choices`` what the alternatives system knows.

    ``foreign`` tells that it is there and no link of that system.
    """

    path: str = ""
    choices: tuple[str, ...] = ()
    foreign: bool = False


@dataclass(frozen=True)
class Observed:
    """What was found. ``driver`` is the version that is loaded, else the one on disk. ``consumer`` are the GPUs for
    which there is no forward compatibility; where nobody asks for that, nobody looks.

    ``toolkits`` is every toolkit of the host by its path, ``paths`` the path of each wanted release. ``files`` are
    those of the shells' environment as desired, ``texts`` what they hold. ``wanted`` and ``packages`` are the part of
    the package manager, None where it has none.
    """

    toolkits: t.Mapping[str, Found] = field(default_factory=dict)
    paths: t.Mapping[str, str] = field(default_factory=dict)
    default: Default = field(default_factory=Default)
    files: tuple[ManagedFile, ...] = ()
    texts: t.Mapping[str, str | None] = field(default_factory=dict)
    driver: str = ""
    consumer: tuple[str, ...] = ()
    wanted: packages.Desired | None = None
    packages: packages.Observed | None = None


def release_key(release: str) -> tuple[int, ...]:
    """Sorts 12.10 behind 12.9."""
    return tuple(int(part) for part in release.split("."))
