# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host has its driver from before again, and how that is told. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observed


def same(before: Observed, now: Observed) -> bool:
    """Whether it is the same driver: the same packages, or the same one of the installer."""
    return _packages(before) == _packages(now) and _by_installer(before) == _by_installer(now)


def told(before: Observed, now: Observed, reasons: t.Sequence[str]) -> tuple[str, bool]:
    """The end of a failure's message, and whether all is as before. ``reasons`` are what stood in the way."""
    if same(before, now):
        if before.leftovers:
            return f"the driver {before.libraries} was put back by its installer", True
        if before.driver_pieces:
            return "the packages from before are back", True
        return "what was there of the driver was removed again; this host has none, as before", True
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return f"the driver from before could not be put back{why}; this host now has {described(now)}", False


def described(found: Observed) -> str:
    """What there is of a driver, in words."""
    parts = [f"{piece.package} {piece.version}" for piece in found.driver_pieces]
    if found.leftovers:
        parts.append(f"{found.libraries or 'remains'} of an installer ({', '.join(found.leftovers)})")
    kernel = found.next_boot
    if kernel is not None and kernel.module is not None:
        parts.append(f"the kernel module {kernel.module.version or 'of an unknown version'} for {kernel.release}")
    return ", ".join(parts) if parts else "no NVIDIA driver on its disk"


def _packages(found: Observed) -> tuple[tuple[str, str, bool], ...]:
    # Holds are put back later, and the order says nothing.
    return tuple(sorted((piece.package, piece.version, piece.complete) for piece in found.pieces))


def _by_installer(found: Observed) -> t.Any:
    """What an installer's driver consists of; of packages that is the package manager's matter."""
    if not found.leftovers:
        return None
    modules = {kernel.release: kernel.module.version for kernel in found.kernels if kernel.module is not None}
    return found.leftovers, found.libraries, modules
