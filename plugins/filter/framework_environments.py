# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments that ask for PyTorch, TensorFlow or JAX, with the build for a host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: framework_environments
short_description: Environments with the builds of PyTorch, TensorFlow and JAX for a host
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Takes environments as M(gpufleet.mlstack.pip_pinned) does, with the keys C(torch), C(tensorflow), C(jax) and
    C(cuda) beside its own. It puts the pinned build for the host in their place, among the packages.
  - C(torch), C(tensorflow) and C(jax) are releases such as C(2.x) or C(2.8). C(cuda) is C(auto), C(cpu), a tag such as
    C(cu126) or a release such as C(12.6).
  - An environment without these keys is left as it is. The roles C(python_envs) and C(conda_envs) use this filter.
positional: found, base, rows, conda
options:
  _input:
    description: The environments.
    type: list
    elements: dict
    required: true
  found:
    description: A result of M(gpufleet.mlstack.stack_plan) for the host.
    type: dict
    required: true
  base:
    description: The address of a mirror of the indexes of PyTorch's builds. PyTorch's own is the default.
    type: str
  rows:
    description: Rows of your own for the catalogue, as M(gpufleet.mlstack.stack_plan) takes them.
    type: dict
  conda:
    description:
      - Whether the environments are those of M(gpufleet.mlstack.conda_env). The build is then put among the packages of
        pip, and a Python that it has a wheel for among those of conda where the environment names none.
    type: bool
    default: false
seealso:
  - module: gpufleet.mlstack.stack_plan
"""

EXAMPLES = r"""
- name: What is this host?
  gpufleet.mlstack.stack_plan:
  register: plan

- name: Build an environment with PyTorch for it
  gpufleet.mlstack.pip_pinned:
    environments: "{{ wanted.environments }}"
    extra_index_urls: "{{ wanted.indexes }}"
  vars:
    wanted: "{{ [{'name': 'ml', 'torch': '2.x', 'cuda': 'auto'}] | gpufleet.mlstack.framework_environments(plan) }}"
"""

RETURN = r"""
_value:
  description:
    - C(environments) for M(gpufleet.mlstack.pip_pinned) or M(gpufleet.mlstack.conda_env), and the C(indexes) that they
      need beside the usual.
  type: dict
  sample:
    environments: [{"name": "ml", "packages": ["torch==2.14.1+cu126"]}]
    indexes: ["https://download.pytorch.org/whl/cu126"]
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._stack.environments import resolved


def framework_environments(
    environments: t.Any, found: t.Any, base: str = "", rows: t.Any = None, conda: bool = False
) -> dict[str, t.Any]:
    try:
        made = resolved(environments, found, rows, base or "", boolean(conda))
    except (MlstackError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise AnsibleFilterError(f"framework_environments: {error}") from error
    return {"environments": list(made.environments), "indexes": list(made.indexes)}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"framework_environments": framework_environments}
