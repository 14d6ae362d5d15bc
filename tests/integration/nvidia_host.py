# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GPU host of the bed on which modules run against NVIDIA's stand-in repositories under their real names."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ansible
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import signing_key
from ansible_collections.gpufleet.mlstack.tests.bed import images
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, require_bed
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in.hosts import gpu_host
from ansible_collections.gpufleet.mlstack.tests.bed.signing import BED
from ansible_collections.gpufleet.mlstack.tests.integration.documented import promised
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import CHECKOUT

IMAGES = {"apt": "ubuntu2404", "dnf": "rocky9"}
ENVIRONMENT = {"PYTHONPATH": "/mlstack", "PYTHONDONTWRITEBYTECODE": "1"}


def fingerprints() -> list[str]:
    """The stand-in repositories are signed with the bed's key, whose fingerprint every task has to name."""
    return list(signing_key.fingerprints(images.keys().public_key(BED).encode()))


def run_module(
    container: Container,
    module: str,
    arguments: Mapping[str, Any],
    *,
    check: bool = False,
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run a module of the checkout to its end, with the host's own Python, and return its result, failed or not."""
    given = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
    done = container.run(
        ["python3", "-W", "ignore", "-m", f"ansible_collections.gpufleet.mlstack.plugins.modules.{module}"],
        stdin=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        env={**ENVIRONMENT, **(env or {})},
        timeout_s=1800,
    )
    assert done.out.strip(), done.err
    return promised(module, json.loads(done.out))


@contextlib.contextmanager
def nvidia_host(
    manager: str, *, image: str = "", more_volumes: Sequence[str] = (), **options: Any
) -> Iterator[Container]:
    """A host of gpu_host(), which takes the options, that can run modules."""
    require_bed()
    volumes = (
        f"{CHECKOUT / 'plugins'}:/mlstack/ansible_collections/gpufleet/mlstack/plugins:ro",
        f"{os.path.dirname(ansible.__file__)}:/mlstack/ansible:ro",
        *more_volumes,
    )
    with gpu_host(image or IMAGES[manager], more_volumes=volumes, **options) as made:
        yield made
