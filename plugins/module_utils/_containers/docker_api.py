# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running dockerd says of itself, by its socket: no program is started, and no client need be there."""

from __future__ import annotations

import http.client
import json
import os
import socket
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.model import Docker
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

SOCKET = "/run/docker.sock"
_SECONDS = 10.0
_MOST_BYTES = 16 << 20


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(host: Host) -> Docker | None:
    """The daemon's own words; None where nobody answers at the socket. One that says what cannot be read counts as
    running, of which nothing is known."""
    path = host.path(SOCKET)
    # Who could put a socket there could tell us anything; the daemon makes it in a folder of root's.
    if trust.flaw_of(os.path.dirname(path)) is not None:
        return None
    try:
        info = _get(path, "/info")
    except (OSError, http.client.HTTPException):
        return None
    except ValueError:
        return Docker()
    return read(info)


def read(info: t.Any) -> Docker:
    """The parts of the answer to C(/info) that matter here, whatever else is in it."""
    if not isinstance(info, dict):
        return Docker()
    runtimes, swarm = info.get("Runtimes"), info.get("Swarm")
    folders = info.get("CDISpecDirs")
    # Docker's API counts paused containers apart; a restart would end them just so.
    running = _count(info.get("ContainersRunning"))
    paused = _count(info.get("ContainersPaused", 0))
    return Docker(
        version=_text(info.get("ServerVersion")),
        runtimes=tuple(sorted(map(str, runtimes))) if isinstance(runtimes, dict) else None,
        default_runtime=_text(info.get("DefaultRuntime")),
        running=None if running is None or paused is None else running + paused,
        live_restore=bool(info.get("LiveRestoreEnabled")),
        swarm=isinstance(swarm, dict) and swarm.get("LocalNodeState") not in (None, "", "inactive"),
        cgroup_driver=_text(info.get("CgroupDriver")),
        # The key came with the feature (25.0); null and [] mean that it is off.
        cdi=bool(folders) if "CDISpecDirs" in info else None,
        rootless=any("rootless" in str(item) for item in info.get("SecurityOptions") or ()),
    )


def _count(value: t.Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: t.Any) -> str:
    return value if isinstance(value, str) else ""


def _get(path: str, address: str) -> t.Any:
    connection = _OverSocket(path)
    try:
        connection.request("GET", address)
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"it answered {answer.status}")
        return json.loads(answer.read(_MOST_BYTES))
    finally:
        connection.close()
