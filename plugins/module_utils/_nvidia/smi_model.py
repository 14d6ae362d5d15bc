# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nvidia-smi tells, in one form for all of its own forms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MigInstance:
    """A slice of a GPU. Numbers are None where a listing does not tell them."""

    gpu_index: int
    profile: str
    device: int
    uuid: str = ""
    gpu_instance: int | None = None
    compute_instance: int | None = None


@dataclass(frozen=True)
class Fabric:
    """Where a GPU stands with the switch fabric of its board: C(state) C(Not Started), C(In Progress), C(Completed),
    with how that ended in C(status). ``health`` is the driver's summary, empty before R590. All empty without a
    fabric."""

    state: str = ""
    status: str = ""
    clique: str = ""
    cluster: str = ""
    health: str = ""


@dataclass(frozen=True)
class SmiGpu:
    """What nvidia-smi says of one GPU. Memory is in MiB, None where the GPU has none of its own (C([N/A]))."""

    index: int
    name: str
    uuid: str = ""
    bus_id: str = ""
    memory_total: int | None = None
    compute_capability: str = ""
    mig_current: str = ""
    mig_pending: str = ""
    persistence: str = ""
    fabric: Fabric = Fabric()


@dataclass(frozen=True)
class SmiProcess:
    """A process as nvidia-smi sees it; the pid can be another name space's. ``kind`` is C, G, M or C+G."""

    pid: int
    name: str
    gpu: str = ""
    kind: str = ""
    memory: int | None = None


@dataclass(frozen=True)
class SmiReport:
    """One answer of nvidia-smi, in whatever form.

    ``driver`` is the kernel module's version, ``tool`` that of nvidia-smi, ``library`` what NVML says of itself, often
    with two numbers of the three; ``cuda`` the newest CUDA that this driver runs. ``error`` is empty, or C(mismatch),
    C(no_driver), C(no_devices), C(failed), and then ``message`` holds what was printed.
    """

    driver: str = ""
    tool: str = ""
    library: str = ""
    cuda: str = ""
    gpus: tuple[SmiGpu, ...] = ()
    mig: tuple[MigInstance, ...] = ()
    processes: tuple[SmiProcess, ...] = ()
    error: str = ""
    message: str = ""
