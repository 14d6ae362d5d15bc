# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person should know before a container does not see its GPU: each with 'yes', 'no' or 'not known'. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import cdi
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import (
    CRIO,
    DOCKER,
    PODMAN,
    Desired,
    Observed,
)

# CVE-2024-0132 (up to 1.16.1), CVE-2025-23266 and CVE-2025-23267 (up to 1.17.7): a container takes over the host.
SAFE = "1.17.8"
PODMAN_CDI = "4.1"
_Finding = tuple[str, t.Optional[bool], str]


def checks(desired: Desired, observed: Observed) -> list[dict[str, t.Any]]:
    """Everything that was looked at; ``ok`` is None where nothing can be said."""
    if not desired.present:
        return []
    looks = (_toolkit, _docker, _docker_cdi, _specification, _others, _readable, _podman, _selinux, _cgroups)
    return [{"code": code, "ok": ok, "text": text} for look in looks for code, ok, text in look(desired, observed)]


def _toolkit(desired: Desired, observed: Observed) -> t.Iterator[_Finding]:
    old = cdi.older(observed.toolkit, SAFE)
    if old is None:
        yield "toolkit_version", None, "the version of nvidia-ctk is not known"
    elif old:
        text = f"toolkit {observed.toolkit} lets containers take over the host (CVE-2025-23266): take {SAFE} or newer"
        yield "toolkit_version", False, text
    else:
        yield "toolkit_version", True, f"toolkit {observed.toolkit}"


def _docker(desired: Desired, observed: Observed) -> t.Iterator[_Finding]:
    if DOCKER not in observed.engines:
        return
    docker = observed.docker
    if docker is None or docker.runtimes is None:
        yield "docker_runtime", None, "dockerd does not answer: what it has read is not known"
        return
    lacking = planner.docker_lacks(desired, observed)
    yield "docker_runtime", not lacking, "; ".join(lacking) or "docker knows the runtime nvidia"


def _docker_cdi(desired: Desired, observed: Observed) -> t.Iterator[_Finding]:
    if DOCKER not in observed.engines or not desired.cdi:
        return
    docker = observed.docker
    old = cdi.older(docker.version, planner.DOCKER_CDI) if docker is not None else None
    if docker is None or old is None:
        yield "docker_cdi", None, "dockerd does not answer: whether it takes CDI names is not known"
    elif old:
        yield "docker_cdi", False, f"docker {docker.version} has no CDI: use --gpus or --runtime=nvidia"
    elif docker.cdi is None:
        yield "docker_cdi", None, f"docker {docker.version} does not say whether CDI is on"
    else:
        yield "docker_cdi", docker.cdi, f"docker takes {'' if docker.cdi else 'no '}devices by CDI names"


def _specification(desired: Desired, observed: Observed) -> t.Iterator[_Finding]:
    if not desired.cdi:
        return
    found = planner.at_target(desired, observed)
    if not observed.loaded:
        yield "cdi_driver", False, "no driver runs: containers have no GPU to see"
    elif not observed.libraries:
        yield "cdi_driver", None, f"driver {observed.loaded} runs, and the version of its libraries is not known"
    elif observed.loaded != observed.libraries:
        text = f"driver {observed.loaded} runs and {observed.libraries} is on disk: after the reboot, run this again"
        yield "cdi_driver", False, text
    elif found is None:
        yield "cdi_driver", False, f"there is no {planner.target(desired, observed)}"
    else:
        text = f"{found.path} is for driver {found.driver or 'unknown'}, and {observed.loaded} runs"
        yield "cdi_driver", found.driver == observed.loaded, text


def _others(desired: Desired, observed: Observed) -> t.Iterator[_Finding]:
    """A forgotten file spoils all: readers refuse what they cannot parse, and containers find no library."""
    place = planner.target(desired, observed)
    for found in observed.specifications:
        if found.path != place and observed.libraries and found.driver != observed.libraries:
            text = f"{found.path} is for driver {found.driver or 'unknown'}, and not ours: delete it if nobody needs it"
            yield "cdi_stray", False, text


def _readable(desired: Desired, observed: Observed) -> t.Iterator[_Finding]:
    if PODMAN not in observed.engines:
        return
    found = planner.at_target(desired, observed)
    if found is not None:
        text = f"{found.path} is {'' if found.everybody else 'not '}readable for users' own podman"
        yield "rootless_specification", found.everybody, text
    if observed.loaded:
        uvm = observed.surroundings.uvm
        text = "/dev/nvidia-uvm is there" if uvm else "/dev/nvidia-uvm is not there until root uses a GPU once"
        yield "rootless_devices", uvm, text
    if observed.surroundings.old_hook:
        text = f"{observed.surroundings.old_hook} of an older toolkit acts beside CDI: delete it"
        yield "rootless_old_hook", False, text
    if observed.surroundings.no_cgroups:
        text = "no-cgroups is set in config.toml, for users' containers without CDI: it breaks those of root"
        yield "no_cgroups", False, text


def _podman(desired: Desired, observed: Observed) -> t.Iterator[_Finding]:
    for name in (PODMAN, CRIO):
        if name not in observed.engines:
            continue
        old = cdi.older(observed.podman, PODMAN_CDI) if name == PODMAN else None
        if old is None:
            yield f"{name}_cdi", None, f"whether this {name} takes CDI names is not known"
        elif old:
            yield f"{name}_cdi", False, f"podman {observed.podman} has no CDI: take {PODMAN_CDI} or newer"
        else:
            yield f"{name}_cdi", True, f"podman {observed.podman} takes devices by CDI names"


def _selinux(desired: Desired, observed: Observed) -> t.Iterator[_Finding]:
    state, devices = observed.surroundings.selinux, observed.surroundings.selinux_devices
    if not state:
        yield "selinux", None, "whether SELinux keeps containers from the devices is not known"
    elif state != "enforcing":
        yield "selinux", True, f"SELinux is {state}"
    elif devices is None:
        text = "SELinux is enforcing, and its boolean container_use_devices is not known: containers may see no device"
        yield "selinux", None, text
    else:
        text = "SELinux is enforcing; " + (
            "container_use_devices is on"
            if devices
            else "turn container_use_devices on (setsebool -P), or give containers --security-opt=label=disable"
        )
        yield "selinux", devices, text


def _cgroups(desired: Desired, observed: Observed) -> t.Iterator[_Finding]:
    """With the hook, the next reload of systemd takes the GPUs from running containers (issue 48 of the toolkit)."""
    version, docker = observed.surroundings.cgroups, observed.docker
    if DOCKER not in observed.engines:
        return
    if version is None or docker is None or not docker.cgroup_driver:
        yield "cgroups", None, "the version of cgroups or docker's driver for them is not known"
        return
    old = cdi.older(observed.toolkit, "1.18")
    legacy = observed.surroundings.mode == "legacy" or old is not False
    told = f"cgroups {version}, docker's driver for them is {docker.cgroup_driver}"
    if version == 2 and docker.cgroup_driver == "systemd" and legacy:
        text = f"{told}: each systemctl daemon-reload takes the GPUs from containers that got them without CDI"
        yield "cgroups", False, text
    else:
        yield "cgroups", True, told
