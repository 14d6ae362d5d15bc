#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: python_env_info
short_description: What Python environments hold, what is wrong with them, and what could be newer
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Tells of environments of M(gpufleet.mlstack.pip_pinned), and of any other virtual environment by its path, what
    C(pip list), C(pip show), C(pip freeze), C(pip check), C(pip list --outdated) and C(pipdeptree) tell, as data.
  - Except for O(outdated) it starts one short program per environment and asks no network.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes.info
  - gpufleet.mlstack.python_sources
options:
  root:
    description: The folder in which environments stand.
    type: path
    default: /opt/mlstack/envs
  names:
    description: The environments below O(root) to tell of. By default all of them.
    type: list
    elements: str
  paths:
    description: Further virtual environments, anywhere on the host. Nothing of theirs is run.
    type: list
    elements: path
    default: []
  outdated:
    description:
      - Whether to ask the index for newer versions. This starts the Python of an environment, so one that others may
        change is left out, and C(broken) says so.
    type: bool
    default: false
  tree:
    description: Whether to return the tree of dependencies.
    type: bool
    default: false
  cache:
    description: Whether to measure the engines' caches.
    type: bool
    default: false
  verify_files:
    description: Whether to compare every installed file with its recorded hash. This reads the whole environment.
    type: bool
    default: false
  locks:
    description:
      - Requirement files that environments are compared with, locks as a rule, by the environment's name below O(root)
        or its path as it is in O(paths).
      - What the files ask for is not resolved; only their pins that apply to the environment's Python are compared.
    type: dict
    default: {}
  remote_src:
    description:
      - Whether the files of O(locks) lie on the host. By default they are read on the controller, relative paths being
        looked for as M(ansible.builtin.copy) does.
    type: bool
    default: false
  requirement_files:
    description:
      - Contents of the files of O(locks) on the controller by path, packed. The action plugin fills it in.
    type: dict
seealso:
  - module: gpufleet.mlstack.pip_pinned
"""

EXAMPLES = r"""
- name: What do the environments of this host hold?
  gpufleet.mlstack.python_env_info:
  register: python

- name: Is anything broken or changed by hand?
  ansible.builtin.assert:
    that:
      - python.environments | map(attribute='conflicts') | flatten | length == 0
      - python.environments | map(attribute='drift') | flatten | length == 0

- name: What could be newer in a virtual environment made elsewhere, and who needs it?
  gpufleet.mlstack.python_env_info:
    names: []
    paths: [/srv/app/venv]
    outdated: true
    tree: true

- name: Does the host hold what the lock in the repository says?
  gpufleet.mlstack.python_env_info:
    names: [prod]
    locks:
      prod: files/prod.lock
  register: python
  failed_when: python.environments | map(attribute='lock_differences') | flatten | length > 0
"""

RETURN = r"""
environments:
  description: One entry per environment.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name, or the last part of the path.
      type: str
      returned: always
    path:
      description: Where the environment stands.
      type: str
      returned: always
      sample: /opt/mlstack/envs/ml
    standing:
      description: V(link) for an environment of this collection in order, V(venv) for any other virtual environment,
        V(dangling), V(absent), V(directory), V(file) or V(foreign_link) for what is no usable environment.
      type: str
      returned: always
    generation:
      description: The generation in use.
      type: str
      returned: for environments of this collection
    generations:
      description: All finished generations, the newest first.
      type: list
      elements: str
      returned: for environments of this collection
    record:
      description: What was written down when the generation was built.
      type: dict
      returned: for environments of this collection
    python:
      description: The Python it runs on.
      type: dict
      returned: when it runs
      sample: {"path": "/usr/bin/python3.11", "version": "3.11.2"}
    packages:
      description: The installed distributions.
      type: list
      elements: dict
      returned: when it runs
      sample:
        - name: numpy
          version: 1.24.3
          requested: true
          installer: uv
          requires: []
          installed_at: "2026-11-22T20:15:30Z"
    freeze:
      description: The exact contents as lines of a requirement file.
      type: list
      elements: str
      returned: when it runs
      sample: ["numpy==1.24.3"]
    drift:
      description: What was changed by hand since the generation was built.
      type: list
      elements: str
      returned: always
    conflicts:
      description: Requirements that are not met, as C(pip check) finds them.
      type: list
      elements: str
      returned: always
    broken:
      description: Distributions whose metadata is incomplete.
      type: list
      elements: str
      returned: always
    lock_differences:
      description:
        - What is not as the lock says. C(locked) is its version there, C(installed) that in the environment, null where
          there is none, C(since) when the installed one came.
        - C(pip), C(setuptools) and C(wheel) count only where the lock names them.
      type: list
      elements: dict
      returned: for environments in O(locks)
      sample: [{"name": "numpy", "locked": "1.24.3", "installed": "1.26.4", "since": "2026-11-23T08:12:00Z"}]
    outdated:
      description: Distributions for which the index has a newer version.
      type: list
      elements: dict
      returned: when O(outdated)
      sample: [{"name": "numpy", "version": "1.24.3", "latest": "2.3.5"}]
    tree:
      description: Distributions that nothing else needs, each with what it needs.
      type: list
      elements: dict
      returned: when O(tree)
      sample:
        - name: pandas
          version: 2.0.3
          requires:
            - {"name": "numpy", "version": "1.24.3", "requires": []}
    size:
      description: Bytes on disk, hard links counted once.
      type: int
      returned: when it runs
cache:
  description: Where the engines keep their caches for this user, and how many bytes are in them.
  returned: when O(cache)
  type: list
  elements: dict
  sample: [{"path": "/root/.cache/uv", "size": 812345678}]
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
code:
  description: Why the module refused or failed, as a word that does not change.
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.arguments import SOURCES_SPEC
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.info import PythonInfo


def main() -> None:
    run_module(
        PythonInfo(),
        {
            "root": {"type": "path", "default": "/opt/mlstack/envs"},
            "names": {"type": "list", "elements": "str"},
            "paths": {"type": "list", "elements": "path", "default": []},
            "outdated": {"type": "bool", "default": False},
            "tree": {"type": "bool", "default": False},
            "cache": {"type": "bool", "default": False},
            "verify_files": {"type": "bool", "default": False},
            "locks": {"type": "dict", "default": {}},
            "remote_src": {"type": "bool", "default": False},
            # A file may hold credentials, and arguments go to the system log.
            "requirement_files": {"type": "dict", "no_log": True},
            **SOURCES_SPEC,
        },
    )


if __name__ == "__main__":
    main()
