# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(nvidia-smi -q -x): the XML of nvsmi_device_v10 and later."""

from __future__ import annotations

import re
import typing as t
from xml.etree import ElementTree

from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_model import (
    Fabric,
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

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def tree(text: str) -> ElementTree.Element:
    """The XML as elements; raises ParseError or ValueError. Control characters that XML cannot hold are left out: names
    of processes can have them."""
    return ElementTree.fromstring(_CONTROLS.sub("", text[text.index("<nvidia_smi_log") :]))


def parse(text: str) -> SmiReport:
    """Read the XML. Text that is none, or breaks off, gives a report with an error."""
    try:
        root = tree(text)
    except (ElementTree.ParseError, ValueError) as exc:
        return SmiReport(error="failed", message=f"the XML of nvidia-smi cannot be read: {exc}")
    gpus = [_gpu(index, element) for index, element in enumerate(root.iter("gpu"))]
    return SmiReport(
        driver=_first_version(root, "kmd_version", "driver_version"),
        cuda=_first_version(root, "cuda_umd_version", "cuda_version"),
        gpus=tuple(gpus),
        mig=tuple(instance for gpu, element in zip(gpus, root.iter("gpu")) for instance in _mig(gpu, element)),
        processes=tuple(
            process for gpu, element in zip(gpus, root.iter("gpu")) for process in _processes(gpu, element)
        ),
    )


def _first_version(root: ElementTree.Element, *tags: str) -> str:
    return next(filter(None, (version(root.findtext(tag, "")) for tag in tags)), "")


def _gpu(index: int, element: ElementTree.Element) -> SmiGpu:
    return SmiGpu(
        index=index,
        name=text_of(element.findtext("product_name", "")),
        uuid=text_of(element.findtext("uuid", "")),
        bus_id=element.get("id", ""),
        memory_total=mebibytes(element.findtext("fb_memory_usage/total", "")),
        mig_current=text_of(element.findtext("mig_mode/current_mig", "")),
        mig_pending=text_of(element.findtext("mig_mode/pending_mig", "")),
        persistence=text_of(element.findtext("persistence_mode", "")),
        fabric=fabric(element.find("fabric")),
    )


def fabric(element: ElementTree.Element | None) -> Fabric:
    if element is None:
        return Fabric()  # a driver before R525
    tags = ("state", "status", "cliqueId", "clusterUuid", "health/summary")
    texts = (text_of(element.findtext(tag, "")) for tag in tags)
    return Fabric(*("" if text in ("Not Supported", "N/A") else text for text in texts))


def _mig(gpu: SmiGpu, element: ElementTree.Element) -> t.Iterator[MigInstance]:
    for device in element.iterfind("mig_devices/mig_device"):
        yield MigInstance(
            gpu_index=gpu.index,
            profile="",
            device=number(device.findtext("index", "")) or 0,
            gpu_instance=number(device.findtext("gpu_instance_id", "")),
            compute_instance=number(device.findtext("compute_instance_id", "")),
        )


def _processes(gpu: SmiGpu, element: ElementTree.Element) -> t.Iterator[SmiProcess]:
    for process in element.iterfind("processes/process_info"):
        pid = number(process.findtext("pid", ""))
        if pid is not None:
            yield SmiProcess(
                pid=pid,
                name=text_of(process.findtext("process_name", "")),
                gpu=gpu.bus_id,
                kind=text_of(process.findtext("type", "")),
                memory=mebibytes(process.findtext("used_memory", "")),
            )
