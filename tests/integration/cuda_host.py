# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GPU host of the bed on which cuda_toolkit runs, against NVIDIA's stand-in repositories under their real names."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ansible
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import signing_key
from ansible_collections.gpufleet.mlstack.tests.bed import images
from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container, require_bed
from ansible_collections.gpufleet.mlstack.tests.bed.nvidia_stand_in.hosts import gpu_host
from ansible_collections.gpufleet.mlstack.tests.bed.signing import BED
from ansible_collections.gpufleet.mlstack.tests.integration.package_host import CHECKOUT

IMAGES = {"apt": "ubuntu2404", "dnf": "rocky9"}


@dataclass(frozen=True)
class CudaHost:
    """A container; the stand-in repositories are signed with the bed's key, whose fingerprint every task names."""

    container: Container
    manager: str

    def run(
        self, toolkits: list[Any], *, check: bool = False, env: Mapping[str, str] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Run the module to its end and return its result, failed or not."""
        key = images.keys().public_key(BED)
        arguments = {
            "toolkits": toolkits,
            "repository_fingerprints": list(signing_key.fingerprints(key.encode())),
            **options,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
        }
        done = self.container.run(
            ["python3", "-W", "ignore", "-m", "ansible_collections.gpufleet.mlstack.plugins.modules.cuda_toolkit"],
            stdin=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            env={"PYTHONPATH": "/mlstack", "PYTHONDONTWRITEBYTECODE": "1", **(env or {})},
            timeout_s=1800,
        )
        assert done.out.strip(), done.err
        return json.loads(done.out)

    def succeed(self, toolkits: list[Any], **options: Any) -> dict[str, Any]:
        result = self.run(toolkits, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def refuse(self, toolkits: list[Any], code: str, **options: Any) -> dict[str, Any]:
        """Run the module, which must fail with this code."""
        result = self.run(toolkits, **options)
        assert result.get("failed") and result.get("code") == code, result
        return result

    def sh(self, command: str) -> str:
        return self.container.check(command)

    def release(self, shell: str = "bash -lc") -> str:
        """What nvcc says in such a shell, "" where there is none; with no variable of ours set."""
        done = self.container.run(f"env -i HOME=/root {shell} 'nvcc --version'")
        return done.out.partition("release ")[2].partition(",")[0]

    def leftovers(self) -> str:
        """Every trace of CUDA on the host."""
        return self.container.run(
            "(dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 2>/dev/null || rpm -qa)"
            " | grep -E '^(cuda|libcu|libnccl)';"
            " ls -d /usr/local/cuda* /usr/local/bin/nvcc /etc/profile.d/*cuda* /etc/ld.so.conf.d/*cuda*"
            " /etc/alternatives/cuda* /etc/apt/sources.list.d/*cuda* /etc/yum.repos.d/*cuda* /etc/apt/keyrings/*cuda*"
            " /etc/pki/rpm-gpg/*cuda* /var/lib/*/alternatives/cuda* /var/lib/alternatives/cuda* 2>/dev/null"
        ).out


@contextlib.contextmanager
def cuda_host(
    manager: str,
    *,
    gpus: str = "none",
    image: str = "",
    tmpfs: Mapping[str, str] | None = None,
    more_volumes: Sequence[str] = (),
) -> Iterator[CudaHost]:
    """A host that is not booted: toolkits need no services."""
    require_bed()
    volumes = (
        f"{CHECKOUT / 'plugins'}:/mlstack/ansible_collections/gpufleet/mlstack/plugins:ro",
        f"{os.path.dirname(ansible.__file__)}:/mlstack/ansible:ro",
        *more_volumes,
    )
    with gpu_host(image or IMAGES[manager], gpus=gpus, more_volumes=volumes, booted=False, tmpfs=tmpfs) as made:
        yield CudaHost(made, manager)
