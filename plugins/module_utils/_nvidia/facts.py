# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An observation in the words of the solver."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.model import Gpu, HostFacts, PresentDriver
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.hardware import bus_key
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.model import Observed


def host_facts(found: Observed, host: Host, *, today: str = "") -> HostFacts:
    """What the solver may know of a host. Compilers, glibc and Pythons stay empty: nothing here looks at them."""
    distribution = host.distribution()
    return HostFacts(
        gpus=tuple(Gpu(device.device, mig=_mig(found, device.address)) for device in found.usable_gpus),
        nvswitches=len(found.nvswitches),
        distribution=distribution.id,
        version=distribution.version,
        architecture=host.machine,
        kernel=found.next_boot.release if found.next_boot else "",
        secure_boot=found.secure_boot,
        key_enrolled=found.key_enrolled,
        driver=present_driver(found),
        today=today,
        owner=found.owner.kind,
    )


def present_driver(found: Observed) -> PresentDriver | None:
    """The driver that this host has: the one on disk, and the one that is loaded where nothing is on disk."""
    module = found.next_boot.module if found.next_boot else None
    version = found.libraries or found.on_disk or (found.loaded.version if found.loaded else "")
    if not version:
        return None
    flavour = (module.flavour if module else "") or (found.loaded.flavour if found.loaded else "")
    return PresentDriver(version, flavour, found.sources[0] if len(found.sources) == 1 else "unknown")


def _mig(found: Observed, address: str) -> bool:
    gpus = found.smi.gpus if found.smi is not None else ()
    return any(gpu.mig_current == "Enabled" and bus_key(gpu.bus_id) == bus_key(address) for gpu in gpus)
