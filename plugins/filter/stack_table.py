# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host of a fleet would get, as a table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: stack_table
short_description: What each host of a fleet would get, as a table for a terminal
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Hosts that cannot be served come last, each with the reason and the nearest ways out.
  - C(playbooks/plan.yml) shows it.
options:
  _input:
    description: Results of M(gpufleet.mlstack.stack_plan) by host. Anything else stands for a host that did not answer.
    type: dict
    required: true
seealso:
  - module: gpufleet.mlstack.stack_plan
"""

EXAMPLES = r"""
- name: What would each host get?
  gpufleet.mlstack.stack_plan:
    torch: "2.x"
  register: plan

- name: Show it
  ansible.builtin.debug:
    msg: "{{ dict(ansible_play_hosts | zip(found)) | gpufleet.mlstack.stack_table }}"
  vars:
    found: "{{ ansible_play_hosts | map('extract', hostvars, 'plan') }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The lines of the table.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._stack.fleet_table import lines


def stack_table(results: t.Any) -> list[str]:
    try:
        return lines(results)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(f"stack_table: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"stack_table": stack_table}
