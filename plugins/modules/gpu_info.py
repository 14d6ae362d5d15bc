#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_info
short_description: What a host has of NVIDIA, what is loaded, what lies on disk, and what its next boot brings
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Finds GPUs and NVSwitches on the PCI bus, and the driver three times over. One is loaded, one lies on disk for each
    installed kernel, and one is that of the libraries. It tells where each piece came from, and what does not fit
    together.
  - Hardware and driver are read from files. No GPU, no driver and no C(nvidia-smi) is needed for that. C(nvidia-smi) is
    asked only where a driver is loaded, for what nobody else knows.
  - Root sees everything. Another user does not see whose processes hold a GPU, nor a boot loader's private files.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes.info
options:
  ask_driver:
    description:
      - Whether to run C(nvidia-smi) where a driver is loaded. It tells names, UUIDs, memory, MIG instances and the
        newest CUDA version that the driver runs.
    type: bool
    default: true
  detail:
    description:
      - Whether to look at what takes a while. That is processes, the signatures of compressed kernel modules, and the
        repository of each package.
    type: bool
    default: true
  catalogue:
    description:
      - Rows of your own for the tables of the catalogue, as M(gpufleet.mlstack.stack_plan) takes them, such as a
        product that is newer than they are.
    type: dict
  catalogue_max_age:
    description:
      - After how many days a warning says that the catalogue is old. V(0) never warns.
      - A C(date) in O(catalogue) is the day to which your own rows bring it.
    type: int
    default: 180
notes:
  - Which kernel boots next is read from GRUB's files or the entries of the boot loader specification. Where there are
    none, the newest installed kernel counts as the next one.
  - A kernel module packed with zstd needs the program C(modinfo) to be read. All others are read without any program.
"""

EXAMPLES = r"""
- name: Look at the GPUs of a host
  gpufleet.mlstack.gpu_info:
  become: true
  register: gpu

- name: Stop a rollout where the next boot would come up without a driver
  ansible.builtin.assert:
    that: gpu.next_boot.would_load
    fail_msg: "{{ gpu.problems | map(attribute='text') | join('; ') }}"
  when: gpu.gpus | length > 0

- name: Say who uses the GPUs
  ansible.builtin.debug:
    msg: "{{ item.user }} runs {{ item.command }} (pid {{ item.pid }}, unit {{ item.unit }})"
  loop: "{{ gpu.processes | rejectattr('daemon') }}"
"""

RETURN = r"""
gpus:
  description: The GPUs, by PCI address.
  returned: success
  type: list
  elements: dict
  contains:
    address:
      description: The PCI address.
      type: str
      sample: "0000:41:00.0"
    pci_id:
      description: Vendor and device.
      type: str
      sample: 10de:20b2
    product:
      description: The product that the catalogue has under this id, or the family that its ids belong to.
      type: str
      sample: A100-SXM4-80GB
    capability:
      description: The compute capability. Null for a GPU that neither the catalogue nor a driver knows.
      type: str
      sample: "8.0"
    flavours:
      description: The flavours of kernel modules that it works with, the preferred one first. Empty where nobody knows.
      type: list
      elements: str
      sample: [open, proprietary]
    verified:
      description: Whether product, capability and flavours come from rows that somebody verified.
      type: bool
    subsystem:
      description: Vendor and device of the board, where sysfs tells.
      type: str
    numa_node:
      description: The NUMA node, where the host has more than one.
      type: int
    virtual_function:
      description: Whether this is a part of a GPU that is shared by virtual machines.
      type: bool
    kernel_driver:
      description: The kernel driver that has the device, such as V(nvidia), V(nouveau) or V(vfio-pci).
      type: str
    owner:
      description:
        - Who owns it. V(host) and V(nobody) are served by a driver of this host. V(vfio) and V(virtual_function) are
          handed to virtual machines. V(vgpu_host), V(vgpu_guest), V(driver_container), V(wsl) and V(guest_container)
          say whose the driver of this host is, see RV(owner). V(other) has a kernel driver that is not known here.
      type: str
      sample: host
    owner_evidence:
      description: By what that is known.
      type: str
      sample: bound to nvidia
    index:
      description: The number that C(nvidia-smi) gives it.
      type: int
    name:
      description: The name that C(nvidia-smi) gives it.
      type: str
    uuid:
      description: The UUID, as C(nvidia-smi) shows it.
      type: str
    memory_mib:
      description: The memory in MiB. Null where the GPU has none of its own, or nobody could be asked.
      type: int
    mig:
      description: The MIG mode now, the one that a reset brings, and the instances. Null for a GPU without MIG.
      type: dict
      sample: {"current": "Disabled", "pending": "Disabled", "instances": []}
    fabric:
      description:
        - Where it stands with the switch fabric of its board (C(state), C(status), C(clique), C(cluster),
          C(health)), as the driver says. Null where there is none, or nobody could be asked.
      type: dict
      sample: {"state": "Completed", "status": "Success", "clique": "0", "cluster":
      "00000000-0000-0000-0000-000000000000", "health": ""}
owner:
  description:
    - Whose the driver of this host is. V(host) means its own. V(vgpu_host) has a vGPU manager, V(vgpu_guest) a
      driver for a vGPU; V(driver_container) gets it from a container, V(wsl) from Windows, V(guest_container) (LXC
      and its like) from the host of the container. Except for V(host), M(gpufleet.mlstack.nvidia_driver) leaves it
      alone.
  returned: success
  type: dict
  sample: {"kind": "host", "evidence": null}
nvswitches:
  description: NVSwitches on the bus.
  returned: success
  type: list
  elements: dict
  sample: [{"address": "0000:54:00.0", "pci_id": "10de:1af1"}]
driver:
  description: The driver's versions, each null where there is none.
  returned: success
  type: dict
  contains:
    loaded:
      description: The version of the kernel module that runs.
      type: str
      sample: 550.54.15
    loaded_flavour:
      description: V(open) or V(proprietary).
      type: str
    loaded_modules:
      description: The names of NVIDIA's modules in the kernel.
      type: list
      elements: str
    on_disk:
      description: The version that the next boot would load.
      type: str
    libraries:
      description: The version of the libraries.
      type: str
    cuda:
      description: The newest CUDA version that the loaded driver runs.
      type: str
      sample: "12.4"
    sources:
      description: Where the driver comes from, V(distribution), V(nvidia) or V(runfile). More than one is a mixture.
      type: list
      elements: str
    runfile_leftovers:
      description: Files that only NVIDIA's own installer leaves behind.
      type: list
      elements: str
kernels:
  description: Every installed kernel.
  returned: success
  type: list
  elements: dict
  contains:
    release:
      description: The release.
      type: str
      sample: 6.8.0-45-generic
    running:
      description: Whether it runs.
      type: bool
    boots_next:
      description: Whether it is what the boot loader starts next.
      type: bool
    headers:
      description: Whether modules can be built for it.
      type: bool
    module:
      description: The driver that it would load, or null. C(signed) is null where nobody looked.
      type: dict
      sample:
        path: /lib/modules/6.8.0-45-generic/updates/dkms/nvidia.ko
        version: 550.54.15
        flavour: open
        origin: dkms
        signed: true
        signer: DKMS module signing key
    registered:
      description: A version that DKMS knows and has not built for this kernel.
      type: str
next_boot:
  description: Kernel and driver of the next boot, whether that driver would load, and what it changes.
  returned: success
  type: dict
  sample:
    kernel: 6.8.0-45-generic
    driver: 550.90.07
    flavour: open
    origin: dkms
    signed: true
    would_load: true
    headers: true
    changes: ["the loaded driver is 550.54.15, and 550.90.07 is on disk"]
packages:
  description:
    - Packages of the driver and of what must fit it. C(name) is what a package is a piece of.
    - C(source) is V(distribution) for every vendor of RPM packages but NVIDIA; C(vendor) is which, as the package says.
    - C(made_from) is the source package. C(stands_for) is set for an empty package that only brings the same one
      of another branch, to that branch.
  returned: success
  type: list
  elements: dict
  sample:
    - name: libraries
      package: libnvidia-compute-550
      version: 550.54.15-0ubuntu1
      driver: 550.54.15
      source: nvidia
      held: true
      complete: true
      vendor: ""
      made_from: nvidia-graphics-drivers-550
      stands_for: ""
components:
  description: The versions of the companions of a driver, each null where it is not installed.
  returned: success
  type: dict
  sample:
    fabric_manager: 550.54.15
    persistence_daemon: null
    imex: null
    nscq: null
    container_toolkit: 1.17.8-1
    dcgm: null
container_specifications:
  description: CDI files for NVIDIA's devices, and the driver for which each was written.
  returned: success
  type: list
  elements: dict
  sample: [{"path": "/etc/cdi/nvidia.yaml", "driver": "550.54.15"}]
toolkits:
  description: CUDA toolkits, the oldest first.
  returned: success
  type: list
  elements: dict
  sample:
    - path: /usr/local/cuda-12.4
      version: 12.4.1
      compiler: true
      default: true
      source: nvidia
nouveau:
  description: Whether the free driver is loaded, what blocks it, and kernels whose initial file system does not know
    yet.
  returned: success
  type: dict
  sample: {"loaded": false, "blocked": true, "blocked_by": ["/etc/modprobe.d/nvidia.conf"], "outdated_initramfs": []}
secure_boot:
  description: Whether the firmware refuses unsigned modules. Null where it does not say.
  returned: success
  type: bool
signing_key_enrolled:
  description: Whether the firmware knows the key with which DKMS signs. Null where there is no such key.
  returned: success
  type: bool
processes:
  description: Processes that hold a GPU. NVIDIA's own services have C(daemon) set.
  returned: success
  type: list
  elements: dict
  sample:
    - pid: 4711
      user: ada
      command: python train.py
      devices: [/dev/nvidia0, /dev/nvidiactl]
      unit: session-3.scope
      container: ""
      job: "1234"
      daemon: false
      memory_mib: 20412
problems:
  description: What does not fit together. C(reboot) tells that a reboot mends it.
  returned: success
  type: list
  elements: dict
  sample:
    - code: library_mismatch
      text: "the loaded kernel module is 550.54.15 and the libraries are 550.90.07: programs fail"
      reboot: true
reboot_required:
  description: Whether a reboot would change which driver runs.
  returned: success
  type: bool
reboot_reasons:
  description: Why.
  returned: success
  type: list
  elements: str
catalogue:
  description: How old the catalogue is, and how many rows of O(catalogue) are in it.
  returned: success
  type: dict
  sample: {"date": "2026-11-30", "age_days": 12, "own_rows": 0}
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
code:
  description: Why the module refused or failed, as a word that does not change.
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.day import MAX_AGE
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.info import GpuInfo


def main() -> None:
    run_module(
        GpuInfo(),
        {
            "ask_driver": {"type": "bool", "default": True},
            "detail": {"type": "bool", "default": True},
            "catalogue": {"type": "dict"},
            "catalogue_max_age": {"type": "int", "default": MAX_AGE},
        },
    )


if __name__ == "__main__":
    main()
