# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What DKMS has built, read from its tree C(/var/lib/dkms).

    <module>/<version>/source                    registered
    <module>/<version>/<kernel>/<arch>/module/   built for a kernel
    <module>/kernel-<kernel>-<arch>              link to what is installed for a kernel

C(dkms status) reads the same and takes most of a second.
"""

from __future__ import annotations

import os
import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

_TREE = "/var/lib/dkms"
# Not nvidia-fs, nvidia-peermem and such, which have versions of their own.
_DRIVER = re.compile(r"^nvidia(?:-(?:current|tesla|legacy|open|srv|\d)[\w.-]*)?\Z")
_INSTALLED = re.compile(r"^kernel-(?P<release>.+)-(?P<arch>[^-]+)\Z")


def built(host: Host) -> dict[str, str]:
    """The driver's version that DKMS has installed for each kernel."""
    found: dict[str, str] = {}
    for module in _modules(host):
        for name in host.names(f"{_TREE}/{module}"):
            match = _INSTALLED.match(name)
            if match:
                version = _version(host, f"{_TREE}/{module}/{name}")
                if version:
                    found[match.group("release")] = version
    return found


def registered(host: Host) -> str:
    """The newest version of the driver that DKMS knows, built or not; empty for none."""
    versions = [
        name
        for module in _modules(host)
        for name in host.names(f"{_TREE}/{module}")
        if name[:1].isdigit() and os.path.lexists(host.path(f"{_TREE}/{module}/{name}/source"))
    ]
    return max(versions, key=lambda text: [int(part) for part in re.findall(r"\d+", text)], default="")


def _modules(host: Host) -> list[str]:
    return [name for name in host.names(_TREE) if _DRIVER.match(name)]


def _version(host: Host, link: str) -> str:
    """A link such as C(535.309.01/6.1.0-50-amd64/x86_64): the version is its first part."""
    try:
        parts = os.readlink(host.path(link)).rstrip("/").split("/")
    except OSError:
        return ""
    return parts[-3] if len(parts) >= 3 else ""
