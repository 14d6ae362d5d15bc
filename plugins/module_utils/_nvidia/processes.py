# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a GPU open, from C(/proc): processes that nvidia-smi does not name, too, and with a broken driver."""

from __future__ import annotations

import json
import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Holder

_DEVICE = re.compile(r"^/dev/(?:nvidia(?:\d+|ctl|-uvm(?:-tools)?|-modeset)?|nvidia-caps/.+|nvidia-nvswitch\S*)\Z")
_MAPPED = re.compile(r"(/dev/nvidia\S*)")
# NVIDIA's own services. They hold the GPU all the time, and a driver change restarts them.
_DAEMONS = (
    *("nvidia-persiste", "nv-fabricmanage", "nv-hostengine", "nvidia-imex", "dcgm-exporter", "nvsm_core"),
    # Of Kubernetes' nodes: no drain takes these away.
    *("nvidia-device-p", "gpu-feature-dis"),
)
_CONTAINER = re.compile(r"(?:docker|cri-containerd|crio|libpod|containerd|kubepods\S*)[-/:]([0-9a-f]{64})")
_BARE_CONTAINER = re.compile(r"/([0-9a-f]{64})(?:/|\.scope|\Z)")
_JOB = re.compile(r"/job_(\d+)")
_UNIT = re.compile(r"^[^/]+\.(?:service|scope)\Z")
_DOCKER = "/var/lib/docker/containers"


def holders(host: Host) -> tuple[Holder, ...]:
    """Every process with a device of NVIDIA open or mapped, by pid. Of others' processes only root sees that."""
    found = []
    users: dict[int, str] | None = None
    for name in host.names("/proc"):
        if not name.isdigit():
            continue
        devices = _open_devices(host, name) or _mapped_devices(host, name)
        if devices:
            if users is None:
                users = _users(host)
            found.append(_holder(host, name, devices, users))
    return tuple(sorted(found, key=lambda holder: holder.pid))


def _open_devices(host: Host, pid: str) -> tuple[str, ...]:
    folder = host.path(f"/proc/{pid}/fd")
    devices = set()
    try:
        for name in os.listdir(folder):
            target = os.readlink(os.path.join(folder, name))
            if target.startswith("/dev/nvidia") and _DEVICE.match(target):
                devices.add(target)
    except OSError:  # it ended meanwhile, or is not ours to look at
        return tuple(sorted(devices))
    return tuple(sorted(devices))


def _mapped_devices(host: Host, pid: str) -> tuple[str, ...]:
    """A device stays in use as long as it is mapped, even when its file is closed."""
    text = host.read_text(f"/proc/{pid}/maps") or ""
    if "/dev/nvidia" not in text:
        return ()
    return tuple(sorted({match for match in _MAPPED.findall(text) if _DEVICE.match(match)}))


def _holder(host: Host, pid: str, devices: tuple[str, ...], users: t.Mapping[int, str]) -> Holder:
    comm = (host.read_text(f"/proc/{pid}/comm") or "").strip()
    words = (host.read_text(f"/proc/{pid}/cmdline") or "").rstrip("\0").split("\0")
    uid = re.search(r"(?m)^Uid:\s+(\d+)", host.read_text(f"/proc/{pid}/status") or "")
    number = int(uid.group(1)) if uid else -1
    unit, container, job = parse_cgroup(host.read_text(f"/proc/{pid}/cgroup") or "")
    return Holder(
        pid=int(pid),
        user=users.get(number) or _directory_name(number),
        command=" ".join(words).strip()[:200] or comm,
        devices=devices,
        unit=unit,
        container=_container_name(host, container),
        job=job,
        daemon=comm.startswith(_DAEMONS),
    )


def parse_cgroup(text: str) -> tuple[str, str, str]:
    """Unit, container id and Slurm job of a process, from C(/proc/PID/cgroup) of version 1 or 2."""
    unit = container = job = ""
    for line in text.splitlines():
        path = line.split(":", 2)[-1]
        match = _CONTAINER.search(path) or _BARE_CONTAINER.search(path)
        container = container or (match.group(1) if match else "")
        match = _JOB.search(path)
        job = job or (match.group(1) if match else "")
        if line.startswith("0::") or ":name=systemd:" in line:
            units = [part for part in path.split("/") if _UNIT.match(part)]
            unit = units[-1] if units else unit
    return ("" if container and container in unit else unit), container, job


def _container_name(host: Host, container: str) -> str:
    """Docker's name for a container, where it may be read, and the beginning of its id."""
    if not container:
        return ""
    try:
        name = json.loads(host.read_text(f"{_DOCKER}/{container}/config.v2.json") or "{}").get("Name", "")
    except ValueError:
        name = ""
    return f"{name.lstrip('/')} ({container[:12]})" if name else container[:12]


def _users(host: Host) -> dict[int, str]:
    users: dict[int, str] = {}
    for line in (host.read_text("/etc/passwd") or "").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdigit():
            users.setdefault(int(fields[2]), fields[0])
    return users


def _directory_name(uid: int) -> str:
    """A user that only a directory service knows."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError, ValueError):
        return f"uid {uid}" if uid >= 0 else "unknown"
