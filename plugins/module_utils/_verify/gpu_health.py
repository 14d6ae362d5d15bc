# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``nvidia-smi -q -x`` says of each GPU's health, judged. Pure.

Names of elements differ between drivers: where there are several, the first that is there counts. Sources: recordings
of drivers 418 to 610 by influxdata/telegraf and utkuozdemir/nvidia_gpu_exporter; NVIDIA/go-nvml's ``nvml.h`` (API 13);
NVIDIA's guides on row remapping and on page retirement. What a GPU does not have it calls ``N/A``, and that is skipped.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree

from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.findings import fabric_trouble
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.smi_xml import fabric
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.model import (
    ERROR,
    FAILED,
    PASSED,
    SKIPPED,
    UNKNOWN,
    WARNING,
    Check,
)

_NOTHING = ("", "N/A", "[N/A]", "Not Supported", "[Not Supported]", "Requested functionality has been deprecated")
IDS = (
    *("gpu_ecc", "gpu_ecc_pending", "gpu_row_remapping", "gpu_retired_pages", "gpu_recovery", "gpu_link"),
    *("gpu_clocks", "gpu_temperature", "gpu_mig", "gpu_persistence", "gpu_fabric"),
)
# The driver's own limit of pages that it retires; NVIDIA takes a GPU back before that.
_MOST_PAGES = 60
_ON_OFF, _YES_NO = ("Enabled", "Disabled"), ("Yes", "No")
_RESET = "empty the host, then reset the GPU (nvidia-smi --gpu-reset) or reboot"
_REPLACE = "have the GPU replaced"
_REASONS = {
    "hw_thermal_slowdown": ("hardware slows it down because of heat", ERROR),
    "hw_power_brake_slowdown": ("the power supply told it to slow down", ERROR),
    "hw_slowdown": ("hardware slows it down", WARNING),
    "sw_thermal_slowdown": ("the driver slows it down because of heat", WARNING),
}


@dataclass(frozen=True)
class Reading:
    """One GPU's element, with the name under which its checks are told."""

    element: ElementTree.Element
    subject: str
    mig: str = ""  # what is wanted of MIG: enabled, disabled, or nothing
    strange: list[str] = field(default_factory=list)  # what was read and could not be judged, such as 'Unknown Error'

    def text(self, *paths: str) -> str:
        """The first of these elements that is there; empty where none is, or it says that there is nothing."""
        for path in paths:
            found = self.element.findtext(path)
            if found is not None and found.strip() not in _NOTHING:
                return found.strip()
        return ""

    def word(self, known: t.Collection[str], *paths: str) -> str:
        """As text(), of which these words can be judged."""
        found = self.text(*paths)
        if found and found not in known:
            self.strange.append(found)
        return found

    def numbers(self, *paths: str) -> list[int]:
        """The numbers of these elements, as far as they are there."""
        found = []
        for text in filter(None, map(self.text, paths)):
            match = re.match(r"-?[0-9]{1,18}(?![0-9])", text)
            if match:
                found.append(int(match.group()))
            else:
                self.strange.append(text)
        return found


def readings(root: ElementTree.Element, mig: str = "") -> list[Reading]:
    found = []
    for index, element in enumerate(root.iter("gpu")):
        words = [element.findtext("product_name", ""), element.findtext("uuid", "") or element.get("id", "")]
        found.append(Reading(element, f"GPU {index} ({', '.join(word for word in words if word)})", mig))
    return found


def checks(root: ElementTree.Element, mig: str = "") -> list[Check]:
    """All checks of all GPUs that the driver shows. ``mig`` is ``enabled`` or ``disabled`` where that is wanted."""
    looks = (
        _ecc,
        _ecc_pending,
        _remapped,
        _retired,
        _recovery,
        _link,
        _clocks,
        _temperature,
        _mig,
        _persistence,
        _fabric,
    )
    found = []
    for index, gpu in enumerate(readings(root, mig)):
        identity = {"index": index, "address": gpu.element.get("id", ""), "uuid": gpu.text("uuid")}
        identity.update(name=gpu.text("product_name"), serial=gpu.text("serial"))
        for look in looks:
            gpu.strange.clear()
            found += [replace(_honest(check, gpu.strange), details=identity) for check in look(gpu)]
    return found


def _honest(check: Check, strange: t.Sequence[str]) -> Check:
    """What the driver said in words that nobody can judge proves nothing; what is wrong in other words stays so."""
    if not strange or check.status == FAILED:
        return check
    said = ", ".join(dict.fromkeys(text[:60] for text in strange))
    return replace(check, status=UNKNOWN, reason=f"the driver says {said}")


def _ecc(gpu: Reading) -> t.Iterator[Check]:
    place = "ecc_errors/volatile"
    wrong = gpu.numbers(
        f"{place}/sram_uncorrectable",
        f"{place}/sram_uncorrectable_parity",
        f"{place}/sram_uncorrectable_secded",
        f"{place}/dram_uncorrectable",
        f"{place}/double_bit/total",
    )
    if not wrong:
        yield Check("gpu_ecc", gpu.subject, SKIPPED, "it counts no memory errors")
    elif any(wrong):
        found = f"{sum(wrong)} memory errors since the driver was loaded could not be corrected"
        yield Check("gpu_ecc", gpu.subject, FAILED, found, _RESET)
    else:
        yield Check("gpu_ecc", gpu.subject, PASSED, "no memory error that could not be corrected")


def _ecc_pending(gpu: Reading) -> t.Iterator[Check]:
    now, then = gpu.word(_ON_OFF, "ecc_mode/current_ecc"), gpu.word(_ON_OFF, "ecc_mode/pending_ecc")
    if not now or not then:
        yield Check("gpu_ecc_pending", gpu.subject, SKIPPED, "its ECC cannot be switched")
    elif now != then:
        found = f"ECC is {now} and will be {then} after a reset"
        yield Check("gpu_ecc_pending", gpu.subject, FAILED, found, _RESET, WARNING)
    else:
        yield Check("gpu_ecc_pending", gpu.subject, PASSED, f"ECC is {now}")


def _remapped(gpu: Reading) -> t.Iterator[Check]:
    pending = gpu.word(_YES_NO, "remapped_rows/remapped_row_pending")
    failure = gpu.word(_YES_NO, "remapped_rows/remapped_row_failure")
    if not pending and not failure:
        yield Check("gpu_row_remapping", gpu.subject, SKIPPED, "it remaps no rows")
    elif failure == "Yes":
        yield Check("gpu_row_remapping", gpu.subject, FAILED, "a row of its memory could not be remapped", _REPLACE)
    elif pending == "Yes":
        yield Check("gpu_row_remapping", gpu.subject, FAILED, "a row of its memory waits for a reset", _RESET)
    else:
        yield Check("gpu_row_remapping", gpu.subject, PASSED, "no row waits, and none failed")


def _retired(gpu: Reading) -> t.Iterator[Check]:
    place = "retired_pages"
    pending = gpu.word(_YES_NO, f"{place}/pending_retirement", f"{place}/pending_blacklist")
    pages = gpu.numbers(
        f"{place}/multiple_single_bit_retirement/retired_count", f"{place}/double_bit_retirement/retired_count"
    )
    if not pending and not pages:
        yield Check("gpu_retired_pages", gpu.subject, SKIPPED, "it retires no pages")  # newer GPUs remap rows
    elif pending == "Yes":
        yield Check("gpu_retired_pages", gpu.subject, FAILED, "a page of its memory waits for a reset", _RESET)
    elif sum(pages) >= _MOST_PAGES:
        found = f"{sum(pages)} pages of its memory are retired"
        yield Check("gpu_retired_pages", gpu.subject, FAILED, found, _REPLACE)
    else:
        yield Check("gpu_retired_pages", gpu.subject, PASSED, f"{sum(pages)} pages are retired")


def _recovery(gpu: Reading) -> t.Iterator[Check]:
    needed = gpu.word(_YES_NO, "gpu_reset_status/reset_required")
    action = gpu.text("gpu_recovery_action")
    if not needed and not action:
        yield Check("gpu_recovery", gpu.subject, SKIPPED, "the driver does not say whether it needs a reset")
    elif needed == "Yes" or action not in ("", "None"):
        found = f"the driver asks for: {action}" if action not in ("", "None") else "the driver asks for a reset"
        yield Check("gpu_recovery", gpu.subject, FAILED, found, _RESET)
    else:
        yield Check("gpu_recovery", gpu.subject, PASSED, "the driver asks for nothing")


def _link(gpu: Reading) -> t.Iterator[Check]:
    place = "pci/pci_gpu_link_info"
    widths = [f"{place}/link_widths/{name}_link_width" for name in ("current", "max")]
    width, most = map(gpu.text, widths)
    lanes = gpu.numbers(*widths)
    speed, fastest = (gpu.numbers(f"{place}/pcie_gen/{name}_link_gen") for name in ("current", "max"))
    if not width or not most:
        yield Check("gpu_link", gpu.subject, SKIPPED, "the driver says nothing of its PCI Express link")
        return
    found = f"{width} of {most} lanes, generation {speed[0] if speed else '?'} of {fastest[0] if fastest else '?'}"
    seat = "reseat the GPU or its riser; see whether the slot and the firmware give it all lanes"
    if len(lanes) == 2 and lanes[0] < lanes[1]:
        yield Check("gpu_link", gpu.subject, FAILED, found, seat)
    elif speed and fastest and speed[0] < fastest[0] and gpu.text("performance_state") == "P0" and not _idle(gpu):
        yield Check("gpu_link", gpu.subject, FAILED, found, seat, WARNING)
    else:
        # An idle GPU lowers its speed, never its lanes.
        yield Check("gpu_link", gpu.subject, PASSED, found)


def _reason(gpu: Reading, name: str) -> str:
    """``Active`` or ``Not Active``; the elements were renamed with R535."""
    return gpu.word(
        ("Active", "Not Active"),
        f"clocks_event_reasons/clocks_event_reason_{name}",
        f"clocks_throttle_reasons/clocks_throttle_reason_{name}",
    )


def _idle(gpu: Reading) -> bool:
    return _reason(gpu, "gpu_idle") == "Active"


def _clocks(gpu: Reading) -> t.Iterator[Check]:
    told = {name: _reason(gpu, name) for name in _REASONS}
    if not any(told.values()):
        yield Check("gpu_clocks", gpu.subject, SKIPPED, "the driver does not say what holds its clocks back")
        return
    active = [name for name, said in told.items() if said == "Active"]
    if active:
        words, severity = _REASONS[active[0]]
        to_fix = "look at cooling and power of the host"
        yield Check("gpu_clocks", gpu.subject, FAILED, words, to_fix, severity)
    else:
        yield Check("gpu_clocks", gpu.subject, PASSED, "neither heat nor power holds its clocks back")


def _temperature(gpu: Reading) -> t.Iterator[Check]:
    now = gpu.numbers("temperature/gpu_temp")
    left = gpu.numbers("temperature/gpu_temp_tlimit")
    most = gpu.numbers("temperature/gpu_temp_slow_threshold")
    if left:
        hot, found = left[0] <= 0, f"{left[0]} degrees below its limit"
    elif now and most:
        hot, found = now[0] >= most[0], f"{now[0]} C, and it slows down at {most[0]} C"
    elif now:
        yield Check("gpu_temperature", gpu.subject, SKIPPED, f"{now[0]} C; the driver names no limit")
        return
    else:
        yield Check("gpu_temperature", gpu.subject, SKIPPED, "the driver tells no temperature")
        return
    to_fix = "look at fans and cooling of the host" if hot else ""
    yield Check("gpu_temperature", gpu.subject, FAILED if hot else PASSED, found, to_fix)


def _mig(gpu: Reading) -> t.Iterator[Check]:
    now, then = gpu.word(_ON_OFF, "mig_mode/current_mig"), gpu.word(_ON_OFF, "mig_mode/pending_mig")
    if not now:
        wanted = gpu.mig == "enabled"
        to_fix = "correct what is expected of this host" if wanted else ""
        yield Check("gpu_mig", gpu.subject, FAILED if wanted else SKIPPED, "it has no MIG", to_fix)
    elif then and now != then:
        yield Check("gpu_mig", gpu.subject, FAILED, f"MIG is {now} and will be {then} after a reset", _RESET)
    elif gpu.mig and now.lower() != gpu.mig:
        to_fix = f"empty the GPU, then nvidia-smi --multi-instance-gpu={int(gpu.mig == 'enabled')}"
        yield Check("gpu_mig", gpu.subject, FAILED, f"MIG is {now}, and {gpu.mig} is wanted", to_fix)
    else:
        yield Check("gpu_mig", gpu.subject, PASSED, f"MIG is {now}")


def _persistence(gpu: Reading) -> t.Iterator[Check]:
    mode = gpu.word(_ON_OFF, "persistence_mode")
    if mode == "Enabled":
        yield Check("gpu_persistence", gpu.subject, PASSED, "the driver stays loaded")
    elif mode == "Disabled":
        found = "persistence mode is off: the first program on it waits for the driver, and settings are lost"
        to_fix = "enable nvidia-persistenced.service"
        yield Check("gpu_persistence", gpu.subject, FAILED, found, to_fix, WARNING)
    else:
        yield Check("gpu_persistence", gpu.subject, SKIPPED, "the driver says nothing of persistence")


def _fabric(gpu: Reading) -> t.Iterator[Check]:
    told = fabric(gpu.element.find("fabric"))
    if not told.state:
        yield Check("gpu_fabric", gpu.subject, SKIPPED, "it is on no fabric")
        return
    trouble = fabric_trouble(told)
    to_fix = "restart nvidia-fabricmanager.service and look at its log" if trouble else ""
    yield Check("gpu_fabric", gpu.subject, FAILED if trouble else PASSED, trouble or f"fabric {told.status}", to_fix)
