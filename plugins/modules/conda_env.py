#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conda_env
short_description: Conda environments that change in one atomic step
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Builds conda environments. Each build is a generation of its own, made beside the one in use, checked, and switched
    to by one rename. A failed build or check leaves the old generation in use.
  - Going back is O(environments[].state=rolled_back).
  - An environment holds what was wanted and what that needs, no more. What was added, removed or changed by hand is
    reported by name and repaired by a new generation.
  - A process stays on the generation it started from, also when it imports something only after a switch.
  - A converged call starts no other program and asks no network.
  - No conda is needed on the host. By default rattler solves and installs, pinned and installed by hash.
  - Packages of the Python index can be installed on top of those of conda, as one environment with one record.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
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
          - V(present) makes the environment hold what is wanted. Versions that are not asked for stay as they are.
          - V(updated) does the same with the newest versions that the desired state allows. It asks the channels
            each time.
          - V(cloned) makes the environment hold what O(environments[].clone_of) holds.
          - V(absent) removes the environment with all its generations, or, where O(environments[].packages) is given,
            only these packages from it, by a new generation without them.
          - V(rolled_back) switches to the generation that was in use before the newest one. Asked again it stays.
        type: str
        choices: [present, updated, cloned, absent, rolled_back]
        default: present
      packages:
        description:
          - Match specifications such as C(python=3.11), C(numpy>=1.26,<2) or C(conda-forge::pytorch=2.4=cuda*).
          - For O(environments[].state=absent) the names of packages.
        type: list
        elements: str
        default: []
      channels:
        description:
          - Channels, the first one first, by name, URL or C(file://) URL. They go before O(channels).
          - Credentials in a URL are used as those of O(credentials) are, and are in no record.
        type: list
        elements: str
        default: []
      file:
        description:
          - A file that describes the environment. C(environment.yml), C(@EXPLICIT), C(conda-lock.yml) of version 1 or
            C(pixi.lock), told apart by what is in it.
        type: path
      remote_src:
        description:
          - Whether O(environments[].file) and O(environments[].pip_requirements) lie on the host. By default they are
            read on the controller, relative paths being looked for as M(ansible.builtin.copy) does.
        type: bool
        default: false
      categories:
        description: The categories of a C(conda-lock.yml) to install.
        type: list
        elements: str
        default: [main]
      environment:
        description: The environment of a C(pixi.lock) to install.
        type: str
        default: default
      exact:
        description:
          - Whether the environment holds only what is wanted. V(false) adds to what was asked for before.
        type: bool
        default: true
      pip_packages:
        description: Requirements that pip installs after conda's packages, into the same environment.
        type: list
        elements: str
        default: []
      pip_requirements:
        description: Requirement files that pip installs after conda's packages.
        type: list
        elements: str
        default: []
      pip_require_hashes:
        description: Whether every file that pip installs must have a hash in the requirements.
        type: bool
        default: false
      pip_may_replace:
        description: Names of packages that conda installs and pip may replace. Of any other that is an error.
        type: list
        elements: str
        default: []
      virtual_packages:
        description:
          - Versions of virtual packages in place of those of the host, by name, such as C(__cuda) and V(12.4). An empty
            version stands for a host without it.
        type: dict
      clone_of:
        description:
          - For O(environments[].state=cloned), the environment to clone. The name of one below O(root), or the path of
            any conda environment.
        type: str
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
      link_scripts:
        description: Whether to run the scripts that packages bring for after their installation.
        type: bool
        default: true
      compile_bytecode:
        description: Whether to compile modules when they are installed.
        type: bool
        default: true
      keep:
        description: How many earlier generations stay for a rollback. One that a live process uses always stays.
        type: int
        default: 2
      adopt:
        description:
          - Whether to take the place of a plain directory that stands under the name of the environment, such as one
            made by C(conda create). It is moved aside below C(.generations), never deleted. Without this it is an
            error.
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
      export_to:
        description: A file on the host into which the contents of the environment are written.
        type: path
      export_format:
        description:
          - The form of O(environments[].export_to). V(environment) is an C(environment.yml) with exact versions and
            builds, V(history) one with what was asked for alone, V(explicit) an C(@EXPLICIT) list with hashes,
            V(conda_lock) a C(conda-lock.yml) of version 1 for the host's platform.
        type: str
        choices: [environment, history, explicit, conda_lock]
        default: explicit
  engine:
    description:
      - The program that solves and installs. V(auto) takes rattler, or the first of the others that the host has.
    type: str
    choices: [auto, rattler, micromamba, mamba, conda]
    default: auto
  executable:
    description: The program of the engine, a path or a name that is looked for on E(PATH). Rattler has none.
    type: str
  toolbox:
    description: The folder for our own pinned tools. By default C(.toolbox) in O(root).
    type: path
  channels:
    description: Channels for all environments.
    type: list
    elements: str
    default: []
  channel_alias:
    description: The URL below which channels that are named by a word lie. By default that of the engine.
    type: str
  channel_priority:
    description:
      - V(strict) takes a package from the first channel that has it, V(flexible) from a later one if the versions of
        the first do not fit, V(disabled) takes the newest of all.
    type: str
    choices: [strict, flexible, disabled]
    default: strict
  mirrors:
    description: What is asked in place of URLs.
    type: list
    elements: dict
    default: []
    suboptions:
      of:
        description: The beginning of the URLs.
        type: str
        required: true
      urls:
        description: What is asked in its place, in this order.
        type: list
        elements: str
        required: true
  credentials:
    description: What opens channels. It never reaches output, logs, records or process lists.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: The host of the channel, such as C(channels.example.com) or C(*.example.com).
        type: str
        required: true
      user:
        description: The name of a user.
        type: str
      password:
        description: The user's password.
        type: str
      token:
        description: A bearer token.
        type: str
      conda_token:
        description: A token that stands in the path of the URL (C(/t/TOKEN/)).
        type: str
  ca_bundle:
    description: A file of certificates to trust besides the host's own.
    type: path
  proxy:
    description: The proxy by which channels are reached.
    type: str
  no_proxy:
    description: Hosts that are reached without the proxy, divided by commas.
    type: str
  offline:
    description: Whether to do without the network. Packages then come from the cache and from C(file://) channels.
    type: bool
    default: false
  cache_dir:
    description: Where packages are kept. By default in the cache folder of the user.
    type: path
  purge_cache:
    description: Whether to delete the package cache after everything else. The result says how much that gives back.
    type: bool
    default: false
  pip_engine:
    description: The program that installs the pip part. V(auto) takes uv, or pip where uv cannot be had.
    type: str
    choices: [auto, uv, pip]
    default: auto
  pip_executable:
    description: The uv to use for the pip part, a path or a name. By default a pinned one.
    type: str
  index_url:
    description: The Python package index, for the pip part and for our own tools.
    type: str
  extra_index_urls:
    description: Further Python package indexes.
    type: list
    elements: str
    default: []
  find_links:
    description: Folders or pages with Python distributions.
    type: list
    elements: str
    default: []
  no_index:
    description: Whether to ignore every Python package index and use O(find_links) alone.
    type: bool
    default: false
  trusted_hosts:
    description: Hosts of Python package indexes whose certificates are not verified.
    type: list
    elements: str
    default: []
  platform:
    description:
      - The platform for which files are read, such as V(linux-64). By default the host's own.
    type: str
  timeout:
    description: How many seconds one run of an engine may take.
    type: float
    default: 3600
  lock_timeout:
    description: How many seconds to wait for another run that changes the same environment.
    type: float
    default: 600
  environment_files:
    description:
      - What files on the controller say, packed. The action plugin of this module fills it in.
    type: dict
seealso:
  - module: gpufleet.mlstack.conda_env_info
  - module: gpufleet.mlstack.pip_pinned
"""

EXAMPLES = r"""
- name: An environment from conda-forge, checked by an import
  gpufleet.mlstack.conda_env:
    channels: [conda-forge]
    environments:
      - name: ml
        packages: [python=3.11, numpy=1.26]
        verify_imports: [numpy]

- name: What a lock says, and an environment.yml for notebooks
  gpufleet.mlstack.conda_env:
    environments:
      - name: prod
        file: conda-lock.yml
      - name: notebooks
        file: environment.yml

- name: A conda base with Python and native libraries, and a pip lock on top
  gpufleet.mlstack.conda_env:
    channels: [conda-forge]
    environments:
      - name: hybrid
        packages: [python=3.11, libblas]
        pip_requirements: [prod.lock]
        pip_require_hashes: true

- name: Move to the newest versions that the file allows, and write down what that gave
  gpufleet.mlstack.conda_env:
    environments:
      - name: notebooks
        state: updated
        file: environment.yml
        export_to: /opt/mlstack/notebooks.lock

- name: Go back to the generation before the newest
  gpufleet.mlstack.conda_env:
    environments:
      - name: notebooks
        state: rolled_back
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
      sample: {"version": "3.11.7"}
    engine:
      description: The program that built the generation in use, and its version.
      type: dict
      returned: when there is one
      sample: {"name": "rattler", "version": "0.28.0", "solver": "resolvo"}
    drift:
      description: What had been changed by hand in the generation in use.
      type: list
      elements: str
      returned: always
      sample: ["six 1.16.0 was added by hand"]
    added:
      description: Packages that came, with version and build; those that pip brought are marked.
      type: dict
      returned: always
      sample: {"numpy": "1.26.4 py311h64a7726_0", "idna (pip)": "3.7"}
    removed:
      description: Packages that went, with their versions.
      type: dict
      returned: always
    replaced:
      description: Packages whose version changed.
      type: dict
      returned: always
      sample: {"six": {"before": "1.15.0 pyhd_0", "after": "1.16.0 pyhd_0"}}
    freeze:
      description: What pip brought, in the form of a requirement file.
      type: list
      elements: str
      returned: when there is a generation
      sample: ["idna==3.7"]
    packages:
      description: Everything in the environment, with version and build.
      type: dict
      returned: when there is a generation
      sample: {"numpy": "1.26.4 py311h64a7726_0"}
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
  sample: [{"action": "build", "subject": "ml", "summary": "build a generation of ml from 2 specs"}]
cache:
  description: The caches that were deleted, or would be, and how many bytes each had.
  returned: when O(purge_cache=true)
  type: list
  elements: dict
  sample: [{"path": "/root/.cache/gpufleet-mlstack/conda/pkgs", "size": 104857600}]
commands_run:
  description: How many programs the module started. None when there was nothing to do.
  returned: always
  type: int
code:
  description: A stable word for the first failure.
  returned: failed
  type: str
  sample: conflict
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.arguments import SPEC
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.resource import CondaEnvironments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module


def main() -> None:
    run_module(CondaEnvironments(), SPEC)


if __name__ == "__main__":
    main()
