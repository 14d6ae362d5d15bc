# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a driver rollout asks a host for."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_state
short_description: What a driver rollout asks a host for
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Where a rollout goes back, hosts that have the driver that is left are asked for the one before; the others keep
    what they have.
positional: settings
options:
  _input:
    description: What M(gpufleet.mlstack.gpu_info) found on the host.
    type: dict
    required: true
  settings:
    description: The settings C(state) and C(back_from).
    type: dict
    required: true
seealso:
  - plugin: gpufleet.mlstack.rollout_groups
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Which state of the driver does this host get?
  ansible.builtin.debug:
    msg: "{{ (found | gpufleet.mlstack.rollout_state({'back_from': '580'})).state }}"
"""

RETURN = r"""
_value:
  description: What the role nvidia_driver is asked for.
  type: dict
  contains:
    state:
      description: C(present), C(absent) or C(previous).
      type: str
    asked:
      description: Whether the host is asked at all. One that is not keeps what it has.
      type: bool
  sample: {"state": "previous", "asked": true}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._fleet import rollout


def rollout_state(found: t.Mapping[str, t.Any], settings: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    try:
        state, asked = rollout.asked(found, rollout.Settings(**settings))
    except (AttributeError, TypeError) as error:
        raise AnsibleFilterError(f"rollout_state: {error}") from error
    return {"state": state, "asked": asked}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_state": rollout_state}
