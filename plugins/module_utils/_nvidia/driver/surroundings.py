# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies around a driver on a host: space, services, initial file systems, DKMS' builds."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import on_disk
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.model import Space
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.plan import SERVICES
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observed

# A driver with its libraries takes about 1.2 GB when unpacked, and a build of its modules 0.4 GB; measured with 535 and
# 550 on Debian 12 and rounded up. In bytes.
_PACKAGES, _BUILD, _INITRAMFS = 1_500_000_000, 500_000_000, 64_000_000
_UNITS = ("/usr/lib/systemd/system", "/lib/systemd/system", "/etc/systemd/system")
_IMAGES = ("/boot/initrd.img-{}", "/boot/initramfs-{}.img")
_BUILD_SECONDS = 3600.0


def spaces(host: Host, found: Observed) -> tuple[Space, ...]:
    """Free and needed bytes for a change of the driver; a new initial file system is written beside the old one."""
    needed: dict[str, int] = {"/usr": _PACKAGES, "/var": _BUILD}
    images = [form.format(kernel.release) for kernel in found.kernels for form in _IMAGES]
    sizes = [os.stat(host.path(path)).st_size for path in images if host.exists(path)]
    if sizes:
        needed["/boot"] = max(sizes) + _INITRAMFS
    found_spaces: dict[tuple[int, str], Space] = {}
    for path, size in needed.items():
        if not host.exists(path):
            continue
        state = os.statvfs(host.path(path))
        key = (os.stat(host.path(path)).st_dev, "")
        known = found_spaces.get(key)
        # What shares a file system shares its space.
        total = size + (known.needed if known else 0)
        found_spaces[key] = Space(known.path if known else path, state.f_bavail * state.f_frsize, total)
    return tuple(found_spaces.values())


def offered_services(host: Host) -> tuple[str, ...]:
    """The driver's services that can be enabled: a unit without an install section is started by others."""
    return tuple(
        name for name in SERVICES.values() if any("[Install]" in (host.read_text(f"{u}/{name}") or "") for u in _UNITS)
    )


def enabled_services(host: Host) -> tuple[str, ...]:
    """Those of them that start at boot, by the links that systemd makes."""
    return tuple(name for name in SERVICES.values() if _links(host, name))


def _links(host: Host, service: str) -> list[str]:
    """The folders in which systemd has a link to a service that it shall start."""
    top = "/etc/systemd/system"
    folders = [f"{top}/{name}" for name in host.names(top) if name.endswith((".wants", ".requires"))]
    return [folder for folder in folders if os.path.lexists(host.path(f"{folder}/{service}"))]


def disable(host: Host, name: str) -> None:
    """Take away the links by which a service starts at boot; its unit may be gone already."""
    for folder in _links(host, name):
        os.unlink(host.path(f"{folder}/{name}"))


def build(host: Host, commands: Commands, release: str) -> None:
    """Let DKMS build what it knows for a kernel. Raises MlstackError with the end of the build's log."""
    program = host.which("dkms")
    if program is None:
        raise _not_built(release, "the program dkms is not installed")
    result = commands.run(
        [program, "autoinstall", "-k", release],
        purpose=f"build modules for {release}",
        timeout=_BUILD_SECONDS,
        check=False,
    )
    module = next((k.module for k in on_disk.kernels(host, commands, detail=False) if k.release == release), None)
    if module is None:
        raise _not_built(release, f"dkms ended with status {result.rc}: {_log(host) or result.err.strip()[-500:]}")


def rebuild_initramfs(host: Host, commands: Commands, family: str, release: str) -> None:
    """Make the initial file system of a kernel anew."""
    if family == "Debian":
        argv: t.Sequence[str] = ["update-initramfs", "-u", "-k", release]
    else:
        argv = ["dracut", "--force", host.path(f"/boot/initramfs-{release}.img"), release]
    commands.run(argv, purpose=f"rebuild the initial file system of {release}", timeout=1800.0, outlives_us=True)


def _log(host: Host) -> str:
    """The last lines of DKMS' newest log that name an error."""
    lines: list[str] = []
    for module in host.names("/var/lib/dkms"):
        for version in host.names(f"/var/lib/dkms/{module}"):
            text = host.read_text(f"/var/lib/dkms/{module}/{version}/build/make.log") or ""
            lines += [line for line in text.splitlines() if "error" in line.lower()]
    return "; ".join(lines[-3:])


def _not_built(release: str, found: str) -> MlstackError:
    return MlstackError(
        "module_not_built",
        wanted=f"the driver's kernel module for {release}",
        found=found,
        to_fix="see /var/lib/dkms/*/*/build/make.log; a compiler older than the kernel's, or another kernel's headers, "
        "are the usual causes",
        changed=True,
    )
