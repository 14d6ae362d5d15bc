# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the bed up and down: images, network, and the container that serves the repositories."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from . import host, images
from .docker import LABEL, NETWORK, containers, docker, ensure_network, obstacle
from .repositories import ON_HOSTS, URL

_SERVER_LABEL = "gpufleet.bed.server"


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the bed's lock: two builds at once would do the same work twice."""
    directory = host.state_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up() -> None:
    """Build what is missing and start the repository server; about a second when there is nothing to do."""
    why = obstacle()
    if why:
        raise host.BedError(f"The test bed needs docker: {why}.")
    with only_one():
        if images.missing():
            obstacles = host.obstacles()
            if obstacles:
                raise host.BedError(f"The test bed cannot be built here: {'; '.join(obstacles)}.")
            images.build()
        ensure_network()
        _ensure_server()


def down(*, remove_images: bool = False) -> None:
    """Remove the bed's containers and network, and with `remove_images` the images too."""
    with only_one():
        names = containers()
        if names:
            docker("rm", "--force", "--volumes", *names)
        if NETWORK in docker("network", "ls", "--format", "{{.Name}}").split():
            docker("network", "rm", NETWORK)
        tags = docker("images", "gpufleet-bed/*", "--format", "{{.Repository}}:{{.Tag}}").split()
        if remove_images and tags:
            docker("rmi", "--force", *tags)


def _ensure_server() -> None:
    """Serve the repositories on the bed's network; a server of older content is replaced."""
    current = f"{_SERVER_LABEL}={images.content_hash()}"
    # On this bed's own network: another bed's server has the same label.
    if docker("ps", "--filter", f"label={current}", "--filter", f"network={NETWORK}", "--quiet").split():
        return
    name = f"{NETWORK}-packages"
    if name in containers():
        docker("rm", "--force", name)
    alias = URL.removeprefix("http://")
    words = ["--detach", "--init", "--name", name, "--label", LABEL, "--label", current]
    serve = ["python3", "-m", "http.server", "80", "--directory", ON_HOSTS]
    docker("run", *words, "--network", NETWORK, "--network-alias", alias, images.IMAGES["debian12"].tag, *serve)
