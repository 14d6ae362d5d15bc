#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_verify
short_description: Prove that a host works, with its GPUs, its environments and the frameworks in them
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Looks at a host in one round trip and tells of each check whether it passed, failed, was skipped since it does not
    apply, or is unknown since nobody could look. Unknown is never passed.
  - The driver is asked once, by C(nvidia-smi -q -x). Programs of an environment run as its owner, and those of root's
    environments as nobody where everybody may read them, within bounds of time, memory and processes, and whatever they
    start ends with them.
  - The page on verifying says what each check looks at.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes.info
options:
  checks:
    description: The ids of the checks to make. Empty for all. Nothing is run for others.
    type: list
    elements: str
    default: []
  skip:
    description: The ids of checks to leave out.
    type: list
    elements: str
    default: []
  gpus_expected:
    description: What is said of the GPUs of this host. Without it, as many have to answer as are on the bus.
    type: dict
    suboptions:
      count:
        description: How many GPUs answer. Frameworks that are here have to compute on as many.
        type: int
      product:
        description: A part of the name of each of them, as C(H100).
        type: str
      mig:
        description: Whether MIG is on. Without it, either is right.
        type: str
        choices: [enabled, disabled]
  driver_expected:
    description: The version of the driver that has to be loaded, or the beginning of it, as C(570) or C(570.124.06).
    type: str
  driver_timeout:
    description: How long C(nvidia-smi) may take, in seconds. One GPU that fell off the bus lets it hang for minutes.
    type: float
    default: 60
  environments:
    description: The virtual and conda environments to look at. Their code runs.
    type: list
    elements: path
    default: []
  imports:
    description:
      - Modules to import in each environment, beside the packages that somebody asked for and that have a folder of
        their own name.
    type: list
    elements: str
    default: []
  locks:
    description: The lock that an environment has to match, a file of the host, by the path of the environment.
    type: dict
    default: {}
  files:
    description: Which packages' files are compared with what their installer wrote down.
    type: str
    choices: [none, sample, all]
    default: sample
  sample:
    description: How many packages are a sample. They are other ones each time.
    type: int
    default: 5
  tolerance:
    description:
      - The largest difference between a product of matrices and the right one, relative to its largest element.
      - GPUs multiply with fewer digits than a CPU where a framework lets them (TF32).
    type: float
    default: 0.005
  matrix:
    description: How many rows and columns these matrices have. The right product is worked out in plain Python.
    type: int
    default: 64
  probe_timeout:
    description: How long one program of an environment may take, in seconds. A first import from a cold disk is slow.
    type: float
    default: 300
  probe_memory:
    description: How much memory one of its processes may write to, in MiB.
    type: int
    default: 16384
  probe_processes:
    description: How many processes and threads it may have, beside those that its user has already.
    type: int
    default: 1024
  folders:
    description: Folders whose file systems need room, beside C(/), C(/tmp) and C(/var).
    type: list
    elements: path
    default: []
  free_percent:
    description: How much of the bytes and of the inodes of a file system has to be free.
    type: float
    default: 5
  fail_on:
    description: The least severity of a failed check that makes the module fail. RV(ok) tells it in any case.
    type: str
    choices: [error, warning, never]
    default: error
  unknown_fails:
    description: Whether what nobody could look at counts as a failure.
    type: bool
    default: false
seealso:
  - module: gpufleet.mlstack.gpu_info
  - module: gpufleet.mlstack.framework_info
  - module: gpufleet.mlstack.python_env_info
"""

EXAMPLES = r"""
- name: Eight H100 of one driver, and PyTorch computes on each of them
  gpufleet.mlstack.ml_verify:
    gpus_expected: {count: 8, product: H100, mig: disabled}
    driver_expected: "570"
    environments: [/opt/mlstack/envs/torch]
  register: proof

- name: Nothing but the hardware, as a check before a job does it
  gpufleet.mlstack.ml_verify:
    checks: [gpus, gpu_ecc, gpu_row_remapping, gpu_recovery, gpu_fabric, kernel_log]
    driver_timeout: 20
    unknown_fails: true
"""

RETURN = r"""
ok:
  description: Whether no check speaks against this host, as O(fail_on) and O(unknown_fails) weigh them.
  returned: success, and where the host is not verified
  type: bool
summary:
  description: How many checks ended how.
  returned: success, and where the host is not verified
  type: dict
  sample: {"passed": 21, "failed": 1, "skipped": 4, "unknown": 0}
checks:
  description: One entry for each check of each subject.
  returned: success, and where the host is not verified
  type: list
  elements: dict
  contains:
    id:
      description: The check.
      type: str
      sample: gpu_ecc
    subject:
      description: What it is about, a GPU, an environment, a folder or the host.
      type: str
      sample: GPU 3 (NVIDIA H100 80GB HBM3, GPU-6f1c0a52-1f0e-4c55-8a9b-2d7c9e6b7a10)
    status:
      description: V(passed), V(failed), V(skipped) where it does not apply, V(unknown) where nobody could look.
      type: str
      sample: failed
    severity:
      description: What a failure weighs, V(error) or V(warning).
      type: str
      sample: error
    reason:
      description: What was found.
      type: str
      sample: 2 memory errors since the driver was loaded could not be corrected
    to_fix:
      description: The next step, empty where there is none.
      type: str
      sample: empty the host, then reset the GPU (nvidia-smi --gpu-reset) or reboot
    seconds:
      description: The time of the look that found it.
      type: float
      sample: 0.41
    details:
      description: The same for programs, by check; for a GPU its index, address, uuid, serial and name.
      type: dict
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
code:
  description: Why the module refused or failed, as a word that does not change.
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.resource import Verification


def main() -> None:
    run_module(
        Verification(),
        {
            "checks": {"type": "list", "elements": "str", "default": []},
            "skip": {"type": "list", "elements": "str", "default": []},
            "gpus_expected": {
                "type": "dict",
                "options": {
                    "count": {"type": "int"},
                    "product": {"type": "str"},
                    "mig": {"type": "str", "choices": ["enabled", "disabled"]},
                },
            },
            "driver_expected": {"type": "str"},
            "driver_timeout": {"type": "float", "default": 60},
            "environments": {"type": "list", "elements": "path", "default": []},
            "imports": {"type": "list", "elements": "str", "default": []},
            "locks": {"type": "dict", "default": {}},
            "files": {"type": "str", "choices": ["none", "sample", "all"], "default": "sample"},
            "sample": {"type": "int", "default": 5},
            "tolerance": {"type": "float", "default": 0.005},
            "matrix": {"type": "int", "default": 64},
            "probe_timeout": {"type": "float", "default": 300},
            "probe_memory": {"type": "int", "default": 16384},
            "probe_processes": {"type": "int", "default": 1024},
            "folders": {"type": "list", "elements": "path", "default": []},
            "free_percent": {"type": "float", "default": 5},
            "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
            "unknown_fails": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
