#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_toolkit
short_description: Containers' access to NVIDIA GPUs, for docker, podman and CRI-O
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Tells the container engines of a host of its GPUs, once NVIDIA's container toolkit is installed. The role
    C(container_toolkit) does both.
  - Docker learns of the runtime C(nvidia) in its C(daemon.json). All else in that file stays, in its order. A file that
    is no JSON, or that would lose something, is refused before anything changes.
  - Docker reads the file again by a signal, which no container notices. It is restarted only where nothing else helps,
    and by default only where no running container would go down.
  - Podman and CRI-O need a CDI specification alone. It is written by C(nvidia-ctk cdi generate) for the driver that
    runs, and written anew once that is another one. With a driver that waits for a reboot nothing is written.
  - The result says what else decides whether a container sees its GPUs, and says so where that is not known.
  - No engine is installed, and no driver.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
options:
  engines:
    description:
      - The engines that shall reach the GPUs. V(auto) stands for all of these that the host has.
      - With an empty list nothing is looked at or changed, unless O(state) is another than V(present).
    type: list
    elements: str
    choices: [auto, docker, crio, podman]
    default: []
  state:
    description:
      - V(absent) takes out what this module has put in, for all engines, and leaves what was there before. A
        C(daemon.json) that nobody else has changed since is again what it was, to the byte.
      - V(refreshed) only writes CDI specifications anew that are there, whoever made them, and for another driver than
        the one that runs. Without a toolkit it does nothing. The role C(nvidia_driver) does that after a change.
    type: str
    choices: [present, absent, refreshed]
    default: present
  default_runtime:
    description:
      - Whether docker uses the runtime C(nvidia) for containers that name none. V(false) ends that. Without it the
        default stays as it is.
      - Another default of the user's own is not replaced, but refused.
    type: bool
  cdi:
    description:
      - Whether a CDI specification is kept, and CDI switched on in a docker that has it and not by itself.
      - V(false) leaves both as they are.
    type: bool
    default: true
  cdi_file:
    description:
      - Where the specification is kept. By default in C(/run/cdi/nvidia.yaml) where the toolkit's own service renews it
        at each boot (toolkit 1.18 and later), else in C(/etc/cdi/nvidia.yaml).
    type: path
  restart:
    description:
      - When docker may be restarted, which is needed to switch CDI on in docker 25 to 28.2.
      - V(when_safe) is when no container runs, or C(live-restore) keeps those that run. Where it may not, the result
        has RV(restart_required).
    type: str
    choices: [never, when_safe, always]
    default: when_safe
  docker_config:
    description: The configuration file of docker.
    type: path
    default: /etc/docker/daemon.json
  toolkit_follows:
    description:
      - For check mode, where a task before this one would have installed the toolkit. Its absence is then no reason to
        refuse.
    type: bool
    default: false
notes:
  - What the files held before is kept in C(/var/lib/gpufleet-mlstack/container-toolkit.json), for root alone, until
    O(state=absent).
  - After a change of MIG partitions delete the specification and run this again. NVIDIA's own service does not notice
    such a change either.
seealso:
  - module: gpufleet.mlstack.system_packages
  - module: gpufleet.mlstack.gpu_info
"""

EXAMPLES = r"""
- name: Let docker and podman reach the GPUs
  gpufleet.mlstack.container_toolkit:
    engines: [docker, podman]
  become: true

- name: Let every engine of the host reach them, and never restart one
  gpufleet.mlstack.container_toolkit:
    engines: [auto]
    restart: never
  become: true

- name: Give GPUs to docker's containers that do not ask for them
  gpufleet.mlstack.container_toolkit:
    engines: [docker]
    default_runtime: true
  become: true

- name: Take it all out again
  gpufleet.mlstack.container_toolkit:
    state: absent
  become: true
"""

RETURN = r"""
engines:
  description: The engines of O(engines) that the host has.
  returned: always, unless the arguments were refused
  type: list
  elements: str
  sample: [docker, podman]
toolkit:
  description: The version of the toolkit. Null where there is none.
  returned: success
  type: str
  sample: 1.20.0
driver:
  description: The driver that runs. Null where none does.
  returned: success
  type: str
  sample: 580.65.06
specification:
  description: The CDI specification, the driver that it was written for, and its devices. Null where there is none.
  returned: success
  type: dict
  sample:
    path: /run/cdi/nvidia.yaml
    driver: 580.65.06
    devices: [nvidia.com/gpu=0, nvidia.com/gpu=all]
restart_required:
  description: What waits for a restart of an engine that this task may not make, in words.
  returned: success
  type: list
  elements: str
  sample: []
checks:
  description:
    - What decides whether containers see their GPUs. C(ok) is V(true), V(false), or null where it is not known.
  returned: always, unless the arguments were refused
  type: list
  elements: dict
  sample:
    - code: docker_runtime
      ok: true
      text: docker knows the runtime nvidia
plan:
  description: The steps taken, or in check mode the steps that would be taken.
  returned: always
  type: list
  elements: dict
  sample:
    - action: reload
      subject: docker
      summary: let docker read its configuration again; containers go on
commands_run:
  description: How many other programs the module started.
  returned: success
  type: int
code:
  description:
    - Why the module refused or failed, as a word that does not change. Among them V(engine_missing),
      V(toolkit_missing), V(daemon_json_invalid), V(runtime_of_others), V(default_runtime_taken), V(docker_flags),
      V(docker_reads_another_file), V(docker_not_reloaded), V(specification_wrong), V(file_unreadable),
      V(note_unreadable) and V(not_root).
  returned: failure
  type: str
"""

from ansible_collections.gpufleet.mlstack.plugins.module_utils._containers.resource import ContainerToolkit
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module


def main() -> None:
    run_module(
        ContainerToolkit(),
        {
            "engines": {
                "type": "list",
                "elements": "str",
                "choices": ["auto", "docker", "crio", "podman"],
                "default": [],
            },
            "state": {"type": "str", "choices": ["present", "absent", "refreshed"], "default": "present"},
            "default_runtime": {"type": "bool"},
            "cdi": {"type": "bool", "default": True},
            "cdi_file": {"type": "path"},
            "restart": {"type": "str", "choices": ["never", "when_safe", "always"], "default": "when_safe"},
            "docker_config": {"type": "path", "default": "/etc/docker/daemon.json"},
            "toolkit_follows": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
