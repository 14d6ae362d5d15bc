# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer that stays on a host: a driver that no package manager knows is put back by nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import (
    KeptInstaller,
    Runfile,
    Target,
    WayBack,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import RUNFILE, Observed

FOLDER = "/var/lib/gpufleet-mlstack/nvidia-installer"
# The name says all of it, so that no note and no file can disagree.
_NAME = re.compile(r"^(?P<version>\d{3}\.\d+(?:\.\d+)?)-(?P<sha256>[0-9a-f]{64})\.run\Z")


def find(host: Host) -> tuple[KeptInstaller, ...]:
    """The installers that are kept: one, or more where a run was killed."""
    found = []
    for name in host.names(FOLDER):
        match = _NAME.match(name)
        if match:
            path = f"{FOLDER}/{name}"
            found.append(
                KeptInstaller(path, match.group("version"), match.group("sha256"), os.stat(host.path(path)).st_size)
            )
    return tuple(found)


def keep(host: Host, path: str, version: str, sha256: str) -> None:
    """Let a verified installer stay. Raises MlstackError where the disk does not allow it."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, trust, writing

    folder = host.path(FOLDER)
    kept = os.path.join(folder, f"{version}-{sha256}.run")
    with disk.explained(f"keep NVIDIA's installer of the driver {version} in {FOLDER}"):
        disk.make_folder(folder)
        os.chmod(folder, 0o700)
        trust.require(folder, f"keep NVIDIA's installer of the driver {version} in {FOLDER}")
        writing.copy_in(path, kept, 0o600, link=True)
        disk.sync_filesystem(folder)
        disk.sync_folder(folder)


def delete(host: Host, path: str) -> None:
    """Take a kept installer away, and with the last one its folder."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk

    with disk.explained(f"delete {path}"):
        disk.delete(host.path(path))
        with contextlib.suppress(OSError):
            os.rmdir(host.path(FOLDER))


def instead_of(runfile: Runfile, version: str, kept: t.Iterable[KeptInstaller]) -> Runfile:
    """A kept installer in place of one that would have to be fetched, where it is the same. Pure."""
    for installer in kept:
        if installer.version == version and runfile.sha256 in ("", installer.sha256):
            return Runfile(installer.path, "", installer.sha256)
    return runfile


def as_desired(target: Target, found: Observed) -> bool:
    """Whether the installer's driver that is wanted is here, for the kernel that boots next. Pure."""
    module = found.next_boot.module if found.next_boot else None
    if not found.leftovers or found.libraries != target.version or module is None:
        return False
    return not module.flavour or module.flavour == target.flavour


def replaces_one(target: Target | None, found: Observed) -> bool:
    """Whether a driver of the installer, a whole one, has to make room for what is wanted. Pure."""
    if not found.leftovers or not found.libraries or found.driver_pieces or not _modules(found):
        return False
    return target is None or target.source != RUNFILE or not as_desired(target, found)


def way_back(
    target: Target | None,
    found: Observed,
    noted: t.Mapping[str, t.Any],
    kept: t.Iterable[KeptInstaller],
    published: t.Callable[[str], Runfile],
) -> WayBack | None:
    """How the present driver could be put back, if it is one of the installer's and has to go: by the installer that
    is kept, or from where it came, or as NVIDIA publishes it. Pure.

    ``noted`` is what was written down of the present driver, ``published`` knows the installer of a version, without a
    digest where it does not; nothing is fetched for a driver that shall be gone anyway.
    """
    if not replaces_one(target, found):
        return None
    version, flavour = found.libraries, _flavour(found, noted)
    for installer in kept:
        if installer.version == version:
            return WayBack(version, flavour, Runfile(installer.path, "", installer.sha256), kept=True)
    if target is None:
        return WayBack(version, flavour, Runfile())
    if (noted.get("source"), noted.get("version")) == (RUNFILE, version):
        told = noted.get("runfile") or {}
        if told.get("sha256"):
            return WayBack(version, flavour, Runfile(told.get("path", ""), told.get("url", ""), told["sha256"]))
    return WayBack(version, flavour, published(version))


def _modules(found: Observed) -> tuple[str, ...]:
    """The flavours of the kernel modules that belong to the libraries, that of the next boot first."""
    kernels = sorted(found.kernels, key=lambda kernel: not kernel.boots_next)
    return tuple(k.module.flavour for k in kernels if k.module is not None and k.module.version == found.libraries)


def _flavour(found: Observed, noted: t.Mapping[str, t.Any]) -> str:
    on_disk = next(iter(_modules(found)), "")
    if on_disk:
        return on_disk
    if found.loaded is not None and found.loaded.version == found.libraries and found.loaded.flavour:
        return found.loaded.flavour
    return str(noted.get("flavour", "")) if noted.get("version") == found.libraries else ""
