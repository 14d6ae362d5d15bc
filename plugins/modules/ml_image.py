#!/usr/bin/python
# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_image
short_description: Container images from the same lists that describe hosts
version_added: 0.1.0
author:
  - gpufleet.mlstack contributors (@gpufleet)
description:
  - Writes a multi-stage Dockerfile with a lock of each Python environment, builds it with docker, podman or buildah,
    and gives the image its names. The Dockerfile is one that a person can read and keep.
  - Environments stand at the same paths as on hosts, installed by the same pinned engine from a lock with hashes. The
    last stage has neither compilers nor the build's tools, and does not run as root.
  - An image whose label has the digest of what is desired is not built again. A converged call asks the builder once.
  - What is pinned is resolved for the Python, the processor and the C library of the base. A pin that has no wheel for
    these is refused before anything is built, unless O(images[].build_packages) names something to build it with.
  - The image gets its names last, after its environments have been run. A build that fails or is killed leaves the
    names with the image that had them.
extends_documentation_fragment:
  - gpufleet.mlstack.attributes
options:
  images:
    description: The images. They are independent. One that fails does not stop the others.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the image's folder, and of the image where O(images[].tags) says nothing else.
        type: str
        required: true
      base:
        description:
          - The base image, best with its digest (C(docker.io/library/python:3.12-slim@sha256:...)).
          - Without a digest it is resolved once, with a warning that says to what. It stays the same one until
            something else of the desired image changes.
          - Environments need Python 3.9 or later in it. Wheels of frameworks bring their own CUDA, so a plain base is
            enough unless something in the container compiles CUDA.
        type: str
        required: true
      tags:
        description: The names of the image. By default O(images[].name) with the tag C(latest).
        type: list
        elements: str
        default: []
      python_envs:
        description:
          - The Python environments, as O(gpufleet.mlstack.pip_pinned#module:environments) has them; what tells how a
            host keeps them is passed over. The first one is first on E(PATH).
        type: list
        elements: dict
        default: []
      system_packages:
        description:
          - Packages of the distribution that the image holds, each a name or a mapping with C(name) and C(version), as
            the option C(packages) of M(gpufleet.mlstack.system_packages). Those that are to be absent are passed over.
        type: list
        elements: raw
        default: []
      build_packages:
        description:
          - Packages that only the build has, in the same form, such as V(build-tools) and V(git). With any, pins
            without a wheel are built from source; without, they are refused.
        type: list
        elements: raw
        default: []
      copy:
        description: Files and folders that the image holds besides. Their contents are part of what is desired.
        type: list
        elements: dict
        default: []
        suboptions:
          src:
            description: A path relative to O(images[].folder), on the host that builds.
            type: str
            required: true
          dest:
            description: An absolute path in the image.
            type: str
            required: true
      env:
        description: Variables of the image. They are readable by everybody who has it.
        type: dict
        default: {}
      labels:
        description: Labels, such as C(org.opencontainers.image.source) and C(org.opencontainers.image.revision).
        type: dict
        default: {}
      user:
        description: The name of the user that the image runs as.
        type: str
        default: ml
      uid:
        description: The number of that user and of its group.
        type: int
        default: 1000
      workdir:
        description: The folder in which the image runs. It belongs to the user.
        type: str
        default: /app
      entrypoint:
        description: The program that the image runs, word by word, without a shell.
        type: list
        elements: str
        default: []
      command:
        description: What the image runs by default, or the arguments of O(images[].entrypoint).
        type: list
        elements: str
        default: []
      healthcheck:
        description: A program whose exit status says whether a container is well, word by word.
        type: list
        elements: str
        default: []
      gpu:
        description: Whether to set the variables by which NVIDIA's container runtime hands over GPUs.
        type: bool
        default: false
      created:
        description:
          - The time that the image and its label get, in seconds since 1970. By default the variable
            E(SOURCE_DATE_EPOCH), else no label tells a time. Files of environments are of 1980 in any case, so that
            the same ones are the same layer.
        type: str
      folder:
        description: Where Dockerfile and locks are kept. By default the folder O(images[].name) in O(root).
        type: path
      write_only:
        description: Whether to write the Dockerfile and the locks and build nothing.
        type: bool
        default: false
      push:
        description:
          - Whether registries shall have the image under all of O(images[].tags). They are asked each time, and
            pushed to where they have another image or none.
        type: bool
        default: false
      save_to:
        description:
          - A folder in which the image is kept as a file for hosts without a registry, once for each image, under a
            name with the beginning of its ID. Older files stay.
        type: path
  archives:
    description:
      - Images that come to this host as a file which O(images[].save_to) made, for hosts without a registry. A file is
        loaded where the host does not have its image, and need not be there otherwise.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file, on the host.
        type: path
        required: true
      id:
        description: The ID of the image in it, as RV(images[].id) told it.
        type: str
        required: true
      tags:
        description: The names that the image shall have on the host.
        type: list
        elements: str
        required: true
  root:
    description: The folder with the images' folders. Nobody else may be able to write there.
    type: path
    default: /opt/mlstack/images
  environments_root:
    description: Where environments stand in images.
    type: str
    default: /opt/mlstack/envs
  builder:
    description:
      - The program that builds. V(auto) takes the first that is there. It is needed for O(images[].write_only), too, to
        look into the base.
    type: str
    choices: [auto, docker, podman, buildah]
    default: auto
  network:
    description: The network in which the steps of a build run, as the builder calls it (V(default), V(host)).
    type: str
    default: default
  engine:
    description: The program that installs environments in the image. It is installed by version and hash, in the build.
    type: str
    choices: [uv, pip]
    default: uv
  executable:
    description: The uv that resolves on this host. By default a pinned one is installed into O(toolbox).
    type: str
  toolbox:
    description: The folder for our own pinned tools. By default C(.toolbox) in O(root).
    type: path
  index_url:
    description:
      - The package index, for resolving and for the build. By default what pip's configuration on this host says.
      - It is a secret of the build, and so are its credentials. Neither becomes part of the Dockerfile, a layer, a
        label or the history. A docker without BuildKit knows no secrets, and credentials are refused there.
    type: str
  extra_index_urls:
    description: Further indexes.
    type: list
    elements: str
    default: []
  trusted_hosts:
    description: Hosts whose certificates are not verified.
    type: list
    elements: str
    default: []
  ca_bundle:
    description: A file of certificates to verify the index with.
    type: path
  registry_username:
    description: Who pushes. By default the user's own login of the builder, where registries tell all what they have.
    type: str
  registry_password:
    description: The password or token of O(registry_username).
    type: str
  registry_plain_http:
    description: Whether registries are spoken to without TLS, as on loopback. It sends passwords readably.
    type: bool
    default: false
  free_mb:
    description: How much must be free where the builder keeps images before anything is built. An environment with CUDA
      takes about three times its size, which can be 20000.
    type: int
    default: 2048
  timeout:
    description: How many seconds a build may take.
    type: float
    default: 3600
  lock_timeout:
    description: How many seconds to wait for another run that changes the same image.
    type: float
    default: 600
  requirement_files:
    description:
      - Contents of requirement files on the controller by path, packed. The action plugin of this module fills it in.
    type: dict
seealso:
  - module: gpufleet.mlstack.pip_pinned
"""

EXAMPLES = r"""
- name: An image with the environment that hosts have, too
  gpufleet.mlstack.ml_image:
    images:
      - name: ml-environment
        base: docker.io/library/python:3.12-slim@sha256:{{ base_digest }}
        python_envs: "{{ python_envs_list }}"
        system_packages: [git]
        command: [python, --version]
        labels:
          org.opencontainers.image.revision: "{{ revision }}"

- name: A Dockerfile to keep in a repository
  gpufleet.mlstack.ml_image:
    images:
      - name: ml-environment
        base: docker.io/library/python:3.12-slim@sha256:{{ base_digest }}
        python_envs:
          - name: ml
            packages: [numpy==2.3.4]
        folder: "{{ playbook_dir }}/image"
        write_only: true
  delegate_to: localhost
"""

RETURN = r"""
images:
  description: What became of each image, in the order of O(images).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name of the image.
      type: str
      returned: always
      sample: ml-environment
    changed:
      description: Whether it was changed, or would be.
      type: bool
      returned: always
    failed:
      description: Whether it could not be brought to its desired state.
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
      sample: no_wheel
    folder:
      description: Where its Dockerfile and locks are.
      type: str
      returned: always
      sample: /opt/mlstack/images/ml-environment
    tags:
      description: Its names.
      type: list
      elements: str
      returned: always
      sample: ["ml-environment:latest"]
    id:
      description: The ID of the image that has the first name.
      type: str
      returned: when there is one
      sample: sha256:0123
    desired:
      description: The digest of what is desired, as the image's label has it.
      type: str
      returned: when it could be read
      sample: sha256:4567
    environments:
      description: Name to version of what each environment of the image holds, as its labels tell.
      type: dict
      returned: when there is an image
      sample: {"ml": {"numpy": "2.3.4"}}
    archive:
      description: The file that holds the image, in the form of O(archives).
      type: dict
      returned: when O(images[].save_to) is given and the image is there
      sample: {"path": "/srv/ml-environment-0123456789ab.tar", "id": "sha256:0123", "tags": ["ml-environment:latest"]}
    seconds:
      description: How long it took.
      type: float
      returned: always
    timings:
      description: Seconds that building and running its environments took.
      type: dict
      returned: when it was built
      sample: {"build": 40.1, "verify": 1.2}
archives:
  description: What became of each archive, in the order of O(archives), with the keys of RV(images) that apply.
  returned: always
  type: list
  elements: dict
  sample: [{"path": "/srv/ml-environment-0123456789ab.tar", "id": "sha256:0123", "changed": true, "failed": false}]
plan:
  description: The steps from what was found to what was wanted. Empty when they agree.
  returned: always
  type: list
  elements: dict
  sample: [{"action": "build", "subject": "ml-environment:latest", "summary": "build ml-environment:latest"}]
commands_run:
  description: How many programs the module started. One for each image where there was nothing to do.
  returned: always
  type: int
code:
  description: A stable word for the first failure.
  returned: failed
  type: str
  sample: no_builder
"""

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.resource import Images
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import run_module


def listed(elements: str = "str", **more: t.Any) -> dict[str, t.Any]:
    return {"type": "list", "elements": elements, "default": [], **more}


ARCHIVE_SPEC = {
    "path": {"type": "path", "required": True},
    "id": {"type": "str", "required": True},
    "tags": {"type": "list", "elements": "str", "required": True},
}
COPY_SPEC = {"src": {"type": "str", "required": True}, "dest": {"type": "str", "required": True}}
IMAGE_SPEC: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "base": {"type": "str", "required": True},
    "tags": listed(),
    "python_envs": listed("dict"),
    "system_packages": listed("raw"),
    "build_packages": listed("raw"),
    "copy": listed("dict", options=COPY_SPEC),
    "env": {"type": "dict", "default": {}},
    "labels": {"type": "dict", "default": {}},
    "user": {"type": "str", "default": "ml"},
    "uid": {"type": "int", "default": 1000},
    "workdir": {"type": "str", "default": "/app"},
    "entrypoint": listed(),
    "command": listed(),
    "healthcheck": listed(),
    "gpu": {"type": "bool", "default": False},
    "created": {"type": "str"},
    "folder": {"type": "path"},
    "write_only": {"type": "bool", "default": False},
    "push": {"type": "bool", "default": False},
    "save_to": {"type": "path"},
}


def main() -> None:
    run_module(
        Images(),
        {
            "images": listed("dict", options=IMAGE_SPEC),
            "archives": listed("dict", options=ARCHIVE_SPEC),
            "root": {"type": "path", "default": "/opt/mlstack/images"},
            "environments_root": {"type": "str", "default": "/opt/mlstack/envs"},
            "builder": {"type": "str", "choices": ["auto", "docker", "podman", "buildah"], "default": "auto"},
            "network": {"type": "str", "default": "default"},
            "engine": {"type": "str", "choices": ["uv", "pip"], "default": "uv"},
            "executable": {"type": "str"},
            "toolbox": {"type": "path"},
            "index_url": {"type": "str"},
            "extra_index_urls": listed(),
            "trusted_hosts": listed(),
            "ca_bundle": {"type": "path"},
            "registry_username": {"type": "str"},
            "registry_password": {"type": "str", "no_log": True},
            "registry_plain_http": {"type": "bool", "default": False},
            "free_mb": {"type": "int", "default": 2048},
            "timeout": {"type": "float", "default": 3600},
            "lock_timeout": {"type": "float", "default": 600},
            # A file may hold credentials, and arguments go to the system log.
            "requirement_files": {"type": "dict", "no_log": True},
        },
    )


if __name__ == "__main__":
    main()
