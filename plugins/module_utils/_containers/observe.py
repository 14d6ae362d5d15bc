# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has of engines, of the toolkit, and of all that decides whether containers reach GPUs. Reads only."""

from __future__ import annotations

import os
import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers import cdi, docker_api, note
from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import (
    AUTO,
    CRIO,
    DOCKER,
    PODMAN,
    REFRESH_ENV,
    REFRESHED,
    UNKNOWN,
    ConfigFile,
    Desired,
    Observed,
    Specification,
    Surroundings,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import reading
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import libraries, loaded

_PROGRAMS = {DOCKER: "dockerd", CRIO: "crio", PODMAN: "podman"}
_PID_FILE = "/run/docker.pid"
_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
_UNIT = "nvidia-cdi-refresh.service"
FOLDERS = ("/etc/cdi", "/run/cdi")
_SETTINGS = "/etc/nvidia-container-runtime/config.toml"
_OLD_HOOK = "/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json"
_MOST_CONFIGURATION, _MOST_SPECIFICATION = 1 << 20, 16 << 20
_VERSION = re.compile(r"version v?(\d+(?:\.\d+)+\S*)")
_MODE = re.compile(r'^\s*mode\s*=\s*"(?P<mode>[^"]*)"', re.MULTILINE)
_NO_CGROUPS = re.compile(r"^\s*no-cgroups\s*=\s*true\b", re.MULTILINE)


def look(desired: Desired, context: Context) -> Observed:
    """Everything that the plan and the result are made from."""
    host = context.host
    named = [name for name in desired.engines if name != AUTO]
    wanted = list(_PROGRAMS) if AUTO in desired.engines or desired.state == REFRESHED else named
    there = [name for name in wanted if host.which(_PROGRAMS[name])]
    running = loaded.read(host)
    return Observed(
        engines=tuple(there),
        missing=tuple(name for name in named if name not in there),
        toolkit=_version(context, "nvidia-ctk"),
        daemon_json=configuration(host, desired.docker_config),
        dockerd=_arguments(host, docker_pid(host)),
        docker=docker_api.ask(host) if DOCKER in there or not desired.present else None,
        specifications=specifications(host, desired.cdi_file),
        loaded=running.version if running is not None else "",
        libraries=libraries.version(host),
        refresh_unit=any(host.exists(f"{folder}/{_UNIT}") for folder in _UNITS),
        refresh_env=configuration(host, REFRESH_ENV),
        podman=_version(context, "podman") if PODMAN in there else "",
        note=note.read(host),
        surroundings=_surroundings(host),
    )


def configuration(host: Host, path: str) -> ConfigFile:
    """A file that we may add to. A link is not followed: where it leads is somebody else's affair."""
    try:
        return ConfigFile(path, reading.read_text(host.path(path), _MOST_CONFIGURATION, errors="strict"))
    except reading.NotReadable as exc:
        return ConfigFile(path) if exc.code == reading.ABSENT else ConfigFile(path, problem=exc.reason)


def docker_pid(host: Host) -> int:
    """The process of this host's dockerd; 0 without one. A container's own daemon writes no file here."""
    text = (host.read_text(_PID_FILE) or "").strip()
    if not re.fullmatch("[1-9][0-9]{0,9}", text):
        return 0
    return int(text) if (host.read_text(f"/proc/{text}/comm") or "").strip() == "dockerd" else 0


def _arguments(host: Host, pid: int) -> tuple[str, ...]:
    text = host.read_text(f"/proc/{pid}/cmdline") if pid else ""
    return tuple((text or "").rstrip("\0").split("\0")[1:])


def specifications(host: Host, named: str) -> tuple[Specification, ...]:
    """Every CDI file for NVIDIA's devices, those in other folders than the usual only where the task names them."""
    paths = [f"{folder}/{name}" for folder in FOLDERS for name in host.names(folder)]
    paths += [named] if named and named not in paths else []
    found = [specification(host, path) for path in paths if path.endswith((".yaml", ".yml", ".json"))]
    return tuple(one for one in found if one is not None)


def specification(host: Host, path: str) -> Specification | None:
    """What one of these files says; None where it is not read or of other devices."""
    try:
        text = reading.read_text(host.path(path), _MOST_SPECIFICATION)
        mode = os.stat(host.path(path)).st_mode
    except (reading.NotReadable, OSError):
        return None
    return cdi.read(path, text, everybody=bool(mode & 0o004))


def _version(context: Context, program: str) -> str:
    """What a program says of itself, empty where it is not there, UNKNOWN where it says nothing."""
    path = context.host.which(program)
    if path is None:
        return ""
    try:
        done = context.commands.run([path, "--version"], purpose=f"ask {program} for its version", timeout=60)
    except CommandError:
        return UNKNOWN
    match = _VERSION.search(done.out)
    return match.group(1) if match else UNKNOWN


def _surroundings(host: Host) -> Surroundings:
    settings = host.read_text(_SETTINGS) or ""
    mode = _MODE.search(settings)
    return Surroundings(
        cgroups=_cgroups(host),
        selinux=_selinux(host),
        selinux_devices=_boolean(host.read_text("/sys/fs/selinux/booleans/container_use_devices")),
        uvm=host.exists("/dev/nvidia-uvm"),
        mode=mode.group("mode") if mode else "",
        no_cgroups=bool(_NO_CGROUPS.search(settings)),
        old_hook=_OLD_HOOK if host.exists(_OLD_HOOK) else "",
    )


def _cgroups(host: Host) -> int | None:
    if host.exists("/sys/fs/cgroup/cgroup.controllers"):
        return 2
    return 1 if host.exists("/sys/fs/cgroup/devices") or host.exists("/sys/fs/cgroup/memory") else None


def _selinux(host: Host) -> str:
    if not host.exists("/sys/fs/selinux/enforce"):
        return "disabled" if host.exists("/sys/fs") else ""
    state = (host.read_text("/sys/fs/selinux/enforce") or "").strip()
    return {"1": "enforcing", "0": "permissive"}.get(state, "")


def _boolean(text: str | None) -> bool | None:
    """The present value, which stands before the one that waits to be committed."""
    words = (text or "").split()
    return {"1": True, "0": False}.get(words[0]) if words else None
