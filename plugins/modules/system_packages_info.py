#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: system_packages_info
short_description: What the distribution and its package manager know
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Tells which distribution and package manager a host has, and what of its packages is installed, held, available or
    upgradable. It also searches for packages and shows what the repositories say of them.
  - It fetches no package lists. What it says of repositories is as old as the lists that the host has.
  - It needs no root.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes.info
options:
  packages:
    description: Packages to tell about, by canonical names or names that the package manager knows.
    type: list
    elements: str
    default: []
  installed:
    description: Whether to list every installed package, and the held ones.
    type: bool
    default: false
  upgradable:
    description: Whether to list the packages for which the repositories have a newer version.
    type: bool
    default: false
  search:
    description: Texts to look for in the names and summaries of packages.
    type: list
    elements: str
    default: []
  show:
    description: Packages of which to show what the repositories say.
    type: list
    elements: str
    default: []
  cache_valid_time:
    description: How old package lists may be, in seconds, before RV(lists_stale) says so.
    type: int
    default: 3600
seealso:
  - module: gpufleet.mlstack.system_packages
"""

EXAMPLES = r"""
- name: Ask about the tools that a build needs
  gpufleet.mlstack.system_packages_info:
    packages: [build-tools, cmake, python3-pip]
    upgradable: true
  register: found

- name: List what is held
  gpufleet.mlstack.system_packages_info:
    installed: true
  register: everything

- name: Search, and read about one package
  gpufleet.mlstack.system_packages_info:
    search: [nvidia-driver]
    show: [python3-pip]
  register: offered
"""

RETURN = r"""
distribution:
  description: What the host's os-release says.
  returned: success
  type: dict
  sample:
    id: ubuntu
    version: "22.04"
    major: "22"
    codename: jammy
    name: Ubuntu 22.04.4 LTS
    family: Debian
manager:
  description: The package manager, V(apt) or V(dnf).
  returned: success
  type: str
lists_stale:
  description: Why the package lists are older than O(cache_valid_time), or empty if they are not.
  returned: success
  type: str
lock_holder:
  description: The process that keeps others from using the package manager, if any. Only root can see it with apt.
  returned: success
  type: str
interrupted:
  description:
    - What an earlier run of the package manager has left unfinished, or empty. These are packages that dpkg has only
      half installed or not configured, triggers that have not run, and what a transaction that never ended by dnf's
      history has brought.
  returned: success
  type: str
packages:
  description: The packages asked for.
  returned: when O(packages) is not empty
  type: list
  elements: dict
  contains:
    name:
      description: The package.
      type: str
    requested:
      description: How O(packages) names it.
      type: str
    version:
      description: The installed version, if any.
      type: str
    provided_by:
      description: The installed package that provides this name, where none is called so.
      type: str
    status:
      description: V(installed), V(absent), or what dpkg calls a package that is half there.
      type: str
    held:
      description: Whether it is kept at its version.
      type: bool
    candidate:
      description: The version that would be installed.
      type: str
    versions:
      description: All versions that can be installed, the candidate first and then from new to old.
      type: list
      elements: str
    upgradable:
      description: Whether the candidate is another version than the installed one.
      type: bool
installed:
  description: Every installed package.
  returned: when O(installed)
  type: list
  elements: dict
  sample:
    - name: python3-pip
      arch: all
      version: 23.0.1+dfsg-1
      held: false
held:
  description: The names of the held packages.
  returned: when O(installed)
  type: list
  elements: str
upgradable:
  description: Packages with a newer version, their version and the newer one.
  returned: when O(upgradable)
  type: list
  elements: dict
  sample:
    - name: cmake
      from: 3.24.0-1
      to: 3.25.1-1
found:
  description: For each text of O(search) the packages that match.
  returned: when O(search) is not empty
  type: dict
  sample:
    python3-pip:
      - name: python3-pip
        summary: Python package installer
shown:
  description: For each package of O(show) what the repositories say of it. C(installed_size) is in bytes.
  returned: when O(show) is not empty
  type: dict
  sample:
    python3-pip:
      version: 23.0.1+dfsg-1
      summary: Python package installer
      description: pip is the Python package installer.
      homepage: https://pip.pypa.io/en/stable/
      section: python
      depends: ca-certificates, python3-setuptools, python3-wheel, python3:any
      installed_size: 6754304
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
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.info import PackagesInfo


def main() -> None:
    run_module(
        PackagesInfo(),
        {
            "packages": {"type": "list", "elements": "str", "default": []},
            "installed": {"type": "bool", "default": False},
            "upgradable": {"type": "bool", "default": False},
            "search": {"type": "list", "elements": "str", "default": []},
            "show": {"type": "list", "elements": "str", "default": []},
            "cache_valid_time": {"type": "int", "default": 3600},
        },
    )


if __name__ == "__main__":
    main()
