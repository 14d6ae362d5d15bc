# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of the PyTorch build for a host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: wheel_index
short_description: The index that has the build of PyTorch for a host
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Picks the build for the GPUs and the driver of a host, and that for CPUs where there is no GPU.
  - It fails where no build fits.
positional: torch, cuda, base, rows
options:
  _input:
    description: A result of M(gpufleet.mlstack.stack_plan), or its C(facts).
    type: dict
    required: true
  torch:
    description: The release of PyTorch, such as V(2.x) or V(2.8).
    type: str
    default: 2.x
  cuda:
    description: The build, V(auto), V(cpu), a tag such as V(cu126) or a release such as V(12.6).
    type: str
    default: auto
  base:
    description: The address of a mirror of the indexes. PyTorch's own is the default.
    type: str
  rows:
    description: Rows of your own for the catalogue, as M(gpufleet.mlstack.stack_plan) takes them.
    type: dict
seealso:
  - module: gpufleet.mlstack.stack_plan
"""

EXAMPLES = r"""
- name: What is this host?
  gpufleet.mlstack.stack_plan:
  register: plan

- name: Where are its wheels?
  ansible.builtin.debug:
    msg: "{{ plan | gpufleet.mlstack.wheel_index('2.x') }}"
"""

RETURN = r"""
_value:
  description: The URL.
  type: str
  sample: https://download.pytorch.org/whl/cu126
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._stack.environments import resolved


def wheel_index(found: t.Any, torch: str = "2.x", cuda: t.Any = "auto", base: str = "", rows: t.Any = None) -> str:
    environment = {"name": "torch", "torch": torch, "cuda": cuda}
    try:
        return resolved([environment], found, rows, base or "").indexes[0]
    except (MlstackError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise AnsibleFilterError(f"wheel_index: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"wheel_index": wheel_index}
