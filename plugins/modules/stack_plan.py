#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_plan
short_description: Which driver, CUDA, framework and Python go together on a host, or why none do
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Solves GPU, kernel module flavour, driver branch, CUDA, framework wheel and Python together, before anything touches
    the host. It answers with one set that holds together. Otherwise it names the fewest desired states that cannot
    hold, why with the source of each fact, and the nearest sets that can.
  - It changes nothing, fetches nothing and needs no driver on the host.
  - What is newer than the tables is never refused for that. It is let through and marked as unverified.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes.info
options:
  driver:
    description:
      - The driver, a branch such as V(580), an exact version, or V(present) for the one that the host has.
      - Without it a driver that fits stays, and else the branch is taken that is supported longest.
    type: str
  flavour:
    description: The flavour of the kernel modules. V(auto) takes what the GPUs ask for.
    type: str
    choices: [auto, open, proprietary]
    default: auto
  cuda:
    description: The CUDA toolkit, such as V(12.4) or V(12.4.1), or V(auto) for the newest that fits.
    type: str
  torch:
    description: The release of PyTorch, such as V(2.x), V(2.8), V(2.8.0) or V(>=2.6,<2.9).
    type: str
  tensorflow:
    description: The release of TensorFlow, in the same forms.
    type: str
  jax:
    description: The release of JAX, in the same forms, such as V(0.10) or V(0.x).
    type: str
  wheel:
    description:
      - The build, such as V(cu126), V(cuda12) for all of a major version of CUDA, V(cpu), or V(auto).
      - Builds of JAX are for a major version, V(cu126) means V(cuda12) there. TensorFlow has one build.
    type: str
    default: auto
  python:
    description: The Python of the environment, such as V(3.11).
    type: str
  compat:
    description: Whether the forward compatibility package may be used where the driver is too old for O(cuda).
    type: bool
    default: false
  facts:
    description:
      - Facts that stand in for what would be found on the host, with the keys of RV(facts). With C(gpus) in it nothing
        is looked at, so that a host can be planned that is not there yet.
    type: dict
  catalogue:
    description:
      - Rows of your own for the tables of the catalogue, by table. A row with the key of one of ours stands in for it.
        The tables and their columns are in C(docs/gpu-planning.md).
    type: dict
  catalogue_max_age:
    description:
      - After how many days a warning says that the catalogue is old. V(0) never warns.
      - A C(date) in O(catalogue) is the day to which your own rows bring it.
    type: int
    default: 180
  fail_when_impossible:
    description: Whether to fail where no set holds. By default RV(possible) tells.
    type: bool
    default: false
  ask_driver:
    description: Whether to run C(nvidia-smi) where a driver is loaded. It tells the MIG mode.
    type: bool
    default: true
seealso:
  - module: gpufleet.mlstack.gpu_info
"""

EXAMPLES = r"""
- name: What would this host get?
  gpufleet.mlstack.stack_plan:
    cuda: auto
    torch: "2.x"
  register: plan

- name: Say it
  ansible.builtin.debug:
    msg: "{{ plan.stack.summary if plan.possible else plan.refusal.text }}"

- name: Stop before anything is touched where driver 590 and CUDA 13 are impossible
  gpufleet.mlstack.stack_plan:
    driver: "590"
    cuda: "13.1"
    fail_when_impossible: true

- name: Plan a host that has not been bought yet
  gpufleet.mlstack.stack_plan:
    torch: "2.x"
    facts:
      gpus: ["10de:2330", "10de:2330"]
      nvswitches: 4
      distribution: rocky
      version: "9.6"
  delegate_to: localhost

- name: A CUDA release that is newer than the tables
  gpufleet.mlstack.stack_plan:
    cuda: "13.5"
    catalogue:
      cuda:
        - {version: 13.5.0, driver: "620.20", minor_driver: 580.65.06, source: "release notes of CUDA 13.5"}
"""

RETURN = r"""
possible:
  description: Whether a set holds.
  returned: success
  type: bool
stack:
  description: The set, null where none holds.
  returned: success
  type: dict
  contains:
    summary:
      description: The set in one line.
      type: str
      sample: driver 580 (open), CUDA 12.9.1, torch==2.14.1+cu126, Python 3.12
    driver:
      description:
        - The driver, null without a GPU. C(minimum) is what the branch must at least be at, C(kept) tells that the host
          has it already, C(fabric_manager) that it needs Fabric Manager of the same version.
      type: dict
      sample: {"branch": "580", "flavour": "open", "minimum": "", "version": "", "kept": false, "fabric_manager": false}
    toolkit:
      description: The CUDA toolkit, null where none was asked for.
      type: dict
      sample: {"version": "12.9.1", "compat_package": "", "host_gcc": "14"}
    frameworks:
      description: The frameworks by name, each with what pip is asked for and the index that has it.
      type: dict
      sample:
        torch:
          name: torch
          version: 2.14.1
          requirement: torch==2.14.1+cu126
          tag: cu126
          index: https://download.pytorch.org/whl/cu126
          cuda: "12.6"
          pythons: ["3.10", "3.14"]
    python:
      description: The Python for the frameworks.
      type: str
    repository:
      description: The directory of NVIDIA's package repository for this host, empty where there is none.
      type: str
      sample: ubuntu2404/x86_64
    notes:
      description: What one should know of this set, such as an end of life or a fact that nobody verified.
      type: list
      elements: dict
      sample: [{"code": "branch_end_of_life", "text": "support of driver branch 535 ended in 2026-06"}]
refusal:
  description: Why no set holds, null where one does.
  returned: success
  type: dict
  contains:
    text:
      description: What was wanted, what stands in the way, and what to do.
      type: str
    conflict:
      description: The fewest requests that cannot hold together. Empty where parts of the host contradict each other.
      type: dict
      sample: {"driver": "590"}
    reasons:
      description: Why, with the source of each fact and whether it was read there.
      type: list
      elements: dict
    alternatives:
      description: The nearest sets, one for each desired state that could be given up.
      type: list
      elements: dict
facts:
  description: What the host is, as far as the solver asks. The option O(facts) takes it back.
  returned: success
  type: dict
  sample:
    gpus: [{"pci_id": "20b2", "product": "A100-SXM4-80GB", "capability": "8.0", "mig": false}]
    nvswitches: 6
    distribution: ubuntu
    version: "24.04"
    architecture: x86_64
    kernel: 6.8.0-45-generic
    secure_boot: false
    key_enrolled: null
    gcc: "13"
    glibc: "2.39"
    pythons: ["3.12"]
    managed_pythons: true
    driver: {"version": 580.95.05, "flavour": open, "source": nvidia}
    today: "2026-11-23"
desired:
  description: What was asked for, without what was left to the solver.
  returned: success
  type: dict
  sample: {"torch": "2.x"}
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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._stack.resource import StackPlan


def main() -> None:
    run_module(
        StackPlan(),
        {
            "driver": {"type": "str"},
            "flavour": {"type": "str", "choices": ["auto", "open", "proprietary"], "default": "auto"},
            "cuda": {"type": "str"},
            "torch": {"type": "str"},
            "tensorflow": {"type": "str"},
            "jax": {"type": "str"},
            "wheel": {"type": "str", "default": "auto"},
            "python": {"type": "str"},
            "compat": {"type": "bool", "default": False},
            "facts": {"type": "dict"},
            "catalogue": {"type": "dict"},
            "catalogue_max_age": {"type": "int", "default": MAX_AGE},
            "fail_when_impossible": {"type": "bool", "default": False},
            "ask_driver": {"type": "bool", "default": True},
        },
    )


if __name__ == "__main__":
    main()
