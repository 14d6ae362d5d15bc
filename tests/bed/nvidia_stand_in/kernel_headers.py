# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers of the running kernel: what lets a driver's package build its module, here as on a real host."""

from __future__ import annotations

import platform
from collections.abc import Iterator

from ..package_specs import Package


def release() -> str:
    """The kernel that containers see, which is this machine's."""
    return platform.release()


def of_el(kernel: str) -> Package:
    """kernel-devel of one of Enterprise Linux' kernels, by its name without the architecture."""
    version, _dash, build = kernel.partition("-")
    folder = f"/usr/src/kernels/{kernel}.x86_64"
    return Package(
        "kernel-devel",
        version,
        build,
        files={f"{folder}/Makefile": "# stand-in\n"},
        links={f"/lib/modules/{kernel}.x86_64/build": folder},
        stand_in_for=f"the headers of {kernel}",
    )


def packages(manager: str) -> Iterator[Package]:
    """The package with the headers, under the name that each distribution gives it."""
    kernel = release()
    version, _dash, build = kernel.partition("-")
    folder = {"apt": f"/usr/src/linux-headers-{kernel}", "dnf": f"/usr/src/kernels/{kernel}"}[manager]
    name = {"apt": f"linux-headers-{kernel}", "dnf": "kernel-devel"}[manager]
    yield Package(
        name,
        version,
        build.replace("-", ".") or "1",
        files={f"{folder}/Makefile": "# stand-in\n", f"/lib/modules/{kernel}/modules.order": ""},
        links={f"/lib/modules/{kernel}/build": folder},
        stand_in_for=f"the headers of {kernel}",
    )
