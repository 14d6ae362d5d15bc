# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words in which containers' access to GPUs is desired and observed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

PRESENT, ABSENT, REFRESHED = "present", "absent", "refreshed"
DOCKER, CRIO, PODMAN, AUTO = "docker", "crio", "podman", "auto"
ENGINES = (DOCKER, CRIO, PODMAN)
UNKNOWN = "unknown"
NOTE = "/var/lib/gpufleet-mlstack/container-toolkit.json"
REFRESH_ENV = "/etc/nvidia-container-toolkit/nvidia-cdi-refresh.env"
NEVER, WHEN_SAFE, ALWAYS = "never", "when_safe", "always"


@dataclass(frozen=True)
class Desired:
    """A whole task. ``engines`` are names of ENGINES, or AUTO for those that the host has.

    With ``state`` REFRESHED only specifications that are there already are looked at, whatever ``engines`` says.
    ``default_runtime`` None leaves Docker's default as it is. ``cdi_file`` is empty for the place that fits the host.
    ``toolkit_follows`` says that the packages would be there by now, had this not been check mode.
    """

    state: str = PRESENT
    engines: tuple[str, ...] = ()
    default_runtime: bool | None = None
    cdi: bool = True
    cdi_file: str = ""
    restart: str = WHEN_SAFE
    docker_config: str = "/etc/docker/daemon.json"
    toolkit_follows: bool = False

    @property
    def present(self) -> bool:
        return self.state == PRESENT


@dataclass(frozen=True)
class Docker:
    """What a running dockerd says. None, and empty texts, where it does not say.

    ``running`` is the number of running containers, ``cdi`` whether it takes devices by CDI names.
    """

    version: str = ""
    runtimes: tuple[str, ...] | None = None
    default_runtime: str = ""
    running: int | None = None
    live_restore: bool = False
    swarm: bool = False
    cgroup_driver: str = ""
    cdi: bool | None = None
    rootless: bool = False


@dataclass(frozen=True)
class ConfigFile:
    """A file of the user's that we add to. ``text`` is None where there is none, ``problem`` why it was not read."""

    path: str
    text: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class Specification:
    """A CDI file for NVIDIA's devices. ``driver`` is the version it was written for, empty where it tells none;
    ``version`` is that of CDI, ``devices`` are the full names.

    ``groups`` says whether it gives containers the devices' groups, which readers of CDI before 0.7 refuse.
    ``everybody`` says whether every user may read it.
    """

    path: str
    driver: str = ""
    version: str = ""
    devices: tuple[str, ...] = ()
    groups: bool = False
    everybody: bool = True


@dataclass(frozen=True)
class Note:
    """What we keep of what we did. ``before`` has the text of each file before our first change, None where there was
    none; ``made`` are files that are ours as a whole."""

    before: t.Mapping[str, str | None] = field(default_factory=dict)
    made: tuple[str, ...] = ()
    there: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What of the host decides whether containers will reach their GPUs. None and empty texts are 'not known'.

    ``selinux`` is C(enforcing), C(permissive) or C(disabled), ``selinux_devices`` its boolean container_use_devices.
    ``mode`` and ``no_cgroups`` are the toolkit's own settings, ``old_hook`` a hook that older releases left for podman.
    """

    cgroups: int | None = None
    selinux: str = ""
    selinux_devices: bool | None = None
    uvm: bool = False
    mode: str = ""
    no_cgroups: bool = False
    old_hook: str = ""


@dataclass(frozen=True)
class Observed:
    """What was found.

    - ``engines`` are those of the desired ones that the host has, ``missing`` the others.
    - ``toolkit`` is the version of nvidia-ctk, empty without one, UNKNOWN where it does not say.
    - ``dockerd`` are the arguments of the running daemon, ``docker`` what it says, None where none answers.
    - ``loaded`` is the driver that runs, ``libraries`` the one whose libraries are on disk.
    - ``refresh_unit`` says whether the toolkit's own unit writes a specification at each boot, ``refresh_env`` is the
      file with its settings.
    - ``podman`` is its version likewise; nobody asks where podman is not desired.
    """

    engines: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    toolkit: str = ""
    daemon_json: ConfigFile = ConfigFile("/etc/docker/daemon.json")
    dockerd: tuple[str, ...] = ()
    docker: Docker | None = None
    specifications: tuple[Specification, ...] = ()
    loaded: str = ""
    libraries: str = ""
    refresh_unit: bool = False
    refresh_env: ConfigFile = ConfigFile(REFRESH_ENV)
    podman: str = ""
    note: Note = Note()
    surroundings: Surroundings = Surroundings()
