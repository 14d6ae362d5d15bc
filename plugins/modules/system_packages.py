#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: system_packages
short_description: Packages of the distribution, with versions and holds, through apt or dnf
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Installs, changes, holds and removes packages of the distribution. One call takes the whole list, and the package
    manager solves it as one.
  - The same task works on Debian, Ubuntu, Rocky, Alma and RHEL. Canonical names such as V(build-tools) or
    V(openssl-headers) stand for the packages of each; the module's page in the collection's documentation lists them.
  - A converged call reads the installed packages and their holds, and does nothing else. It fetches no package lists.
  - Check mode and diff show what the package manager itself would do, with dependencies, removals, and old and new
    versions. They change nothing on the host, and so go by the package lists that it has.
  - A change that would remove a package nobody named is refused before anything is changed.
  - What an earlier run of apt, dpkg or dnf has left unfinished, whoever began it, is finished first, though nothing
    else has to be changed. A run of this module that was cut off goes on; the next one waits for it, and warns how it
    ended.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
options:
  packages:
    description:
      - The packages, each a name or a mapping. Keys of a mapping are C(name), C(state), C(version) and C(hold).
      - C(name) is a canonical name or a name that the package manager knows. It may carry an architecture, as in
        V(libc6:i386) or V(glibc.i686).
      - V(@NAME) is a group of packages, by the name or the id that dnf has for it, or a task of apt, which can also be
        written V(NAME^). It stands for the packages that an installation of it brings; they are installed, also one by
        one where some are there already. It takes no other keys than C(state), which is not V(absent) here. Which
        packages these are only the package manager knows, and it is asked in every run.
      - C(state) is V(present) by default. V(absent) removes the package. V(latest) also brings it to the newest version
        that the repositories offer, unless it is held.
      - C(version) is the version to have, C([epoch:]version[-release]). Epoch and release may be left out. With an
        asterisk it is a pattern, as in V(11.8.*), and the newest fitting version is installed where the present one
        does not fit. Write it in quotes.
      - C(hold) keeps the package at the version it has, whoever upgrades the host. V(false) ends that. Without it holds
        stay as they are. A held package that this list wants at another version is changed, and is held again
        afterwards, also after a failure.
    type: list
    elements: raw
    default: []
  repositories:
    description:
      - Repositories that shall be configured before anything is installed, each with the key that signs it. Others are
        left alone.
      - A file of somebody else that defines nothing but the same repository is replaced. Apt refuses to work when two
        of them name different keys.
      - When the task fails, they are again as they were.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The stem of the file that defines it. For dnf also its id.
        type: str
        required: true
      url:
        description:
          - Where it lies, an http, https or file URL. It must not carry credentials, since every user of the host can
            read it.
        type: str
      key:
        description: The public key that signs it, as text. Either this or O(repositories[].key_url) is needed.
        type: str
      key_url:
        description: Where the public key lies. It is fetched only when the host does not have it yet.
        type: str
      fingerprints:
        description: The fingerprints that the key may have, all digits of them. A key with another one is not trusted.
        type: list
        elements: str
        default: []
      suite:
        description: The suite for apt. One that ends in a slash is a flat repository without components.
        type: str
        default: /
      components:
        description: The components for apt.
        type: list
        elements: str
        default: []
      architectures:
        description: The architectures for apt, where it is not all that the host has.
        type: list
        elements: str
        default: []
      priority:
        description: The priority for dnf. The lowest number wins.
        type: int
      check_metadata:
        description: Whether dnf verifies the signature of the index too. Apt always does.
        type: bool
        default: false
      state:
        description: Whether it shall be configured. V(absent) removes its file and its key.
        type: str
        choices: [present, absent]
        default: present
  allow_downgrade:
    description: Whether a package may be replaced by an older version of itself.
    type: bool
    default: false
  allow_removal:
    description:
      - Which packages may be removed although O(packages) does not name them as absent.
      - V(false) for none, V(true) for any, or a list of names.
    type: raw
    default: false
  update_cache:
    description:
      - Whether the package lists are fetched before something is installed, when they are older than
        O(cache_valid_time) or do not know what is asked for.
      - Lists that are missing, or older than a change of the repositories, count as old.
    type: bool
    default: true
  cache_valid_time:
    description: How long fetched package lists are good, in seconds.
    type: int
    default: 3600
  lock_timeout:
    description:
      - How long to wait, in seconds, for another process that uses the package manager. Updates that a new host
        makes by itself can take minutes.
    type: int
    default: 300
  upgrade:
    description:
      - What else of the host is brought to its newest version.
      - V(all) upgrades every package, V(security) those for which there is a version that mends security. With apt that
        is a newer version in an archive of security updates, such as C(bookworm-security); with dnf it is what the
        advisories of the repositories name. A host whose repositories tell neither is refused, and not called safe.
      - Held packages stay as they are. New packages come only where newer versions need them, and none is removed,
        unless O(allow_removal) permits it.
    type: str
    choices: [none, security, all]
    default: none
  install_recommends:
    description:
      - Whether packages that are only recommended (apt) or weakly depended on (dnf) are installed too.
      - Off by default. A host then has what was asked for and what that needs.
    type: bool
    default: false
notes:
  - Configuration files that somebody has edited are kept when a package brings new ones.
  - With dnf, holds need the plugin C(versionlock). It is installed when the first hold is asked for.
  - When apt fails half-way, what the run had newly installed is removed again. Upgrades cannot be taken back, and the
    error names them.
seealso:
  - module: gpufleet.mlstack.system_packages_info
  - module: ansible.builtin.package
"""

EXAMPLES = r"""
- name: Have what building Python packages takes
  gpufleet.mlstack.system_packages:
    packages: [build-tools, cmake, git, curl, wget, openssl-headers, ffi-headers, python3-headers, pkg-config]
  become: true

- name: Pin a driver tool to one release and keep it there
  gpufleet.mlstack.system_packages:
    packages:
      - name: datacenter-gpu-manager
        version: "3.3.*"
        hold: true
  become: true

- name: Install from a repository of one's own
  gpufleet.mlstack.system_packages:
    repositories:
      - name: tools
        url: https://packages.example.com/apt
        suite: stable
        components: [main]
        key_url: https://packages.example.com/key.asc
        fingerprints: ["0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567"]
    packages: [our-tool]
  become: true

- name: Have a whole group of packages
  gpufleet.mlstack.system_packages:
    packages: ["@Development Tools"] # of dnf; "@ssh-server" or "ssh-server^" would be a task of apt
  become: true

- name: Bring in what mends security, and nothing else
  gpufleet.mlstack.system_packages:
    upgrade: security
  become: true

- name: Go back to an older release, and say so
  gpufleet.mlstack.system_packages:
    packages:
      - name: cmake
        version: "3.25.1-1"
    allow_downgrade: true
  become: true

- name: Replace one mail server by another
  gpufleet.mlstack.system_packages:
    packages:
      - name: postfix
      - name: exim4-daemon-light
        state: absent
    allow_removal: [exim4-base, exim4-config]
  become: true
"""

RETURN = r"""
packages:
  description: Every package that was asked for, as it is now.
  returned: always, unless the arguments were refused
  type: list
  elements: dict
  sample:
    - name: build-essential
      requested: build-tools
      version: "12.9"
      provided_by: null
      status: installed
      held: false
changes:
  description:
    - What the package manager did, dependencies included. In check mode or with diff, what it would do.
  returned: always, unless the arguments were refused
  type: list
  elements: dict
  sample:
    - name: cmake
      action: upgrade
      from: 3.24.0-1
      to: 3.25.1-1
kept_back:
  description: Held packages for which there is a newer version, and that V(latest) has therefore left alone.
  returned: success
  type: list
  elements: str
cache_refreshed:
  description: Whether the package lists were fetched.
  returned: success
  type: bool
manager:
  description: The package manager, V(apt) or V(dnf).
  returned: success
  type: str
plan:
  description: The steps taken, or in check mode the steps that would be taken.
  returned: always
  type: list
  elements: dict
  sample:
    - action: install
      subject: cmake
      summary: install cmake 3.25.1-1
      details:
        from: ""
        to: 3.25.1-1
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
code:
  description:
    - Why the module refused or failed, as a word that does not change. Among them V(unknown_package),
      V(removal_refused), V(downgrade_refused), V(held_package), V(unsolvable), V(repository_unusable), V(disk_full),
      V(package_lock_timeout), V(package_script_failed), V(no_advisories),
      V(upgrade_refused), V(invalid_repository), V(key_mismatch),
      V(repository_defined_twice) and V(not_root).
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.resource import SystemPackages

REPOSITORY = {
    "name": {"type": "str", "required": True},
    "url": {"type": "str"},
    "key": {"type": "str", "no_log": False},
    "key_url": {"type": "str", "no_log": False},
    "fingerprints": {"type": "list", "elements": "str", "default": []},
    "suite": {"type": "str", "default": "/"},
    "components": {"type": "list", "elements": "str", "default": []},
    "architectures": {"type": "list", "elements": "str", "default": []},
    "priority": {"type": "int"},
    "check_metadata": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    run_module(
        SystemPackages(),
        {
            "packages": {"type": "list", "elements": "raw", "default": []},
            "repositories": {"type": "list", "elements": "dict", "default": [], "options": REPOSITORY},
            "allow_downgrade": {"type": "bool", "default": False},
            "allow_removal": {"type": "raw", "default": False},
            "update_cache": {"type": "bool", "default": True},
            "cache_valid_time": {"type": "int", "default": 3600},
            "lock_timeout": {"type": "int", "default": 300},
            "upgrade": {"type": "str", "choices": ["none", "security", "all"], "default": "none"},
            "install_recommends": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
