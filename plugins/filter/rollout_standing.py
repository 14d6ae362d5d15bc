# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a driver rollout stands."""

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_standing
short_description: Where a driver rollout stands after a batch, and whether it stops there
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Ansible counts hosts that failed. One that stopped answering while its driver changed has to be counted here.
positional: groups, batch, may_fail
options:
  _input:
    description:
      - The variables of each host that the rollout is to change by its name. C(_rollout_begun) says that it was begun,
        C(_rollout_trouble) that it failed.
    type: dict
    required: true
  groups:
    description: The groups of the inventory, of which C(rollout_ended) and C(rollout_waits) are read.
    type: dict
    required: true
  batch:
    description: The hosts of the batch.
    type: list
    elements: str
    required: true
  may_fail:
    description: Which share of the batch may fail, in percent.
    type: float
    default: 0
seealso:
  - plugin: gpufleet.mlstack.rollout_groups
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Does the rollout go on?
  ansible.builtin.assert:
    that: not (hosts | gpufleet.mlstack.rollout_standing(groups, ansible_play_batch, 10)).stop
  vars:
    hosts: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars))) }}"
"""

RETURN = r"""
_value:
  description: Names of hosts, and whether to stop.
  type: dict
  contains:
    failed:
      description: Hosts that failed.
      type: list
      elements: str
    missing:
      description: Hosts that were begun and stopped answering.
      type: list
      elements: str
    unbooted:
      description: Hosts that wait for a reboot which others make.
      type: list
      elements: str
    changed:
      description: Hosts of the batch that came out well.
      type: list
      elements: str
    left:
      description: Hosts that were not reached yet.
      type: list
      elements: str
    batch_missing:
      description: Hosts of the batch that stopped answering.
      type: list
      elements: str
    stop:
      description: Whether hosts of the batch stopped answering, and more of it failed than may.
      type: bool
"""

import dataclasses
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._fleet import rollout


def rollout_standing(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]],
    groups: t.Mapping[str, t.Sequence[str]],
    batch: t.Sequence[str],
    may_fail: float = 0,
) -> dict[str, t.Any]:
    ended, waits = set(groups.get("rollout_ended", ())), set(groups.get("rollout_waits", ()))
    try:
        facts = {
            name: {
                "begun": "_rollout_begun" in variables,
                "failed": "_rollout_trouble" in variables,
                "ended": name in ended,
                "waits": name in waits,
            }
            for name, variables in hosts.items()
        }
        found = rollout.standing(facts, batch, float(may_fail))
    except (AttributeError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"rollout_standing: {error}") from error
    return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(found).items()}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_standing": rollout_standing}
