# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who comes when in a driver rollout, and why."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_groups
short_description: Which hosts of a driver rollout go first, which follow, which are left alone, and why
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Decides over all hosts at once, by what was observed of them and by the settings of the rollout.
positional: settings
options:
  _input:
    description:
      - The variables of each host by its name, of which these are read. C(_rollout_found), the result of
        M(gpufleet.mlstack.gpu_info); C(nvidia_driver_result), what M(gpufleet.mlstack.nvidia_driver) said in check
        mode; C(_nvidia_driver_found_note), whether a rollout before left the host empty; and the variables
        C(nvidia_driver_state) and C(nvidia_driver_accept_problems) of the role, where it has them.
    type: dict
    required: true
  settings:
    description:
      - C(canary), a number or names of hosts; C(back_from), a driver to leave; C(reboot), C(when_required) or C(never);
        C(state) and C(accept) for hosts that have no variables of their own.
    type: dict
    required: true
seealso:
  - plugin: gpufleet.mlstack.rollout_state
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Who would go first?
  ansible.builtin.debug:
    msg: "{{ hosts | gpufleet.mlstack.rollout_groups({'canary': 2}) | dict2items | selectattr('value.group', 'eq',
    'canary') }}"
  vars:
    hosts: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars))) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: A decision by the name of each host.
  type: dict
  contains:
    group:
      description:
        - C(canary) or C(rest); C(same) has the driver and is well; C(without) has no GPU; C(unwell) has the driver and
          something is wrong; C(held) would follow a canary, by name, that is not well or stopped answering.
      type: str
    reason:
      description: What is to be done, or why nothing is.
      type: str
    waits:
      description: Whether a reboot is due that others make.
      type: bool
  sample: {"gpu1": {"group": "canary", "reason": "install driver 580.95.05", "waits": false}}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._fleet import rollout

_Variables = t.Mapping[str, t.Any]


def rollout_groups(hosts: t.Mapping[str, _Variables], settings: _Variables) -> dict[str, dict[str, t.Any]]:
    try:
        own = {name: _settings(variables, settings) for name, variables in hosts.items()}
        decided = rollout.decide({name: _facts(variables) for name, variables in hosts.items()}, own)
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"rollout_groups: {error!r}") from error
    return {
        name: {"group": decision.group, "reason": decision.reason, "waits": decision.waits}
        for name, decision in decided.items()
    }


def _settings(variables: _Variables, settings: _Variables) -> rollout.Settings:
    state = variables.get("nvidia_driver_state") or settings.get("state") or "present"
    accept = variables.get("nvidia_driver_accept_problems") or settings.get("accept") or ()
    return rollout.Settings(**{**settings, "state": state, "accept": accept})


def _facts(variables: _Variables) -> dict[str, t.Any]:
    return {
        "found": variables["_rollout_found"],
        "answer": variables["nvidia_driver_result"],
        "drained": ((variables.get("_nvidia_driver_found_note") or {}).get("stat") or {}).get("exists", False),
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_groups": rollout_groups}
