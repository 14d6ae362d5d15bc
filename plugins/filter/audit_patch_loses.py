# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lock would take away from a host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_patch_loses
short_description: Packages of a host that somebody asked for and that a lock would not leave there
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Compares what a lock has with what one host has in an environment. Packages that only others needed may go. What
    somebody asked for, or nothing else needs, may not. C(playbooks/patch.yml) refuses where there is any.
options:
  _input:
    description: The text of the lock.
    type: str
    required: true
  name:
    description: The name of the environment.
    type: str
    required: true
  audit:
    description: The result of M(gpufleet.mlstack.dep_audit) on the host.
    type: dict
    required: true
  found:
    description: The entry of M(gpufleet.mlstack.python_env_info), with C(tree).
    type: dict
    required: true
seealso:
  - plugin: gpufleet.mlstack.audit_patch
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Would the lock of another host take anything away?
  ansible.builtin.assert:
    that: lookup('ansible.builtin.file', 'ml.lock')
      | gpufleet.mlstack.audit_patch_loses('ml', audit, python.environments[0]) | length == 0
"""

RETURN = r"""
_value:
  description: Normalised names.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import patching


def audit_patch_loses(lock: str, name: str, audit: t.Any, found: t.Any) -> list[str]:
    try:
        return patching.lost(lock, name, audit, found)
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"audit_patch_loses: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"audit_patch_loses": audit_patch_loses}
