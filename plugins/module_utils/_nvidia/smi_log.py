# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(nvidia-smi -q), indented text, and C(nvidia-smi --version)."""

from __future__ import annotations

import re
import typing as t

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

_GPU = re.compile(r"^GPU ([0-9A-Fa-f]{4,8}:[0-9A-Fa-f:.]+)\s*\Z")
_PID = re.compile(r"^process id\Z")


def parse(text: str) -> SmiReport:
    """Read the log. Sections may be missing: C(-q -d) prints some of them."""
    head: dict[str, str] = {}
    gpus: list[SmiGpu] = []
    mig: list[MigInstance] = []
    processes: list[SmiProcess] = []
    for block in _blocks(text):
        match = _GPU.match(block[0]) if block else None
        if match is None:
            head.update({path[-1]: value for path, value in _entries(block) if len(path) == 1})
            continue
        entries = list(_entries(block[1:]))
        gpu = _gpu(len(gpus), match.group(1), dict(entries))
        gpus.append(gpu)
        mig += _mig(gpu, entries)
        processes += _processes(gpu, entries)
    return SmiReport(
        driver=version(head.get("KMD Version", "")) or version(head.get("Driver Version", "")),
        cuda=version(head.get("CUDA UMD Version", "")) or version(head.get("CUDA Version", "")),
        gpus=tuple(gpus),
        mig=tuple(mig),
        processes=tuple(processes),
    )


def parse_version(text: str) -> SmiReport:
    """C(nvidia-smi --version). C(library) is NVML's two-part version, C(590.48)."""
    fields = {name.strip().lower(): value for name, colon, value in _pairs(text.splitlines()) if colon}
    return SmiReport(
        driver=version(fields.get("kmd version", "")) or version(fields.get("driver version", "")),
        tool=version(fields.get("nvidia-smi version", "")),
        library=version(fields.get("nvml version", "")),
        cuda=version(fields.get("cuda umd version", "")) or version(fields.get("cuda version", "")),
    )


def _blocks(text: str) -> t.Iterator[list[str]]:
    """The lines of each GPU, and those before the first."""
    block: list[str] = []
    for line in text.splitlines():
        if _GPU.match(line):
            yield block
            block = []
        if line.strip():
            block.append(line)
    yield block


def _pairs(lines: t.Iterable[str]) -> t.Iterator[tuple[str, str, str]]:
    for line in lines:
        yield line.partition(" :") if " :" in line else line.partition(":")


def _entries(lines: t.Sequence[str]) -> t.Iterator[tuple[tuple[str, ...], str]]:
    """Each line as the path of headings above it, and its value; headings have none."""
    stack: list[tuple[int, str]] = []
    for line, (name, _colon, value) in zip(lines, _pairs(lines)):
        depth = len(line) - len(line.lstrip())
        while stack and stack[-1][0] >= depth:
            stack.pop()
        stack.append((depth, name.strip()))
        yield tuple(heading for _depth, heading in stack), value.strip()


def _gpu(index: int, bus_id: str, values: t.Mapping[tuple[str, ...], str]) -> SmiGpu:
    return SmiGpu(
        index=index,
        name=text_of(values.get(("Product Name",), "")),
        uuid=text_of(values.get(("GPU UUID",), "")),
        bus_id=bus_id,
        memory_total=mebibytes(values.get(("FB Memory Usage", "Total"), "")),
        mig_current=text_of(values.get(("MIG Mode", "Current"), "")),
        mig_pending=text_of(values.get(("MIG Mode", "Pending"), "")),
        persistence=text_of(values.get(("Persistence Mode",), "")),
    )


def _mig(gpu: SmiGpu, entries: t.Iterable[tuple[tuple[str, ...], str]]) -> t.Iterator[MigInstance]:
    fields: dict[str, str] = {}
    for path, value in (*entries, (("MIG Device",), "")):
        if path == ("MIG Device",):
            if "Index" in fields:
                yield MigInstance(
                    gpu_index=gpu.index,
                    profile="",
                    device=number(fields["Index"]) or 0,
                    gpu_instance=number(fields.get("GPU Instance ID", "")),
                    compute_instance=number(fields.get("Compute Instance ID", "")),
                )
            fields = {}
        elif path[0] == "MIG Device" and len(path) == 2:
            fields[path[1]] = value


def _processes(gpu: SmiGpu, entries: t.Iterable[tuple[tuple[str, ...], str]]) -> t.Iterator[SmiProcess]:
    fields: dict[str, str] = {}
    for path, value in (*entries, (("Processes", "Process ID"), "")):
        if path[0] != "Processes":
            continue
        if _PID.match(path[-1].lower()):
            pid = number(fields.get("process id", ""))
            if pid is not None:
                yield SmiProcess(
                    pid=pid,
                    name=text_of(fields.get("name", "")),
                    gpu=gpu.bus_id,
                    kind=text_of(fields.get("type", "")),
                    memory=mebibytes(fields.get("used gpu memory", "")),
                )
            fields = {}
        fields[path[-1].lower()] = value
