# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calling docker: the few verbs that the bed needs, through its command line."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from . import host

# Another network, with another folder for the bed's state, is another bed: two checkouts then don't meet.
NETWORK = os.environ.get("GPUFLEET_BED_NETWORK") or "gpufleet-bed"
# What is removed with a bed is its own alone.
LABEL = f"gpufleet.bed={NETWORK}"

# The classic builder: BuildKit would need a plug-in that Debian packages apart.
_ENVIRONMENT = {"DOCKER_BUILDKIT": "0"}


def docker(*words: str | Path, stdin: str | None = None) -> str:
    """Run one docker command and return what it printed; BedError with its words when it fails."""
    return host.run(["docker", *words], stdin=stdin, env=_ENVIRONMENT).strip()


def obstacle() -> str:
    """Why docker cannot be used here, "" when it can."""
    if not shutil.which("docker"):
        return "there is no docker client: apt-get install docker.io"
    asked = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, check=False
    )
    return "" if asked.returncode == 0 else f"no docker engine answers: {asked.stderr.strip()}"


def image_exists(tag: str) -> bool:
    """Whether docker holds an image of that tag."""
    return bool(docker("images", "--quiet", tag))


def containers(label: str = LABEL) -> list[str]:
    """Names of the containers, running or not, that carry a label."""
    return docker("ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}").split()


def ensure_network() -> None:
    """The bed's own bridge network: hosts reach the archive and each other, nothing outside reaches them."""
    if NETWORK not in docker("network", "ls", "--format", "{{.Name}}").split():
        docker("network", "create", "--label", LABEL, NETWORK)
