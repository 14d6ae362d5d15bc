#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pip_pinned
short_description: Pinned Python environments that change in one atomic step
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Builds Python virtual environments from pinned requirements. Each build is a generation of its own, made beside the
    one in use, checked, and switched to by one rename. A failed build or check leaves the old generation in use.
  - Going back is O(environments[].state=rolled_back).
  - An environment holds what was wanted and what that needs, no more. What was added, removed or changed by hand is
    reported by name and repaired by a new generation.
  - A process stays on the generation it started from, also when it imports something only after a switch.
  - A converged call starts no other program and asks no network.
  - Every requirement must be pinned by C(==), a hash, or a URL with a hash or a full commit. What is not is refused by
    file and line, before anything is changed.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
  - gpufleet.mlstack.python_sources
options:
  root:
    description:
      - The folder in which environments stand, each under its name. Generations are kept in C(.generations) below it.
    type: path
    default: /opt/mlstack/envs
  environments:
    description:
      - The environments to manage. They are independent. One that fails neither stops nor damages another, and all are
        reported.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the environment. It stands at O(root) under this name.
        type: str
        required: true
      state:
        description:
          - V(present) makes the environment hold what is wanted.
          - V(absent) removes the environment with all its generations, or, where O(environments[].packages) is given,
            only these packages from it, by a new generation without them.
          - V(rolled_back) switches to the generation that was in use before the newest one. Asked again it stays.
          - V(locked) builds nothing. It resolves version ranges to a lock with hashes and writes it to
            O(environments[].lock_to).
        type: str
        choices: [present, absent, rolled_back, locked]
        default: present
      packages:
        description:
          - Requirements, as one would write them in a requirement file, without options.
          - For O(environments[].state=absent) the names of packages.
        type: list
        elements: str
        default: []
      requirements:
        description: Requirement files, with all that C(pip) understands in them, nested files included.
        type: list
        elements: str
        default: []
      constraints:
        description: Constraint files. A requirement that a constraint pins counts as pinned.
        type: list
        elements: str
        default: []
      remote_src:
        description:
          - Whether O(environments[].requirements) and O(environments[].constraints) lie on the host. By default they
            are read on the controller, relative paths being looked for as M(ansible.builtin.copy) does.
        type: bool
        default: false
      require_hashes:
        description: Whether every file that is installed must have a hash in the requirements, dependencies included.
        type: bool
        default: false
      pre:
        description: Whether dependencies may be pre-releases.
        type: bool
        default: false
      no_binary:
        description: Names of packages that are built from source, or V(:all:).
        type: list
        elements: str
        default: []
      only_binary:
        description: Names of packages that are never built from source, or V(:all:).
        type: list
        elements: str
        default: []
      no_deps:
        description:
          - Whether only what is listed is installed. What then is missing, or does not fit, is told in C(warnings) of
            the result, and does not fail.
        type: bool
        default: false
      overrides:
        description:
          - Pinned requirements, such as V(numpy==1.26.4), that count in place of what any package asks for of the same
            name. Which packages do not agree is told in C(warnings) of the result. Needs uv.
        type: list
        elements: str
        default: []
      build_constraints:
        description: Requirements, such as V(setuptools<81), that bound what source builds use.
        type: list
        elements: str
        default: []
      no_build_isolation:
        description:
          - Names of packages whose source builds import others of the environment, as flash-attn does torch. They are
            installed last, and built with what is there then. What they need for it is listed in
            O(environments[].packages) or O(environments[].requirements), setuptools included.
          - Settings of a build are written behind its requirement, as C(NAME==1.0 --config-settings=KEY=VALUE).
        type: list
        elements: str
        default: []
      python:
        description:
          - The Python of the environment. A path, or a version such as V(3.11) that is looked for on the host and then,
            with uv, among the managed Pythons.
          - V(auto) takes the host's own Python, or, where that has no wheel for a pin, the newest one for which all
            pins have wheels.
        type: str
        default: auto
      verify_imports:
        description: Modules that must be importable in a new generation before it is switched to.
        type: list
        elements: str
        default: []
      verify_files:
        description:
          - Whether to compare every installed file with its recorded hash too. This reads the whole environment.
        type: bool
        default: false
      compile_bytecode:
        description:
          - Whether to compile modules when they are installed. Users who cannot write into the environment would
            otherwise compile them again in every process.
        type: bool
        default: true
      keep:
        description: How many earlier generations stay for a rollback. One that a live process uses always stays.
        type: int
        default: 2
      adopt:
        description:
          - Whether to take the place of a plain directory that stands under the name of the environment. It is moved
            aside below C(.generations), never deleted. Without this it is an error.
        type: bool
        default: false
      reinstall:
        description: Whether to build a new generation even if nothing differs. This always reports a change.
        type: bool
        default: false
      rollback_to:
        description: For O(environments[].state=rolled_back), the generation to switch to, or the beginning of its name.
        type: str
      force:
        description: For O(environments[].state=absent), whether to remove what live processes still use.
        type: bool
        default: false
      freeze_to:
        description: A file on the host into which the exact contents of the environment are written.
        type: path
      lock_to:
        description: For O(environments[].state=locked), the file to write. Pins in it stay where they still fit.
        type: path
      universal:
        description:
          - For O(environments[].state=locked), whether to resolve for every platform and every Python from
            O(environments[].python_version) on, with markers, instead of for this host's Python.
        type: bool
        default: false
      python_version:
        description: For O(environments[].state=locked), the Python version to resolve for, if it is not this host's.
        type: str
      upgrade:
        description: For O(environments[].state=locked), whether to move to the newest versions that fit.
        type: bool
        default: false
  lock_timeout:
    description: How many seconds to wait for another run that changes the same environment.
    type: float
    default: 600
  purge_cache:
    description: Whether to delete the cache of the engine after everything else.
    type: bool
    default: false
  requirement_files:
    description:
      - Contents of requirement files on the controller by path, packed. The action plugin of this module fills it in.
    type: dict
seealso:
  - module: gpufleet.mlstack.python_env_info
  - module: ansible.builtin.pip
"""

EXAMPLES = r"""
- name: An environment with pinned packages, checked by importing them
  gpufleet.mlstack.pip_pinned:
    environments:
      - name: ml
        packages:
          - numpy==1.24.3
          - pandas==2.0.3
        verify_imports: [numpy, pandas]

- name: Production from a lock with hashes, beside an environment for notebooks
  gpufleet.mlstack.pip_pinned:
    environments:
      - name: prod
        requirements: [prod.lock]
        require_hashes: true
        python: "3.11"
      - name: notebooks
        packages: [jupyter==1.0.0]

- name: Go back to the generation before the newest
  gpufleet.mlstack.pip_pinned:
    environments:
      - name: prod
        state: rolled_back

- name: Take matplotlib out
  gpufleet.mlstack.pip_pinned:
    environments:
      - name: ml
        state: absent
        packages: [matplotlib]

- name: Development ranges become production pins with hashes, in the repository on the controller
  gpufleet.mlstack.pip_pinned:
    environments:
      - name: prod
        state: locked
        packages: ["scikit-learn>=1.3,<1.4"]
        lock_to: "{{ playbook_dir }}/files/prod.lock"
        universal: true
        python_version: "3.10"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
environments:
  description: What became of each environment, in the order of O(environments).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name of the environment.
      type: str
      returned: always
      sample: ml
    changed:
      description: Whether this environment was changed, or would be.
      type: bool
      returned: always
    failed:
      description: Whether this environment could not be brought to its desired state.
      type: bool
      returned: always
    msg:
      description: What was wanted, what was found, and what to do.
      type: str
      returned: when failed
    code:
      description: A stable word for the kind of failure.
      type: str
      returned: when failed
      sample: conflict
    path:
      description: Where the environment stands.
      type: str
      returned: always
      sample: /opt/mlstack/envs/ml
    generation:
      description: The generation in use.
      type: str
      returned: when there is one
      sample: 20261122T201530-3f9c2a
    python:
      description: The Python of the generation in use.
      type: dict
      returned: when there is one
      sample: {"path": "/usr/bin/python3.11", "version": "3.11.2"}
    engine:
      description: The program that built the generation in use, and its version.
      type: dict
      returned: when there is one
      sample: {"name": "uv", "version": "0.13.9"}
    drift:
      description: What had been changed by hand in the generation in use.
      type: list
      elements: str
      returned: always
      sample: ["six 1.16.0 was added by hand"]
    added:
      description: Packages that came, with their versions.
      type: dict
      returned: always
      sample: {"numpy": "1.24.3"}
    removed:
      description: Packages that went, with their versions.
      type: dict
      returned: always
    replaced:
      description: Packages whose version changed.
      type: dict
      returned: always
      sample: {"numpy": {"before": "1.24.2", "after": "1.24.3"}}
    warnings:
      description: What the engine warned of when it built the generation in use, such as yanked releases.
      type: list
      elements: str
      returned: when there is a generation
      sample: ['`numpy==1.24.3` is yanked (reason: "broken on arm64")']
    freeze:
      description: The exact contents of the environment, in the form of a requirement file.
      type: list
      elements: str
      returned: when there is a generation
      sample: ["numpy==1.24.3"]
    timings:
      description: Seconds that each step of a change took.
      type: dict
      returned: when a generation was built
      sample: {"install": 1.2, "verify": 0.4}
plan:
  description: The steps from what was found to what was wanted. Empty when they agree.
  returned: always
  type: list
  elements: dict
  sample: [{"action": "build", "subject": "ml", "summary": "build generation of ml with 5 requirements"}]
cache:
  description: The caches that were deleted, or would be, and how many bytes each had.
  returned: when O(purge_cache=true)
  type: list
  elements: dict
  sample: [{"path": "/root/.cache/uv", "size": 104857600}]
commands_run:
  description: How many programs the module started. None when there was nothing to do.
  returned: always
  type: int
code:
  description: A stable word for the first failure.
  returned: failed
  type: str
  sample: requirement_unpinned
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.arguments import SPEC
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.resource import PythonEnvironments


def main() -> None:
    run_module(PythonEnvironments(), SPEC)


if __name__ == "__main__":
    main()
