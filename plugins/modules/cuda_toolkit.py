#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cuda_toolkit
short_description: CUDA toolkits side by side, one of them the default
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Installs, switches, holds and removes CUDA toolkits. One call takes all of them, and C(/usr/local/cuda) leads to one
    of them by way of the alternatives system.
  - They come from NVIDIA's repository or a mirror of it, from the distribution, from NVIDIA's installer (C(.run)) or
    from NVIDIA's wheels in a Python environment.
  - A driver never comes along. What would bring one in is refused before anything changes.
  - A toolkit that the host's driver cannot run is refused, with the driver that could.
  - Every shell finds the default. Login shells by a file in C(/etc/profile.d), all others by C(/usr/local/bin/nvcc),
    and the loader by a file in C(/etc/ld.so.conf.d). No file of a user is edited. They go with the last toolkit.
  - After a change each compiler is run and must say its release.
  - A converged call reads some files and asks the package manager once.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
options:
  toolkits:
    description:
      - The toolkits, each a version or a mapping. Keys of a mapping are C(version), C(method), C(state), C(components),
        C(hold), C(source), C(sha256) and C(environment). Toolkits that are not listed are left alone.
      - C(version) is a release as V(12.4), an exact version as V(12.4.1), or the name of an installer as
        V(11.8.0_520.61.05), which means method V(runfile). Write it in quotes.
      - C(method) is that of the task unless it is given.
      - C(state) is V(present) by default. V(absent) removes the toolkit with what only it needed, and the configuration
        of the repository with the last one, unless a driver is from there.
      - C(components) is V(full) by default, V(compiler) for nvcc and what it needs, or V(runtime) for the libraries.
      - C(hold) keeps all packages of the release at their versions, whoever upgrades the host.
      - C(source) is the installer of method V(runfile), a URL or a path on the host, and C(sha256) its digest. The
        collection's tables know both for most versions.
      - C(environment) is the path of the Python environment that holds the wheels of method V(wheels).
        M(gpufleet.mlstack.pip_pinned) makes it. Wheels of CUDA 13 and later bring nvcc.
    type: list
    elements: raw
    default: []
  method:
    description:
      - Where toolkits come from. V(nvidia) is NVIDIA's repository, V(distribution) the distribution's own (Debian and
        Ubuntu), V(runfile) NVIDIA's installer and V(wheels) an environment with NVIDIA's wheels.
    type: str
    choices: [nvidia, distribution, runfile, wheels]
    default: nvidia
  default:
    description:
      - The release that C(/usr/local/cuda) leads to, as V(12.4). Without it the newest of O(toolkits).
    type: str
  driver:
    description:
      - What to do where the host's driver is too old for a toolkit. V(check) refuses it. V(ignore) is for hosts on
        which nothing runs. V(compat) installs NVIDIA's forward compatibility package, for data-centre GPUs.
      - A host without a driver is no reason to refuse.
    type: str
    choices: [check, ignore, compat]
    default: check
  cudnn:
    description:
      - The version of cuDNN to have for the default toolkit, as V(9), V(9.10.*) or V(9.10.2.21). Without it cuDNN is
        left alone.
    type: str
  nccl:
    description:
      - The version of NCCL to have for the default toolkit, as V(2) or V(2.27.5). Without it NCCL is left alone.
    type: str
  environment:
    description: Whether the files by which shells and the loader find the default are kept.
    type: bool
    default: true
  manage_repository:
    description:
      - Whether NVIDIA's repository is configured for method V(nvidia). If not, the host must offer the packages.
    type: bool
    default: true
  repository_url:
    description: The address of a mirror of NVIDIA's repository for the host's distribution.
    type: str
  repository_key:
    description: The public key of the mirror as text, where it is not NVIDIA's.
    type: str
  repository_key_url:
    description: Where the public key lies. By default in the repository, under NVIDIA's name.
    type: str
  repository_fingerprints:
    description: The fingerprints that the key may have. By default NVIDIA's.
    type: list
    elements: str
    default: []
  allow_downgrade:
    description: Whether a package may be replaced by an older version of itself.
    type: bool
    default: false
  update_cache:
    description: Whether the package lists are fetched before something is installed, when they are too old.
    type: bool
    default: true
  cache_valid_time:
    description: How long fetched package lists are good, in seconds.
    type: int
    default: 3600
  lock_timeout:
    description: How long to wait, in seconds, for another process that uses the package manager.
    type: int
    default: 300
notes:
  - A runfile is installed with its toolkit alone, and taken back when its installation fails. A toolkit of the same
    release that was there is then as it was before; for that it is copied beforehand.
  - Removing the last toolkit of a runfile deletes its folder below C(/usr/local).
seealso:
  - module: gpufleet.mlstack.system_packages
  - module: gpufleet.mlstack.pip_pinned
"""

EXAMPLES = r"""
- name: Have two releases, the newer one as default
  gpufleet.mlstack.cuda_toolkit:
    toolkits: ["11.8", "12.4"]
    default: "12.4"
  become: true

- name: Have the release of the cluster, and keep it whoever upgrades the host
  gpufleet.mlstack.cuda_toolkit:
    toolkits:
      - version: "12.4.1"
        hold: true
    cudnn: "9.10.*"
    nccl: "2"
  become: true

- name: Install from NVIDIA's installer, without its driver
  gpufleet.mlstack.cuda_toolkit:
    toolkits: ["11.8.0_520.61.05"]
  become: true

- name: Compile on a build host without a GPU, from a mirror
  gpufleet.mlstack.cuda_toolkit:
    toolkits:
      - version: "13.0"
        components: compiler
    driver: ignore
    repository_url: https://mirror.example.com/cuda/ubuntu2404/x86_64
  become: true

- name: Remove a release
  gpufleet.mlstack.cuda_toolkit:
    toolkits:
      - version: "11.8"
        state: absent
  become: true
"""

RETURN = r"""
toolkits:
  description: Every toolkit that was asked for, as it is now.
  returned: always, unless the arguments were refused
  type: list
  elements: dict
  sample:
    - release: "12.4"
      version: 12.4.1
      path: /usr/local/cuda-12.4
      method: nvidia
      present: true
      compiler: true
      default: true
      held: false
default:
  description: Where C(/usr/local/cuda) leads. Null where there is none.
  returned: success
  type: str
  sample: /usr/local/cuda-12.4
driver:
  description: The driver that the toolkits were checked against. Null where the host has none.
  returned: success
  type: str
  sample: 550.90.07
notes:
  description: What this driver does only in part, in words.
  returned: success
  type: list
  elements: str
restored:
  description: Whether the folder of a toolkit is as it was before.
  returned: when an installer failed
  type: bool
changes:
  description: What the package manager did, dependencies included. In check mode, what it would do.
  returned: always, unless the arguments were refused
  type: list
  elements: dict
  sample:
    - name: cuda-toolkit-12-4
      action: install
      from: ""
      to: 12.4.1-1
cache_refreshed:
  description: Whether the package lists were fetched.
  returned: success
  type: bool
plan:
  description: The steps taken, or in check mode the steps that would be taken.
  returned: always
  type: list
  elements: dict
  sample:
    - action: default
      subject: /usr/local/cuda
      summary: let /usr/local/cuda lead to /usr/local/cuda-12.4
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
code:
  description:
    - Why the module refused or failed, as a word that does not change. Among them V(driver_too_old),
      V(unwanted_package), V(unknown_package), V(unknown_runfile), V(digest_mismatch), V(disk_full), V(runfile_failed),
      V(wheels_missing), V(toolkit_broken), V(default_is_a_folder), V(mixed_methods) and V(key_mismatch).
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.resource import CudaToolkits
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module


def main() -> None:
    run_module(
        CudaToolkits(),
        {
            "toolkits": {"type": "list", "elements": "raw", "default": []},
            "method": {
                "type": "str",
                "choices": ["nvidia", "distribution", "runfile", "wheels"],
                "default": "nvidia",
            },
            "default": {"type": "str"},
            "driver": {"type": "str", "choices": ["check", "ignore", "compat"], "default": "check"},
            "cudnn": {"type": "str"},
            "nccl": {"type": "str"},
            "environment": {"type": "bool", "default": True},
            "manage_repository": {"type": "bool", "default": True},
            "repository_url": {"type": "str"},
            "repository_key": {"type": "str", "no_log": False},
            "repository_key_url": {"type": "str", "no_log": False},
            "repository_fingerprints": {"type": "list", "elements": "str", "default": []},
            "allow_downgrade": {"type": "bool", "default": False},
            "update_cache": {"type": "bool", "default": True},
            "cache_valid_time": {"type": "int", "default": 3600},
            "lock_timeout": {"type": "int", "default": 300},
        },
    )


if __name__ == "__main__":
    main()
