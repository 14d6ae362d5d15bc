# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of a fleet have other environments than most."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_differences
short_description: Which hosts have other environments than most, in what, since when
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Compares the environments of the same name on many hosts, as M(gpufleet.mlstack.python_env_info) and
    M(gpufleet.mlstack.conda_env_info) found them. Where a host has two of one name, paths take the place of names.
  - The majority is taken name by name, the version that most hosts have. Where as many have one as another, the
    one that was installed first counts, and the difference says C(tied).
options:
  _input:
    description:
      - The results of the module by the name of their host, or lists of the results of both. A host whose result is
        missing or failed is reported as unheard, never as equal.
    type: dict
    required: true
  conda_locks:
    description:
      - The texts of locks by the names of conda environments. What differs from them is told as it is for the locks
        that M(gpufleet.mlstack.python_env_info) is given. The form is that of C(@EXPLICIT) lists, C(conda-lock.yml) or
        C(pixi.lock).
    type: dict
    default: {}
seealso:
  - module: gpufleet.mlstack.python_env_info
  - module: gpufleet.mlstack.conda_env_info
"""

EXAMPLES = r"""
- name: What do the environments of all hosts hold?
  gpufleet.mlstack.python_env_info:
  register: python

- name: Which hosts differ?
  ansible.builtin.debug:
    msg: "{{ (dict(hosts | zip(found)) | gpufleet.mlstack.fleet_differences).lines }}"
  vars:
    hosts: "{{ ansible_play_hosts }}"
    found: "{{ hosts | map('extract', hostvars, 'python') }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The comparison.
  type: dict
  contains:
    agree:
      description: Whether all hosts have the same, and all were heard.
      type: bool
    lines:
      description: Every difference as a sentence.
      type: list
      elements: str
      sample: ["gpu3: ml: numpy is 1.26.4, 998 of 1000 hosts have 1.24.3; since 2026-11-20T10:00:00Z"]
    environments:
      description:
        - One entry per name, with C(name), the number of C(hosts) that have it, the hosts where it is C(absent), the
          C(majority) by name, and C(differing).
        - An entry of C(differing) has C(host), C(since) and C(differences), each with C(name), C(majority), C(here),
          C(since), C(hosts) and C(tied).
      type: list
      elements: dict
    odd_hosts:
      description: The hosts that differ in anything, from the majority or from a lock, or that were not heard.
      type: list
      elements: str
    unlike_lock:
      description: What differs from locks, where the module was given some, with C(host) and C(path).
      type: list
      elements: dict
    unheard:
      description: Hosts of which nothing is known, and why.
      type: list
      elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._fleet.comparison import compare


def fleet_differences(infos: t.Any, conda_locks: t.Mapping[str, str] | None = None) -> dict[str, t.Any]:
    try:
        return compare(_beside_locks(infos, conda_locks) if conda_locks else infos)
    except (MlstackError, ValueError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"fleet_differences: {error}") from error


def _beside_locks(infos: t.Any, locks: t.Mapping[str, str]) -> t.Any:
    # It reads YAML, which those without conda need not have.
    from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._fleet.conda_locks import beside_locks

    def one(info: t.Any) -> t.Any:
        # Of the results of both modules, conda's is the one that tells the platform.
        return beside_locks(info, locks) if isinstance(info, t.Mapping) and "platform" in info else info

    return {
        host: [one(item) for item in info] if isinstance(info, (list, tuple)) else one(info)
        for host, info in infos.items()
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_differences": fleet_differences}
