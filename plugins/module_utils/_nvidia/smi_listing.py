# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(nvidia-smi -L) and its comma-separated queries."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_model import (
    MigInstance,
    SmiGpu,
    SmiProcess,
    SmiReport,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_values import (
    mebibytes,
    number,
    text_of,
    version,
)

_GPU = re.compile(r"^GPU (\d+): (.+?) \(UUID: ([^)]+)\)")
_MIG = re.compile(r"^\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: ([^)]+)\)")
_UNIT = re.compile(r"\s*\[[^\]]*\]\Z")


def parse(text: str) -> SmiReport:
    """C(-L): GPUs and below each its MIG instances."""
    gpus: list[SmiGpu] = []
    mig: list[MigInstance] = []
    for line in text.splitlines():
        gpu, instance = _GPU.match(line), _MIG.match(line)
        if gpu:
            gpus.append(SmiGpu(index=int(gpu.group(1)), name=gpu.group(2), uuid=gpu.group(3)))
        elif instance and gpus:
            mig.append(MigInstance(gpus[-1].index, instance.group(1), int(instance.group(2)), instance.group(3)))
    return SmiReport(gpus=tuple(gpus), mig=tuple(mig))


def merged(numbered: t.Sequence[MigInstance], listed: t.Sequence[MigInstance]) -> tuple[MigInstance, ...]:
    """Instances with the numbers that the XML has, and the profiles and UUIDs of the listing."""
    known = {(instance.gpu_index, instance.device): instance for instance in listed}
    if not numbered:
        return tuple(listed)
    result = []
    for instance in numbered:
        other = known.get((instance.gpu_index, instance.device))
        result.append(replace(instance, profile=other.profile, uuid=other.uuid) if other else instance)
    return tuple(result)


def parse_query(text: str) -> SmiReport:
    """C(--query-gpu=... --format=csv). Without a header the values are known by their shapes."""
    lines = [line for line in text.splitlines() if line.strip()]
    header = [_UNIT.sub("", name.strip()) for name in lines[0].split(",")]
    if "name" not in header:
        return _without_header(lines)
    gpus, driver = [], ""
    for index, line in enumerate(lines[1:]):
        row = dict(zip(header, (value.strip() for value in line.split(","))))
        driver = version(row.get("kmd_version", "")) or version(row.get("driver_version", "")) or driver
        listed = number(row.get("index", ""))
        gpus.append(
            SmiGpu(
                index=index if listed is None else listed,
                name=row["name"],
                uuid=text_of(row.get("uuid", "")),
                bus_id=text_of(row.get("pci.bus_id", "")),
                memory_total=mebibytes(row.get("memory.total", "")),
                compute_capability=text_of(row.get("compute_cap", "")),
                mig_current=text_of(row.get("mig.mode.current", "")),
                mig_pending=text_of(row.get("mig.mode.pending", "")),
                persistence=text_of(row.get("persistence_mode", "")),
            )
        )
    return SmiReport(driver=driver, gpus=tuple(gpus))


def parse_processes(text: str) -> tuple[SmiProcess, ...]:
    """C(--query-compute-apps=... --format=csv). A process name may hold commas: it is what the others leave."""
    lines = text.splitlines()
    header = [_UNIT.sub("", name.strip()) for name in lines[0].split(",")]
    at = header.index("process_name")
    after = len(header) - at - 1
    processes = []
    for line in filter(str.strip, lines[1:]):
        values = [value.strip() for value in line.split(",")]
        end = len(values) - after
        row = dict(zip(header, [*values[:at], ", ".join(values[at:end]), *values[end:]]))
        pid = number(row.get("pid", ""))
        if pid is not None:
            bus_id = row.get("gpu_bus_id") or row.get("gpu_uuid", "")
            memory = mebibytes(row.get("used_gpu_memory", ""))
            processes.append(SmiProcess(pid=pid, name=text_of(row["process_name"]), gpu=bus_id, memory=memory))
    return tuple(processes)


def _without_header(lines: t.Iterable[str]) -> SmiReport:
    gpus, driver = [], ""
    for index, line in enumerate(lines):
        values = [value.strip() for value in line.split(",")]
        driver = next((v for v in values if re.fullmatch(r"\d{3}\.\d+(\.\d+)?", v)), driver)
        gpus.append(
            SmiGpu(
                index=index,
                name=next((v for v in values if re.search(r"[A-Za-z]{3}", v) and not v.startswith(("GPU-", "["))), ""),
                uuid=next((v for v in values if v.startswith("GPU-")), ""),
                bus_id=next((v for v in values if re.fullmatch(r"[0-9A-Fa-f]{4,8}(:[0-9A-Fa-f]{2}){2}\.\d", v)), ""),
                memory_total=next((mebibytes(v) for v in values if v.endswith("MiB")), None),
                compute_capability=next((v for v in values if re.fullmatch(r"\d{1,2}\.\d", v)), ""),
            )
        )
    return SmiReport(driver=driver, gpus=tuple(gpus))
