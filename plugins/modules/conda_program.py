#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: conda_program
short_description: A conda of your own, from a file whose hash you know
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Installs Miniforge, or any other installer of that form, or micromamba, into a prefix of its own. Nothing is asked,
    and no shell's configuration is changed unless you want it.
  - M(gpufleet.mlstack.conda_env) needs none of them. This is for people who work with conda by hand, and for engines
    other than rattler.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
options:
  kind:
    description:
      - V(installer) is a shell script that unpacks itself, such as that of Miniforge. V(binary) is one program, such as
        micromamba.
    type: str
    choices: [installer, binary]
    default: installer
  url:
    description: Where the file is. V(file://) works as well.
    type: str
  version:
    description:
      - The release of Miniforge or micromamba, such as V(26.3.2-0), fetched from where the project publishes it. It is
        of no account where O(url) is given. One of the two is needed.
    type: str
  sha256:
    description: The SHA-256 digest of the file. Without that digest nothing of it is run.
    type: str
    required: true
  prefix:
    description:
      - The folder to install into. It must not exist, be empty, or have been made by this module.
    type: path
    required: true
  shell_init:
    description:
      - Whether login shells know the program, by a file in C(/etc/profile.d) that is named after O(prefix). V(false)
        takes that file away again. Nobody's own files are touched.
    type: bool
    default: false
seealso:
  - module: gpufleet.mlstack.conda_env
"""

EXAMPLES = r"""
- name: Miniforge for people who work with conda by hand
  gpufleet.mlstack.conda_program:
    version: "{{ miniforge_version }}"
    sha256: "{{ miniforge_sha256 }}"
    prefix: /opt/miniforge3
    shell_init: true

- name: Micromamba from a file on the host
  gpufleet.mlstack.conda_program:
    kind: binary
    url: file:///srv/mirror/micromamba
    sha256: "{{ micromamba_sha256 }}"
    prefix: /opt/micromamba
"""

RETURN = r"""
prefix:
  description: Where it stands.
  returned: success
  type: str
  sample: /opt/miniforge3
executable:
  description: The program, for the option O(gpufleet.mlstack.conda_env#module:executable).
  returned: success
  type: str
  sample: /opt/miniforge3/bin/conda
plan:
  description: The steps from what was found to what was wanted. Empty when they agree.
  returned: always
  type: list
  elements: dict
commands_run:
  description: How many programs the module started.
  returned: always
  type: int
code:
  description: A stable word for the failure.
  returned: failed
  type: str
  sample: occupied
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.program import Programs
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module


def main() -> None:
    run_module(
        Programs(),
        {
            "kind": {"type": "str", "choices": ["installer", "binary"], "default": "installer"},
            "url": {"type": "str"},
            "version": {"type": "str"},
            "sha256": {"type": "str", "required": True},
            "prefix": {"type": "path", "required": True},
            "shell_init": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
