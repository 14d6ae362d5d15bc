#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conda_env_info
short_description: What conda environments hold, who asked for it, what was changed by hand, and how to write it down
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Tells of conda environments, those of this collection and any other by its path, what C(conda list),
    C(conda list --explicit), C(conda env export), C(conda list --revisions) and C(conda doctor) tell, as data.
  - It reads the records in C(conda-meta). No program is started, no channel asked, and no conda needs to be there.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes.info
options:
  root:
    description: The folder in which environments of this collection stand.
    type: path
    default: /opt/mlstack/envs
  names:
    description: The environments below O(root) to tell of. By default all that are conda's.
    type: list
    elements: str
  paths:
    description: Further conda environments, anywhere on the host, made by whatever program.
    type: list
    elements: path
    default: []
  exports:
    description:
      - The forms in which to write each environment down.
      - V(environment) is an C(environment.yml) with exact versions and builds, V(history) one with what was asked for
        alone, V(explicit) an C(@EXPLICIT) list of URLs and hashes, V(conda_lock) a C(conda-lock.yml) of version 1 for
        this platform.
    type: list
    elements: str
    choices: [environment, history, explicit, conda_lock]
    default: []
  history:
    description: Whether to return what was done to each environment, and when.
    type: bool
    default: false
  verify_files:
    description: Whether to compare every installed file with its recorded hash. This reads the whole environment.
    type: bool
    default: false
  cache:
    description: Whether to measure the package caches.
    type: bool
    default: false
  cache_dir:
    description: Where packages are kept, if not in the usual places of this user.
    type: path
seealso:
  - module: gpufleet.mlstack.python_env_info
"""

EXAMPLES = r"""
- name: What do the conda environments of this host hold?
  gpufleet.mlstack.conda_env_info:
  register: conda

- name: Is anything broken or changed by hand?
  ansible.builtin.assert:
    that:
      - conda.environments | map(attribute='broken') | flatten | length == 0
      - conda.environments | map(attribute='drift') | flatten | length == 0

- name: Take an environment that somebody made by hand as a lock
  gpufleet.mlstack.conda_env_info:
    names: []
    paths: [/home/ana/miniforge3/envs/ml]
    exports: [explicit, history]
  register: ana

- name: Keep the lock on the controller
  ansible.builtin.copy:
    content: "{{ ana.environments[0].exports.explicit }}"
    dest: "{{ playbook_dir }}/files/ml.lock"
    mode: "0644"
  delegate_to: localhost
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
      description: V(link) for an environment of this collection in order, V(conda) for any other conda environment,
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
      returned: for environments below O(root)
    record:
      description: What was written down when the generation was built.
      type: dict
      returned: for environments of this collection
    python:
      description: Its Python.
      type: dict
      returned: when it has one
      sample: {"path": "/home/ana/miniforge3/envs/ml/bin/python3.11", "version": "3.11.7"}
    packages:
      description: The conda packages, by name. C(size) is that of the archive in bytes, 0 where it is not recorded.
      type: list
      elements: dict
      returned: for a conda environment
      sample:
        - name: numpy
          version: 1.26.4
          build: py311h64a7726_0
          channel: https://conda.example.com/conda-forge
          subdir: linux-64
          url: https://conda.example.com/conda-forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda
          sha256: 3f4365e11b28e244c95ba8579942b0802761ba7bb31c026f50d1a9ea9c728149
          md5: a502d7aad449a1206efb366d6a12c52d
          size: 8065890
          noarch: ""
          license: BSD-3-Clause
          requested: true
    requested:
      description: The match specifications that were asked for, of packages that are still there.
      type: list
      elements: str
      returned: for a conda environment
      sample: ["numpy=1.26", "python=3.11"]
    pip:
      description: The distributions that are there beside conda's packages, mostly by pip.
      type: list
      elements: dict
      returned: for a conda environment
      sample: [{"name": "einops", "version": "0.7.0", "installer": "uv"}]
    drift:
      description: What was changed by hand since the generation was built.
      type: list
      elements: str
      returned: always
      sample: ["six 1.16.0 pyhd8ed1ab_0 was added by hand"]
    broken:
      description: Records of C(conda-meta), and metadata of distributions, that cannot be read, each with the reason.
      type: list
      elements: str
      returned: always
    files:
      description: Paths that are C(missing) or C(changed), and programs and modules of no package (C(unowned)).
      type: dict
      returned: when O(verify_files)
      sample: {"missing": [], "changed": ["lib/python3.11/site-packages/six.py"], "unowned": []}
    history:
      description: The changes of the environment, the oldest first.
      type: list
      elements: dict
      returned: when O(history)
      sample:
        - date: "2026-11-22 20:15:30"
          command: conda install six
          requested: ["six"]
          removed: []
          linked: ["conda-forge/noarch::six-1.16.0-pyhd8ed1ab_0"]
          unlinked: []
    exports:
      description: The environment written down, by the form's name.
      type: dict
      returned: for a conda environment
    size:
      description: Bytes on disk, hard links counted once.
      type: int
      returned: for a conda environment
platform:
  description: The host's folder of a channel, empty where conda has no packages for the machine.
  returned: always
  type: str
  sample: linux-64
virtual_packages:
  description: What of the host packages can depend on, as NAME=VERSION=BUILD.
  returned: always
  type: list
  elements: str
  sample: ["__archspec=1=x86_64_v3", "__cuda=12.4=0", "__glibc=2.35=0", "__linux=6.8.0=0", "__unix=0=0"]
cache:
  description: The package caches that this user's environments came from, with their bytes and unpacked packages.
  returned: when O(cache)
  type: list
  elements: dict
  sample: [{"path": "/root/.cache/gpufleet-mlstack/conda", "size": 812345678, "packages": 63}]
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
code:
  description: Why the module refused or failed, as a word that does not change.
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.info import EXPORTS, CondaInfo
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module


def main() -> None:
    run_module(
        CondaInfo(),
        {
            "root": {"type": "path", "default": "/opt/mlstack/envs"},
            "names": {"type": "list", "elements": "str"},
            "paths": {"type": "list", "elements": "path", "default": []},
            "exports": {"type": "list", "elements": "str", "choices": list(EXPORTS), "default": []},
            "history": {"type": "bool", "default": False},
            "verify_files": {"type": "bool", "default": False},
            "cache": {"type": "bool", "default": False},
            "cache_dir": {"type": "path"},
        },
    )


if __name__ == "__main__":
    main()
