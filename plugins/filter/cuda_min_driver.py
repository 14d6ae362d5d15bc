# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The oldest driver for a CUDA release."""

from __future__ import annotations

DOCUMENTATION = r"""
name: cuda_min_driver
short_description: The oldest driver that runs a CUDA release on Linux
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Tells what NVIDIA's release notes ask for. Any newer driver runs the release, too.
positional: minor_compatibility, rows
options:
  _input:
    description: The release, such as V(12.4) or V(12.4.1).
    type: str
    required: true
  minor_compatibility:
    description:
      - Whether the driver for minor-version compatibility will do. Programs then run without newer PTX and without new
        features of the driver.
    type: bool
    default: false
  rows:
    description: Rows of your own for the catalogue, as M(gpufleet.mlstack.stack_plan) takes them.
    type: dict
seealso:
  - module: gpufleet.mlstack.stack_plan
"""

EXAMPLES = r"""
- name: Which driver does CUDA 12.4 need?
  ansible.builtin.debug:
    msg: "{{ '12.4' | gpufleet.mlstack.cuda_min_driver }}"

- name: Which will do for programs that are built for the GPU?
  ansible.builtin.debug:
    msg: "{{ '12.4' | gpufleet.mlstack.cuda_min_driver(minor_compatibility=true) }}"
"""

RETURN = r"""
_value:
  description: The version of the driver.
  type: str
  sample: 550.54.14
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._stack.asking import minimum_driver


def cuda_min_driver(release: t.Any, minor_compatibility: t.Any = False, rows: t.Any = None) -> str:
    try:
        return minimum_driver(str(release), boolean(minor_compatibility), rows)
    except (MlstackError, TypeError) as error:
        raise AnsibleFilterError(f"cuda_min_driver: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"cuda_min_driver": cuda_min_driver}
