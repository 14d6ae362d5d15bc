# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nvidia-smi: asking it, and reading every form in which drivers from 418 on answer.

Field names differ between drivers. From R610 on the driver's version is the C(KMD Version) and CUDA's the
C(CUDA UMD Version), while the old names say 'Deprecated, see ...' or carry a note in brackets.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandError, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia import smi_listing, smi_log, smi_table, smi_xml
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_model import SmiReport

MISMATCH, NO_DRIVER, NO_DEVICES, FAILED = "mismatch", "no_driver", "no_devices", "failed"
# A GPU that fell off its bus makes nvidia-smi hang for minutes; a busy one answers within seconds. In seconds.
_TIMEOUT = 60.0
_FAILURES = (
    ("Driver/library version mismatch", MISMATCH),
    ("couldn't communicate with the NVIDIA driver", NO_DRIVER),
    ("Driver Not Loaded", NO_DRIVER),
    ("No devices were found", NO_DEVICES),
    ("No devices found", NO_DEVICES),
    ("Failed to initialize NVML", FAILED),
    ("NVIDIA-SMI has failed", FAILED),
    ("Unable to determine the device handle", FAILED),
)
# 'NVML library version: 535.230': two numbers of the three.
_XML = re.compile(r"<nvidia_smi_log.*</nvidia_smi_log>", re.DOTALL)
_LIBRARY = re.compile(r"NVML library version:\s*([\d.]+)")


def ask(host: Host, commands: Commands) -> SmiReport | None:
    """What nvidia-smi says of this host, with MIG instances where there are any. None where there is no nvidia-smi."""
    program = host.which("nvidia-smi")
    if program is None:
        return None
    report = _answer(commands, [program, "-q", "-x"])
    if not report.error and any(gpu.mig_current == "Enabled" for gpu in report.gpus):
        # Profiles and UUIDs of instances stand in the listing only.
        listed = _answer(commands, [program, "-L"])
        report = replace(report, mig=smi_listing.merged(report.mig, listed.mig))
    return report


def ask_xml(host: Host, commands: Commands, timeout: float = _TIMEOUT) -> tuple[str, str]:
    """The XML of nvidia-smi, and why there is none; one of them is empty."""
    program = host.which("nvidia-smi")
    if program is None:
        return "", "nvidia-smi is not here"
    try:
        result = commands.run([program, "-q", "-x"], purpose="ask nvidia-smi", timeout=timeout, check=False)
    except CommandError as exc:
        return "", exc.found
    failure = parse_failure(result.out if result.ok else f"{result.out}\n{result.err}")
    if failure is not None:
        return "", failure.message
    return (result.out, "") if result.ok else ("", f"nvidia-smi ended with status {result.rc}")


def parse(text: str) -> SmiReport:
    """Read any output of nvidia-smi: XML, -q, the table, -L, --version, a CSV query, or a failure."""
    failure = parse_failure(text)
    if failure is not None:
        return failure
    if "<nvidia_smi_log" in text:
        return smi_xml.parse(text)
    if "NVSMI LOG" in text:
        return smi_log.parse(text)
    if "| NVIDIA-SMI" in text:
        return smi_table.parse(text)
    if re.search(r"(?m)^NVIDIA-SMI version\s*:", text):
        return smi_log.parse_version(text)
    if re.search(r"(?m)^GPU \d+: ", text):
        return smi_listing.parse(text)
    header = text.partition("\n")[0]
    if "process_name" in header:
        return SmiReport(processes=smi_listing.parse_processes(text))
    if "," in header:
        return smi_listing.parse_query(text)
    return SmiReport(error=FAILED, message=_quoted(text))


def parse_failure(text: str) -> SmiReport | None:
    """The reason why nvidia-smi could not answer, or None if it did. Inside of its XML stand names of processes, which
    their users choose."""
    text = _XML.sub("", text)
    for mark, error in _FAILURES:
        if mark in text:
            library = _LIBRARY.search(text)
            return SmiReport(library=library.group(1) if library else "", error=error, message=_quoted(text))
    return None


def _answer(commands: Commands, argv: t.Sequence[str]) -> SmiReport:
    try:
        result = commands.run(argv, purpose="ask nvidia-smi", timeout=_TIMEOUT, check=False)
    except CommandError as exc:
        return SmiReport(error=FAILED, message=exc.found)
    report = parse(result.out if result.ok else f"{result.out}\n{result.err}")
    if not result.ok and not report.error:
        return replace(report, error=FAILED, message=f"nvidia-smi ended with status {result.rc}")
    return report


def _quoted(text: str) -> str:
    return " ".join(text.split())[:400]
