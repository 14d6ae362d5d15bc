# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the solver for a host again, with other desired states."""

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_for
short_description: The set that a host would get for these desired states
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Solves on the controller with the facts of a host, as M(gpufleet.mlstack.stack_plan) does there. It asks no host.
positional: desired, rows
options:
  _input:
    description: A result of M(gpufleet.mlstack.stack_plan), or its C(facts).
    type: dict
    required: true
  desired:
    description: What to ask for, by the names of M(gpufleet.mlstack.stack_plan), such as C(torch) and C(cuda).
    type: dict
    default: {}
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

- name: Which of these could it have?
  ansible.builtin.debug:
    msg: "{{ plan | gpufleet.mlstack.stack_for({'cuda': item}) }}"
  loop: ["11.8", "12.4", "13.0"]
"""

RETURN = r"""
_value:
  description: C(possible), C(stack) and C(refusal), as M(gpufleet.mlstack.stack_plan) returns them.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._catalogue.data import shown_answer
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._stack.asking import asked


def stack_for(found: t.Any, all_desired: t.Any = None, rows: t.Any = None) -> dict[str, t.Any]:
    try:
        return shown_answer(asked(found, all_desired or {}, rows))
    except (MlstackError, ValueError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(f"stack_for: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"stack_for": stack_for}
