# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next locks of an environment ask for, so that the findings of an audit end."""

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_patch
short_description: The smallest upgrades that end the findings of an audit, for each set of hosts that hold the same
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Takes what M(gpufleet.mlstack.dep_audit) found in one environment on many hosts, and what
    M(gpufleet.mlstack.python_env_info) says of it there. Hosts whose environment holds the same are a group, and each
    group gets the requirements of a lock that changes what is flawed and, as far as the requirements of packages allow,
    nothing else. C(playbooks/patch.yml) works with it.
options:
  _input:
    description: Results of M(gpufleet.mlstack.dep_audit) by host. Hosts without one are patched as their group is.
    type: dict
    required: true
  name:
    description: The name of the environment.
    type: str
    required: true
  found:
    description: Entries of M(gpufleet.mlstack.python_env_info), with C(tree), by host. Hosts that do not have the
      environment as a generation are passed over.
    type: dict
    required: true
  lock:
    description: The file for the lock of the largest group. Those of others stand beside it, each with the name of its
      first host.
    type: str
    default: ''
  leave:
    description: Packages that stay as they are, since their fix does not fit.
    type: list
    elements: str
    default: []
seealso:
  - module: gpufleet.mlstack.dep_audit
  - module: gpufleet.mlstack.python_env_info
"""

EXAMPLES = r"""
- name: What would be upgraded, and where?
  ansible.builtin.debug:
    msg: "{{ ({'one': audit} | gpufleet.mlstack.audit_patch('ml', {'one': python.environments[0]}))[0].fixes }}"
"""

RETURN = r"""
_value:
  description:
    - The groups, the largest first. Each has its C(hosts); the C(lock) that is to be written; C(fixes), name to the
      smallest version with the fewest and least severe flaws; C(left), the ids of the flaws that stay, by package;
      C(unfixable), packages for which no fix is known; C(foreign), flawed ones that came from a URL or a file;
      C(requirements) for M(gpufleet.mlstack.pip_pinned); C(seed), the lock's text before.
  type: list
  elements: dict
"""

import typing as t
from dataclasses import asdict

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import patching


def audit_patch(
    audits: t.Any, name: str, found: t.Any, lock: str = "", leave: t.Sequence[str] = ()
) -> list[dict[str, t.Any]]:
    try:
        return [_plain(asdict(group)) for group in patching.patches(audits, name, found, lock, leave)]
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"audit_patch: {error}") from error


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, t.Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"audit_patch": audit_patch}
