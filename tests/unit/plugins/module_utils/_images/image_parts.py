# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that the tests of images put together."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import Base, DesiredImage, Lock, Recipe

DIGEST = "sha256:" + "d" * 64
BASE = Base(
    reference=f"registry.example.com/python:3.11@sha256:{'b' * 64}",
    digest="sha256:" + "b" * 64,
    python="/usr/bin/python3",
    python_version="3.11.2",
    machine="x86_64",
    libc="glibc",
    libc_version="2.36",
    has_venv=True,
    os_release="ID=debian\nVERSION_ID=12\n",
)


def desired(**changes):
    image = DesiredImage(
        name="demo",
        folder="/opt/images/demo",
        tags=("demo:latest",),
        base="registry.example.com/python:3.11",
        environments=(),
        environments_root="/opt/mlstack/envs",
        system_packages=(),
        build_packages=(),
        copies=(),
        env={},
        labels={},
        user="ml",
        uid=1000,
        workdir="/app",
        entrypoint=(),
        command=("python", "--version"),
        healthcheck=(),
        gpu=False,
        engine="uv",
        created=None,
        write_only=False,
    )
    return replace(image, **changes)


def lock(name="ml", **pins):
    pins = pins or {"alpha": "1.0"}
    text = "".join(f"{pin}=={version} \\\n    --hash=sha256:{'0' * 64}\n" for pin, version in pins.items())
    return Lock(name, text, pins)


def recipe(*locks, base=BASE, system=(), build=(), mounts=True, index="", trusted_hosts=(), **changes):
    return Recipe(
        desired=desired(**changes),
        digest=DIGEST,
        base=base,
        locks=locks or (lock(),),
        tools="uv==1 --hash=sha256:0\n",
        system=system,
        build=build,
        mounts=mounts,
        index=index,
        trusted_hosts=trusted_hosts,
    )
