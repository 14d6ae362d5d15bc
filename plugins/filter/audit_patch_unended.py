# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a patch did what it was made for."""

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_patch_unended
short_description: Flaws that a patch was to end and that an environment still has
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Compares the audit of a patched environment with what P(gpufleet.mlstack.audit_patch#filter) said would stay. A
    package that is gone was not mended.
options:
  _input:
    description: The result of M(gpufleet.mlstack.dep_audit) after the patch.
    type: dict
    required: true
  name:
    description: The name of the environment.
    type: str
    required: true
  group:
    description: The host's group, as P(gpufleet.mlstack.audit_patch#filter) gave it.
    type: dict
    required: true
seealso:
  - plugin: gpufleet.mlstack.audit_patch
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Did the patch end what it was made for?
  ansible.builtin.assert:
    that: audit_after | gpufleet.mlstack.audit_patch_unended('ml', group) | length == 0
"""

RETURN = r"""
_value:
  description: One sentence for each.
  type: list
  elements: str
  sample: ["urllib3 1.26.18 still has CVE-2024-37891"]
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import patching


def audit_patch_unended(audit: t.Any, name: str, group: t.Any) -> list[str]:
    try:
        return patching.unended(audit, name, group)
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"audit_patch_unended: {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"audit_patch_unended": audit_patch_unended}
