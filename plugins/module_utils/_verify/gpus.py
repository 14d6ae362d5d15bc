# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""GPUs and the driver of a host: are they all there, do they answer, does everything fit together.

nvidia-smi is asked once, for its XML; all that is judged comes from that answer and from files.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings, info, smi
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import OURS, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.observe import observe
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import gpu_health
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    FAILED,
    PASSED,
    SKIPPED,
    UNKNOWN,
    Check,
)


@dataclass(frozen=True)
class Expected:
    """What somebody says of the GPUs here: how many, and a part of their product's name. None and empty say nothing."""

    count: int | None = None
    product: str = ""


def checks(host: Host, commands: Commands, expected: Expected) -> list[Check]:
    """Everything of the host's GPUs and its driver."""
    found = observe(host, commands, detail=True, ask_driver=False)
    root, trouble = _answer(host, commands, found)
    told = [_count(found, root, trouble, expected), *_driver(found), _reboot(found)]
    if root is not None:
        told += gpu_health.checks(root)
    return told


def _answer(host: Host, commands: Commands, found: Observed) -> tuple[ElementTree.Element | None, str]:
    """The XML of nvidia-smi, or why there is none; both empty where no driver is loaded."""
    if found.loaded is None:
        return None, ""
    text, trouble = smi.ask_xml(host, commands)
    if trouble:
        return None, trouble
    try:
        return ElementTree.fromstring(text[text.index("<nvidia_smi_log") :]), ""
    except (ElementTree.ParseError, ValueError):
        return None, "what nvidia-smi printed breaks off or is no XML"


def _count(found: Observed, root: ElementTree.Element | None, trouble: str, expected: Expected) -> Check:
    """Whether the driver shows the GPUs that the bus has and that somebody expects."""
    served = [gpu for gpu in found.gpus if gpu.owner.kind in OURS]
    if trouble:
        to_fix = "look at the kernel's log; empty the host and reboot it"
        return Check("gpus", "host", FAILED, f"the driver does not answer: {trouble}", to_fix)
    if root is None:
        if expected.count or (served and found.driver_pieces):
            to_fix = "bring the driver by the role nvidia_driver, or reboot where it is installed"
            return Check("gpus", "host", FAILED, f"{len(served)} GPUs are on the bus, and no driver is loaded", to_fix)
        why = f"{len(served)} GPUs are on the bus, and no driver is here" if served else "no GPU is for this host"
        return Check("gpus", "host", UNKNOWN if served else SKIPPED, why)
    names = [element.findtext("product_name") or "" for element in root.iter("gpu")]
    wanted = len(served) if expected.count is None else expected.count
    others = sorted({name for name in names if expected.product.lower() not in name.lower()})
    to_fix = "look at the kernel's log for a GPU that fell off the bus; empty the host and power it off and on"
    if len(names) < wanted:
        return Check("gpus", "host", FAILED, f"{len(names)} GPUs answer, and there should be {wanted}", to_fix)
    if others:
        text = f"{', '.join(others)} where {expected.product} should be"
        return Check("gpus", "host", FAILED, text, "correct what is expected of this host, or its hardware")
    return Check("gpus", "host", PASSED, f"{len(names)} GPUs answer: {', '.join(sorted(set(names)))}")


def _driver(found: Observed) -> list[Check]:
    """What gpu_info calls a problem is a failure here, each under the name of its code."""
    problems = info.told(found, load(None))["problems"]
    if not found.gpus and not found.foreign_gpus:
        return [Check("driver", "host", SKIPPED, "no GPU is here")]
    to_fix = "see docs/gpu-drivers.md, and run the role nvidia_driver"
    told = [
        Check("driver", problem["code"], FAILED, problem["text"], "reboot the host" if problem["reboot"] else to_fix)
        for problem in problems
    ]
    if told:
        return told
    version = found.loaded.version if found.loaded else ""
    text = f"driver {version} is loaded, on disk and in the libraries" if version else "nothing contradicts itself"
    return [Check("driver", "host", PASSED, text)]


def _reboot(found: Observed) -> Check:
    reasons = findings.reboot_reasons(found)
    if reasons:
        return Check("reboot", "host", FAILED, "; ".join(reasons), "reboot the host", "warning")
    return Check("reboot", "host", PASSED, "nothing waits for a reboot")
