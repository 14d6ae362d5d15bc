# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that nvidia-smi prints without arguments."""

from __future__ import annotations

import re

from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_model import (
    MigInstance,
    SmiGpu,
    SmiProcess,
    SmiReport,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_values import mebibytes, number, text_of

_HEAD = re.compile(
    r"\|\s*NVIDIA-SMI\s+(\S+)\s+(?:Driver|KMD) Version:\s*([\d.]+)(?:\s+CUDA (?:UMD )?Version:\s*([\d.]+))?"
)
# '|   0  Tesla V100-SXM2...  On   | 00000000:86:00.0 Off |'; a long name is cut off with dots
_GPU = re.compile(r"^\|\s*(\d+)\s{2,}(\S.*?)\s+(\S+)\s*\|\s*([0-9A-Fa-f]{8}:[0-9A-Fa-f:.]+)\s+\S+\s*\|")
_MEMORY = re.compile(r"\|\s*(?:\d+MiB)\s*/\s*(\d+)MiB\s*\|")
_MIG_MODE = re.compile(r"^\|\s+\|\s+\|\s*(Enabled|Disabled)\*?\s*\|\s*\Z")
_MIG = re.compile(r"^\|\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\|\s*\d+MiB")
_PROCESS = re.compile(
    r"^\|\s*(\d+)\s+(?:(\d+|N/A)\s+(\d+|N/A)\s+)?(\d+)\s+([CGM+]+)\s+(\S.*?)\s+(\d+MiB|N/A)\s*\|\s*\Z"
)
_PREFIX = re.compile(r"^[^|+]*(?=[|+])")  # the time stamps of a build server


def parse(text: str) -> SmiReport:
    """Read the table, with or without MIG and processes, as drivers from 418 to 610 print it."""
    tool = driver = cuda = ""
    gpus: list[dict[str, object]] = []
    mig: list[MigInstance] = []
    processes: list[SmiProcess] = []
    listing_processes = False
    for line in (_PREFIX.sub("", line.rstrip()) for line in text.splitlines()):
        listing_processes = listing_processes or "Processes:" in line
        head, gpu, mode, instance = (form.match(line) for form in (_HEAD, _GPU, _MIG_MODE, _MIG))
        process = _PROCESS.match(line) if listing_processes else None
        memory = _MEMORY.search(line)
        if head:
            tool, driver, cuda = head.group(1), head.group(2), head.group(3) or ""
        elif process:
            processes.append(_process(process, [str(known["bus_id"]) for known in gpus]))
        elif gpu:
            gpus.append({"index": int(gpu.group(1)), "name": gpu.group(2), "bus_id": gpu.group(4)})
            gpus[-1]["persistence"] = {"On": "Enabled", "Off": "Disabled"}.get(gpu.group(3), "")
        elif instance:
            numbers = [int(value) for value in instance.groups()]
            mig.append(MigInstance(numbers[0], "", numbers[3], gpu_instance=numbers[1], compute_instance=numbers[2]))
        elif memory and gpus and "memory_total" not in gpus[-1]:
            gpus[-1]["memory_total"] = int(memory.group(1))
        elif mode and gpus:
            gpus[-1]["mig_current"] = mode.group(1)
    return SmiReport(
        driver=driver,
        tool=tool,
        cuda=cuda,
        gpus=tuple(SmiGpu(**gpu) for gpu in gpus),  # type: ignore[arg-type]
        mig=tuple(mig),
        processes=tuple(processes),
    )


def _process(match: re.Match[str], bus_ids: list[str]) -> SmiProcess:
    index = number(match.group(1)) or 0
    return SmiProcess(
        pid=int(match.group(4)),
        name=text_of(match.group(6)),
        gpu=bus_ids[index] if index < len(bus_ids) else "",
        kind=match.group(5),
        memory=mebibytes(match.group(7)),
    )
