#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: framework_info
short_description: Whether PyTorch, TensorFlow and JAX work in an environment, in which version, and on which devices
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Imports a framework with the environment's own Python, asks it for its version and its devices as one does by hand
    after an installation, and lets it multiply two matrices on each device. A driver, a library or a build that does
    not fit often shows only then.
  - It works for virtual and for conda environments, whoever made them.
  - A framework that does not work is no failure of this module; RV(frameworks[].works) and RV(frameworks[].error) tell.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes.info
options:
  paths:
    description:
      - The environments to try. Their code runs. As root, an environment that belongs to a user is tried as that user,
        without the variables of the task, and one that others may change is not tried at all.
    type: list
    elements: path
    required: true
  frameworks:
    description: The frameworks to try, by the names under which they are imported.
    type: list
    elements: str
    choices: [torch, tensorflow, jax]
    required: true
  timeout:
    description:
      - How long one framework may take in one environment, in seconds. The first import from a cold disk is slow.
    type: int
    default: 300
seealso:
  - module: gpufleet.mlstack.stack_plan
  - module: gpufleet.mlstack.python_env_info
"""

EXAMPLES = r"""
- name: Does PyTorch work?
  gpufleet.mlstack.framework_info:
    paths: [/opt/mlstack/envs/torch]
    frameworks: [torch]
  register: tried

- name: It works, and on a GPU
  ansible.builtin.assert:
    that: tried.frameworks | rejectattr('accelerated') | length == 0
    fail_msg: "{{ tried.frameworks | map(attribute='error') | select | join('; ') or 'no GPU is seen' }}"
"""

RETURN = r"""
frameworks:
  description: One entry per environment and framework.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The environment.
      type: str
      sample: /opt/mlstack/envs/torch
    framework:
      description: The framework.
      type: str
      sample: torch
    version:
      description: Its version, empty where it cannot be imported.
      type: str
      sample: 2.8.0+cu126
    cuda:
      description: The CUDA release that it was built for, empty for a build for the CPU.
      type: str
      sample: "12.6"
    devices:
      description: The devices that it sees, up to the first that does not compute.
      type: list
      elements: dict
      sample: [{"device": "cpu", "name": ""}, {"device": "cuda:0", "name": "NVIDIA H100 80GB HBM3"}]
    works:
      description: Whether it was imported and multiplied right on every device.
      type: bool
    accelerated:
      description: Whether it works and one of the devices is no CPU.
      type: bool
    error:
      description: Why it does not work, empty where it does.
      type: str
      sample: "ModuleNotFoundError: No module named 'torch'"
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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.frameworks import NAMES, FrameworkInfo


def main() -> None:
    run_module(
        FrameworkInfo(),
        {
            "paths": {"type": "list", "elements": "path", "required": True},
            "frameworks": {"type": "list", "elements": "str", "choices": list(NAMES), "required": True},
            "timeout": {"type": "int", "default": 300},
        },
    )


if __name__ == "__main__":
    main()
