# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words in which a driver is wanted, found and changed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observed

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.packages import Aim
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import model as packages
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import Repository

PRESENT, ABSENT = "present", "absent"
AUTO = "auto"
DKMS, PREBUILT = "dkms", "prebuilt"
FULL, COMPUTE = "full", "compute"
FAIL, WAIT, IGNORE = "fail", "wait", "ignore"


@dataclass(frozen=True)
class Runfile:
    """NVIDIA's installer: a file on the host or its address, and the digest that it must have."""

    path: str = ""
    url: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class KeptInstaller:
    """An installer that stayed on the host, so that its driver can be put back. ``size`` is in bytes."""

    path: str
    version: str
    sha256: str
    size: int


@dataclass(frozen=True)
class WayBack:
    """How the present driver, an installer's, could be put back. Without a digest in ``runfile`` it could not.

    ``flavour`` is empty where nothing tells it; ``kept`` that the installer is on the host.
    """

    version: str
    flavour: str
    runfile: Runfile
    kept: bool = False

    @property
    def known(self) -> bool:
        return bool(self.runfile.sha256)


@dataclass(frozen=True)
class DesiredDriver:
    """A task's arguments.

    ``branch`` is a number or empty, ``version`` exact or empty, ``flavour`` may be C(auto). ``server`` means the server
    variant in Ubuntu's archive. ``fabric_manager`` None means: where there are NVSwitches. ``catalogue`` are a user's
    own rows for the solver. Times are in seconds.
    """

    state: str = PRESENT
    source: str = "nvidia"
    branch: str = ""
    version: str = ""
    flavour: str = AUTO
    modules: str = DKMS
    libraries: str = FULL
    server: bool = True
    fabric_manager: bool | None = None
    hold: bool = True
    busy: str = FAIL
    busy_timeout: int = 600
    install_headers: bool = True
    require_gpu: bool = True
    take_over: bool = False
    replace_mixed_sources: bool = False
    require_rollback: bool = True
    keep_runfile: bool = True
    allow_changes: frozenset[str] = frozenset()
    catalogue: t.Mapping[str, t.Any] = field(default_factory=dict)
    repository: Repository | None = None
    runfile: Runfile = field(default_factory=Runfile)
    cache_valid_time: int = 3600
    lock_timeout: int = 300

    @property
    def described(self) -> str:
        """The desired state in words, for messages."""
        if self.state == ABSENT:
            return "no NVIDIA driver"
        what = self.version or (f"branch {self.branch}" if self.branch else "that fits")
        return f"the NVIDIA driver {what}, {self.flavour} kernel module, from {self.source}"


@dataclass(frozen=True)
class Target:
    """A desired state in which nothing is open any more but, perhaps, which version of the branch. ``asked`` is the
    question to which the solver's answer this is."""

    source: str
    branch: str
    version: str
    flavour: str
    modules: str
    libraries: str
    server: bool
    distribution: Distribution
    needs_fabric: bool = False
    asked: tuple[str, ...] = ()

    @property
    def apt(self) -> bool:
        return self.distribution.family == "Debian"

    @property
    def ubuntu(self) -> bool:
        return self.distribution.id == "ubuntu"

    @property
    def pattern(self) -> str:
        """What the driver's version must match."""
        return self.version or (f"{self.branch}.*" if self.branch else "")


@dataclass(frozen=True)
class Space:
    """Free bytes where ``path`` lies, and how many a change may need there."""

    path: str
    free: int
    needed: int


@dataclass(frozen=True)
class DriverState:
    """What was found.

    ``host`` is the whole picture, ``packages`` the package manager's view of ``desired_packages``, both None for a
    runfile; ``aim`` is by what that was looked for.
    ``record`` is what this collection wrote down of its last change. ``enabled`` are the services that start at boot,
    ``offered_services`` those that the host has. ``kept`` are installers that stayed, ``way_back`` None where no
    installer's driver is to be replaced.
    """

    host: Observed
    target: Target | None = None
    desired_packages: packages.Desired | None = None
    packages: packages.Observed | None = None
    aim: Aim | None = None
    record: t.Mapping[str, t.Any] = field(default_factory=dict)
    spaces: tuple[Space, ...] = ()
    block_file: str | None = None
    enabled: tuple[str, ...] = ()
    offered_services: tuple[str, ...] = ()
    kept: tuple[KeptInstaller, ...] = ()
    way_back: WayBack | None = None
