# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next lock of an environment asks for, so that the findings of an audit end."""

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_patch
short_description: The smallest upgrades that end the findings of an audit, as requirements
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Takes what M(gpufleet.mlstack.dep_audit) found in one environment on many hosts, and what
    M(gpufleet.mlstack.python_env_info) says of it on one, and gives the requirements of a lock that changes what is
    flawed and, as far as the requirements of packages allow, nothing else. C(playbooks/patch.yml) works with it.
options:
  _input:
    description: Results of M(gpufleet.mlstack.dep_audit). Anything else in the list is passed over.
    type: list
    elements: raw
    required: true
  name:
    description: The name of the environment.
    type: str
    required: true
  found:
    description: The entry of M(gpufleet.mlstack.python_env_info), with C(tree).
    type: dict
    required: true
seealso:
  - module: gpufleet.mlstack.python_env_info
"""

EXAMPLES = r"""
- name: What would be upgraded?
  ansible.builtin.debug:
    msg: "{{ ([audit] | gpufleet.mlstack.audit_patch('ml', python.environments[0])).fixes }}"
"""

RETURN = r"""
_value:
  description:
    - C(fixes), name to the smallest version without a known flaw; C(unfixable), flawed packages without one;
      C(requirements) for M(gpufleet.mlstack.pip_pinned); C(seed), the lock's text before.
  type: dict
"""

import typing as t
from dataclasses import asdict

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.patching import patch


def audit_patch(audits: t.Any, name: str, found: t.Any) -> dict[str, t.Any]:
    try:
        made = asdict(patch(audits, name, found))
    except (ValueError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"audit_patch: {error}") from error
    return {key: list(value) if isinstance(value, tuple) else value for key, value in made.items()}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"audit_patch": audit_patch}
