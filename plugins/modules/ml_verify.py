#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_verify
short_description: Proves that a host works, its GPUs, its driver and its Python environments
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Looks at a host once, and tells of each thing that was looked at whether it passed, failed, does not apply or could
    not be found out. What nobody could look at never passes.
  - It changes nothing. Frameworks are imported and compute something, each in a process of its own that belongs to the
    owner of the environment and ends at its time limit.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes.info
options:
  parts:
    description:
      - What to look at. V(host) is the clock and the room on file systems. V(driver) is the GPUs, the driver, what
        C(nvidia-smi) says of each GPU, and the driver's codes in the kernel's log. V(environments) is Python
        environments.
    type: list
    elements: str
    choices: [host, driver, environments]
    default: [host, driver, environments]
  checks:
    description: The checks that count, by name. By default all of them.
    type: list
    elements: str
    default: []
  skip:
    description: Checks that do not count, by name.
    type: list
    elements: str
    default: []
  gpus:
    description: What the host should have.
    type: dict
    suboptions:
      count:
        description: How many GPUs answer the driver. By default as many as are on the bus for this host.
        type: int
      product:
        description: A part of the name that C(nvidia-smi) gives all of them.
        type: str
  root:
    description: The folder in which environments stand.
    type: path
    default: /opt/mlstack/envs
  names:
    description: The environments below O(root) to look at. By default all of them.
    type: list
    elements: str
  paths:
    description: Further virtual environments, anywhere on the host.
    type: list
    elements: path
    default: []
  frameworks:
    description: The frameworks that are tried in the environments that hold them.
    type: list
    elements: str
    choices: [torch, tensorflow, jax]
    default: [torch, tensorflow, jax]
  timeout:
    description: How many seconds one framework may take.
    type: int
    default: 300
  verify_files:
    description: Whether to compare every file of environments with its recorded hash. This reads all of them.
    type: bool
    default: false
  room_paths:
    description: Further folders on whose file systems there must be room, beside C(/), C(/tmp), C(/var) and O(root).
    type: list
    elements: path
    default: []
  room_percent:
    description: How much of the bytes and of the inodes of these file systems must be free, in percent.
    type: float
    default: 5
  fail_on:
    description:
      - When the module fails. With V(error) by a failed check that weighs so, with V(warning) by any, with V(never) not
        at all; RV(ok) tells then.
    type: str
    choices: [error, warning, never]
    default: error
  unknown_fails:
    description: Whether a check that nobody could make counts as failed.
    type: bool
    default: false
notes:
  - Root sees everything. Another user may not see the kernel's log or the boot loader's files; those checks are unknown
    then.
seealso:
  - module: gpufleet.mlstack.gpu_info
  - module: gpufleet.mlstack.python_env_info
  - module: gpufleet.mlstack.framework_info
"""

EXAMPLES = r"""
- name: Does this host work?
  gpufleet.mlstack.ml_verify:
  become: true

- name: Does it have its eight GPUs, and do they compute?
  gpufleet.mlstack.ml_verify:
    gpus: {count: 8, product: H100}
    frameworks: [torch]
    unknown_fails: true
  become: true

- name: Is the driver well, before the host goes back to work?
  gpufleet.mlstack.ml_verify:
    parts: [driver]
    fail_on: never
  become: true
  register: proof
"""

RETURN = r"""
ok:
  description: Whether nothing speaks against the host, by O(fail_on) and O(unknown_fails).
  returned: when the host could be looked at
  type: bool
checks:
  description: Everything that was looked at.
  returned: when the host could be looked at
  type: list
  elements: dict
  contains:
    name:
      description: The name of the check, which does not change.
      type: str
      sample: gpu_ecc
    subject:
      description: What of the host it is about.
      type: str
      sample: GPU 0 (NVIDIA H100 80GB HBM3, GPU-513536b6-7d19-9063-b049-1e69664bb298)
    status:
      description: V(passed), V(failed), V(skipped) where it does not apply, or V(unknown) where nobody could look.
      type: str
    severity:
      description: What a failure weighs, V(error) or V(warning).
      type: str
    found:
      description: What was found.
      type: str
    to_fix:
      description: What to do, empty where nothing is.
      type: str
summary:
  description: How many checks ended how.
  returned: when the host could be looked at
  type: dict
  sample: {"passed": 31, "failed": 0, "skipped": 4, "unknown": 0}
seconds:
  description: How long each part took.
  returned: when the host could be looked at
  type: dict
  sample: {"host": 0.001, "driver": 0.412, "environments": 3.2}
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
code:
  description: Why the module refused or failed, as a word that does not change, such as V(not_verified).
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module
from ansible_collections.gpufleet.mlstack.plugins.module_utils._verify.resource import PARTS, Verification


def main() -> None:
    frameworks = ["torch", "tensorflow", "jax"]
    run_module(
        Verification(),
        {
            "parts": {"type": "list", "elements": "str", "choices": list(PARTS), "default": list(PARTS)},
            "checks": {"type": "list", "elements": "str", "default": []},
            "skip": {"type": "list", "elements": "str", "default": []},
            "gpus": {"type": "dict", "options": {"count": {"type": "int"}, "product": {"type": "str"}}},
            "root": {"type": "path", "default": "/opt/mlstack/envs"},
            "names": {"type": "list", "elements": "str"},
            "paths": {"type": "list", "elements": "path", "default": []},
            "frameworks": {"type": "list", "elements": "str", "choices": frameworks, "default": frameworks},
            "timeout": {"type": "int", "default": 300},
            "verify_files": {"type": "bool", "default": False},
            "room_paths": {"type": "list", "elements": "path", "default": []},
            "room_percent": {"type": "float", "default": 5},
            "fail_on": {"choices": ["error", "warning", "never"], "default": "error"},
            "unknown_fails": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
