# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs and the driver of a host: are they all there, do they answer, does everything fit together.

nvidia-smi is asked once, for its XML; all that is judged comes from that answer and from files.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.catalogue import load
from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import findings, info, smi, smi_xml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import OURS, Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.observe import observe
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify import gpu_health, kernel_log
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    ERROR,
    FAILED,
    PASSED,
    SKIPPED,
    UNKNOWN,
    WARNING,
    Check,
    Selection,
    timed,
)

IDS = ("gpus", "driver", "nouveau", "reboot", "kernel_log", *gpu_health.IDS)
# What gpu_info tells and what yet computes as it is.
_WARNINGS = (
    *("mixed_sources", "nouveau_not_blocked", "initramfs_outdated", "container_specification_outdated"),
    *("next_boot_without_driver", "next_boot_unsigned", "module_replaced"),
)


@dataclass(frozen=True)
class Expected:
    """What somebody says of the GPUs here: how many, a part of their product's name, what MIG is, and the driver's
    version or the beginning of it. None and empty say nothing."""

    count: int | None = None
    product: str = ""
    mig: str = ""
    driver: str = ""


@dataclass(frozen=True)
class Reply:
    """What nvidia-smi told: its XML, or why there is none. ``asked`` is whether it was there to be asked."""

    root: ElementTree.Element | None = None
    trouble: str = ""
    asked: bool = False


def checks(host: Host, commands: Commands, expected: Expected, selected: Selection, timeout: float) -> list[Check]:
    """Everything of the host's GPUs and its driver."""
    found = observe(host, commands, detail=False, ask_driver=False)
    told = timed(lambda: _of_driver(found, expected))
    if selected.any_of(("gpus", *gpu_health.IDS)):
        told += timed(lambda: _of_gpus(found, _reply(host, commands, found, timeout), expected))
    if selected.has("kernel_log"):
        told += timed(lambda: _log(host, commands, found))
    return told


def _of_driver(found: Observed, expected: Expected) -> list[Check]:
    told = [*_problems(found), _reboot(found)]
    for check in (_driver(found, expected), _nouveau(found)):
        if check.status == FAILED or check.id not in {other.id for other in told}:
            told.append(check)
    return told


def _log(host: Host, commands: Commands, found: Observed) -> list[Check]:
    if not found.gpus and found.loaded is None:
        return [Check("kernel_log", "host", SKIPPED, "no GPU is for this host")]
    return kernel_log.checks(kernel_log.read(host, commands))


def _reply(host: Host, commands: Commands, found: Observed, timeout: float) -> Reply:
    if found.loaded is None:
        return Reply()
    if host.which("nvidia-smi") is None:
        return Reply(trouble="nvidia-smi is not here")
    text, trouble = smi.ask_xml(host, commands, timeout)
    if trouble:
        return Reply(trouble=trouble, asked=True)
    try:
        return Reply(root=smi_xml.tree(text), asked=True)
    except (ElementTree.ParseError, ValueError):
        return Reply(trouble="what nvidia-smi printed breaks off or is no XML", asked=True)


def _of_gpus(found: Observed, reply: Reply, expected: Expected) -> list[Check]:
    told = [_count(found, reply, expected)]
    if reply.root is not None:
        return told + gpu_health.checks(reply.root, expected.mig)
    here = bool(found.gpus or found.loaded or expected.count)
    reason = (reply.trouble or "no driver is loaded that could be asked") if here else "no GPU is for this host"
    return told + [Check(id_, "host", UNKNOWN if here else SKIPPED, reason) for id_ in gpu_health.IDS]


def _count(found: Observed, reply: Reply, expected: Expected) -> Check:
    """Whether the driver shows the GPUs that the bus has and that somebody expects."""
    served = [gpu for gpu in found.gpus if gpu.owner.kind in OURS]
    if reply.trouble and not reply.asked:
        to_fix = "install the driver's utilities: the role nvidia_driver does"
        return Check("gpus", "host", UNKNOWN, reply.trouble, to_fix)
    if reply.trouble:
        to_fix = "look at the kernel's log; empty the host and reboot it"
        return Check("gpus", "host", FAILED, f"the driver does not answer: {reply.trouble}", to_fix)
    if reply.root is None:
        return _without_driver(found, len(served), expected)
    names = [element.findtext("product_name") or "" for element in reply.root.iter("gpu")]
    wanted = len(served) if expected.count is None else expected.count
    others = sorted({name for name in names if expected.product.lower() not in name.lower()})
    if len(names) < wanted:
        to_fix = "look at the kernel's log for a GPU that fell off the bus; empty the host and power it off and on"
        return Check("gpus", "host", FAILED, f"{len(names)} GPUs answer, and there should be {wanted}", to_fix)
    to_fix = "correct what is expected of this host, or its hardware"
    if expected.count is not None and len(names) > wanted:
        return Check("gpus", "host", FAILED, f"{len(names)} GPUs answer, and there should be {wanted}", to_fix)
    if not names and (expected.count or expected.product):
        return Check("gpus", "host", FAILED, f"no GPU answers where {_words(expected)} should be", to_fix)
    if not names:
        return Check("gpus", "host", SKIPPED, "no GPU is for this host")
    if others:
        text = f"{', '.join(others)} where {expected.product} should be"
        return Check("gpus", "host", FAILED, text, to_fix)
    return Check("gpus", "host", PASSED, f"{len(names)} GPUs answer: {', '.join(sorted(set(names)))}")


def _words(expected: Expected) -> str:
    return " ".join(filter(None, (str(expected.count or ""), expected.product)))


def _without_driver(found: Observed, served: int, expected: Expected) -> Check:
    if expected.count or expected.product or (served and found.driver_pieces):
        to_fix = "bring the driver by the role nvidia_driver, or reboot where it is installed"
        return Check("gpus", "host", FAILED, f"{served} GPUs are on the bus, and no driver is loaded", to_fix)
    if served:
        return Check("gpus", "host", UNKNOWN, f"{served} GPUs are on the bus, and no driver is here to ask them")
    return Check("gpus", "host", SKIPPED, "no GPU is for this host")


def _driver(found: Observed, expected: Expected) -> Check:
    """Whether what is loaded is what is wanted, where somebody said what that is."""
    version = found.loaded.version if found.loaded else ""
    if not expected.driver:
        if not version:
            return Check("driver", "host", SKIPPED, "no driver is loaded, and nobody says that one should be")
        return Check("driver", "host", PASSED, f"the driver {version} is loaded")
    if f"{version}.".startswith(f"{expected.driver}."):
        return Check("driver", "host", PASSED, f"the driver {version} is loaded, and {expected.driver} is wanted")
    text = f"{f'the driver {version}' if version else 'no driver'} is loaded, and {expected.driver} is wanted"
    return Check("driver", "host", FAILED, text, "run the role nvidia_driver, and reboot where it says so")


def _problems(found: Observed) -> list[Check]:
    """What gpu_info calls a problem is a failure here."""
    if not found.gpus and not found.foreign_gpus:
        return []
    to_fix = "run the role nvidia_driver, and see the page on drivers"
    return [
        Check(
            "nouveau" if problem["code"].startswith(("nouveau", "initramfs")) else "driver",
            "host",
            FAILED,
            problem["text"],
            "empty the host and reboot it" if problem["reboot"] else to_fix,
            WARNING if problem["code"] in _WARNINGS else ERROR,
            details={"code": problem["code"]},
        )
        for problem in info.told(found, load(None))["problems"]
    ]


def _nouveau(found: Observed) -> Check:
    if not found.gpus:
        return Check("nouveau", "host", SKIPPED, "no GPU is for this host")
    if found.nouveau.loaded:
        to_fix = "run the role nvidia_driver, which blocks it, and reboot"
        return Check("nouveau", "host", FAILED, "nouveau is loaded and keeps the driver out", to_fix)
    return Check("nouveau", "host", PASSED, "nouveau is not loaded")


def _reboot(found: Observed) -> Check:
    reasons = findings.reboot_reasons(found)
    if reasons:
        return Check("reboot", "host", FAILED, "; ".join(reasons), "empty the host and reboot it", WARNING)
    return Check("reboot", "host", PASSED, "nothing waits for a reboot")
