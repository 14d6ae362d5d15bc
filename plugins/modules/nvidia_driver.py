#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_driver
short_description: The NVIDIA driver of a host, as one set that holds together
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Installs, changes, holds and removes the driver with its kernel module, libraries, Fabric Manager, persistence
    daemon, and IMEX, NSCQ and NVSDM where the host has them. All of them get one version.
  - The driver comes from NVIDIA's repository, from the archive of Debian or Ubuntu, or from NVIDIA's installer. A
    change of source, branch or kernel module flavour is planned like any other. What belongs to the old one goes, what
    belongs to the new one comes, and streams are reset.
  - What cannot go well is refused before the first change. See the notes.
  - It never reboots. RV(reboot_required) and RV(reboot_reasons) tell what a reboot is needed for.
  - Check mode with diff shows packages with versions, repositories, files, holds, services, whether and why a reboot
    will be needed, and who holds a GPU.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
options:
  state:
    description:
      - V(absent) removes the driver, whichever way it came.
      - V(previous) goes back to the driver that worked before the last change, as it was written down then.
    type: str
    choices: [present, absent, previous]
    default: present
  source:
    description:
      - V(nvidia) is NVIDIA's package repository, V(distribution) the archive of Debian (component non-free) or Ubuntu
        (restricted), V(runfile) NVIDIA's installer.
    type: str
    choices: [nvidia, distribution, runfile]
    default: nvidia
  branch:
    description:
      - The branch, in quotes, such as V("580"). A host that has the branch keeps the release that it has.
      - Without O(branch) and O(version) the compatibility solver chooses. A driver that fits stays.
    type: str
  version:
    description: The exact version, such as V("580.65.06").
    type: str
  flavour:
    description:
      - The kernel module, V(open) or V(proprietary). With V(auto) the compatibility solver chooses what the GPUs of the
        host can run.
    type: str
    choices: [auto, open, proprietary]
    default: auto
  modules:
    description:
      - V(dkms) builds the kernel module on the host for each kernel.
      - V(prebuilt) takes modules that are built and signed already. Ubuntu's archive has them, and NVIDIA's repository
        for RHEL 9.
    type: str
    choices: [dkms, prebuilt]
    default: dkms
  libraries:
    description: Whether the libraries for graphics come along, V(full), or those for computing only, V(compute).
    type: str
    choices: [full, compute]
    default: full
  server:
    description: Whether to take the server variant from Ubuntu's archive.
    type: bool
    default: true
  fabric_manager:
    description: Whether Fabric Manager is installed. With V(auto), where there are NVSwitches.
    type: str
    choices: [auto, present, absent]
    default: auto
  hold:
    description:
      - Whether every package of the driver is kept at its version. With apt that is holds, a pin, and a list for
        unattended-upgrades. With dnf it is version locks.
      - They are lifted for a change that this module makes, and are back after it, also when it fails.
    type: bool
    default: true
  busy:
    description:
      - What to do when processes hold a GPU and the driver has to change. V(fail) lists them, V(wait) waits for them up
        to O(busy_timeout), V(ignore) goes on.
      - NVIDIA's own services do not count.
    type: str
    choices: [fail, wait, ignore]
    default: fail
  busy_timeout:
    description: How long to wait for a GPU, in seconds.
    type: int
    default: 600
  install_headers:
    description: Whether missing headers of the running and of the next kernel are installed with a driver that is built
      here.
    type: bool
    default: true
  take_over:
    description:
      - Whether to bring a driver to a host whose driver is somebody else's, a vGPU's, a container's, that of Windows
        or of the host of a container; see RV(gpufleet.mlstack.gpu_info#module:owner). Without it such a host is left
        alone, and refused where O(branch) or O(version) is given.
    type: bool
    default: false
  require_gpu:
    description: Whether a host without an NVIDIA GPU is left alone.
    type: bool
    default: true
  replace_mixed_sources:
    description: Whether a driver that was pieced together from several sources may be replaced as a whole.
    type: bool
    default: false
  require_rollback:
    description:
      - Whether a driver of NVIDIA's installer is only replaced where its installer is at hand, so that the driver can
        be put back when the change fails. The installer is the one that was kept, see O(keep_runfile), or it is fetched
        before the first change from where it came, or from NVIDIA where the collection knows its digest.
      - With V(false) a change goes on without, and check mode says that there is no way back.
    type: bool
    default: true
  keep_runfile:
    description:
      - Whether the installer of the driver stays in C(/var/lib/gpufleet-mlstack/nvidia-installer), for root alone, 300
        to 500 MB. Only the last one stays, and it goes with O(state=absent).
    type: bool
    default: true
  allow_changes:
    description: Packages outside of the driver that the change may upgrade or remove.
    type: list
    elements: str
    default: []
  catalogue:
    description:
      - Rows of your own for the tables of the solver, as M(gpufleet.mlstack.stack_plan) takes them, such as a product
        or a branch that is newer than they are.
    type: dict
  catalogue_max_age:
    description:
      - After how many days a warning says that the catalogue is old. V(0) never warns.
      - A C(date) in O(catalogue) is the day to which your own rows bring it.
    type: int
    default: 180
  repository_url:
    description: The address of a mirror of NVIDIA's repository.
    type: str
  repository_key:
    description: The public key of the repository, as text. Needs O(repository_fingerprints).
    type: str
  repository_key_url:
    description: Where the public key lies. By default where NVIDIA has it, below the repository's address.
    type: str
  repository_fingerprints:
    description: The fingerprints that the key must have. By default that of NVIDIA's key.
    type: list
    elements: str
    default: []
  runfile:
    description: NVIDIA's installer as a file on the host.
    type: path
  runfile_url:
    description: Where to fetch the installer. By default from NVIDIA.
    type: str
  runfile_sha256:
    description: The digest that the installer must have. By default the one that the collection knows for the version.
    type: str
  cache_valid_time:
    description: How long fetched package lists are good, in seconds.
    type: int
    default: 3600
  lock_timeout:
    description: How long to wait for another process that uses the package manager, in seconds.
    type: int
    default: 300
notes:
  - These are refused before the first change. Processes on a GPU. A driver that the GPUs, by the tables of the
    collection, cannot run. Kernel headers that are absent and not offered. Secure boot with a module whose key is not
    enrolled. Too little space on C(/usr), C(/var) or C(/boot). A driver from several sources. A driver of NVIDIA's
    installer, without that installer to put it back, see O(require_rollback). A transaction that would
    change the kernel or anything else that nobody named.
  - When the package manager fails half-way, the packages from before come back as far as the repositories still offer
    them. A driver of NVIDIA's installer is put back by its installer, whichever source failed in its place, and what an
    installer that failed left behind is removed. RV(restored) tells, and the message says what the host has now.
  - An installer overwrites files without a package manager. Prefer the other sources.
seealso:
  - module: gpufleet.mlstack.gpu_info
"""

EXAMPLES = r"""
- name: Have a driver that fits the GPUs of each host, and keep it there
  gpufleet.mlstack.nvidia_driver:
  become: true
  register: driver

- name: Have one release on all hosts
  gpufleet.mlstack.nvidia_driver:
    version: "580.65.06"
    flavour: open
    busy: wait
    busy_timeout: 3600
  become: true

- name: Use Ubuntu's signed modules, for hosts with secure boot
  gpufleet.mlstack.nvidia_driver:
    source: distribution
    branch: "580"
    modules: prebuilt
  become: true

- name: Go back to the driver that worked before
  gpufleet.mlstack.nvidia_driver:
    state: previous
  become: true

- name: Remove the driver
  gpufleet.mlstack.nvidia_driver:
    state: absent
  become: true
"""

RETURN = r"""
target:
  description: The driver that the host shall have. Null for none.
  returned: success
  type: dict
  sample: {"source": "nvidia", "branch": "580", "version": "580.65.06", "flavour": "open", "modules": "dkms"}
driver:
  description: The driver that the host has, loaded, on disk and in the libraries.
  returned: success
  type: dict
  sample:
    loaded: 550.54.15
    loaded_flavour: open
    on_disk: 580.65.06
    libraries: 580.65.06
    sources: [nvidia]
reboot_required:
  description: Whether a reboot is needed before the wanted driver runs. In check mode, whether it will be.
  returned: success
  type: bool
reboot_reasons:
  description: Why.
  returned: success
  type: list
  elements: str
  sample: ["the loaded driver is 550.54.15, and 580.65.06 is on disk"]
holders:
  description: The processes that hold a GPU. Those of NVIDIA's own services are left out.
  returned: when something changes, and when they are the reason to refuse
  type: list
  elements: dict
  sample:
    - pid: 4711
      user: ada
      command: python train.py
      unit: session-3.scope
      container: ""
      job: ""
problems:
  description: What does not fit together on the host, as in M(gpufleet.mlstack.gpu_info).
  returned: success
  type: list
  elements: str
skipped:
  description: Why nothing was done.
  returned: when the host has no GPU of its own and O(require_gpu), or its driver is somebody else's
  type: str
restored:
  description: Whether the driver from before is back, by packages or by its installer, or none where there was none.
  returned: after a failure that had changed the driver
  type: bool
catalogue:
  description: How old the catalogue is, and how many rows of O(catalogue) are in it.
  returned: success
  type: dict
  sample: {"date": "2026-11-30", "age_days": 12, "own_rows": 0}
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
plan:
  description: The steps taken, or in check mode the steps that would be taken.
  returned: always
  type: list
  elements: dict
  sample:
    - action: upgrade
      subject: nvidia-driver-580-open
      summary: upgrade nvidia-driver-580-open 580.65.06-0ubuntu1 -> 580.95.05-0ubuntu1
      details:
        from: 580.65.06-0ubuntu1
        to: 580.95.05-0ubuntu1
code:
  description: Why the module refused or failed, as a word that does not change.
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.arguments import SPEC
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.driver.resource import Driver


def main() -> None:
    run_module(Driver(), SPEC)


if __name__ == "__main__":
    main()
