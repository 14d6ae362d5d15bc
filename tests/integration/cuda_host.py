# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GPU host of the bed on which cuda_toolkit runs, against NVIDIA's stand-in repositories under their real names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.gpufleet.mlstack.tests.bed.containers import Container
from ansible_collections.gpufleet.mlstack.tests.integration import nvidia_host


@dataclass(frozen=True)
class CudaHost:
    """A container and its package manager."""

    container: Container
    manager: str

    def run(
        self, toolkits: list[Any], *, check: bool = False, env: Mapping[str, str] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Run the module to its end and return its result, failed or not."""
        arguments = {"toolkits": toolkits, "repository_fingerprints": nvidia_host.fingerprints(), **options}
        return nvidia_host.run_module(self.container, "cuda_toolkit", arguments, check=check, env=env)

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
def cuda_host(manager: str, **options: Any) -> Iterator[CudaHost]:
    """A host that is not booted: toolkits need no services. Options are those of nvidia_host()."""
    with nvidia_host.nvidia_host(manager, booted=False, **{"gpus": "none", **options}) as made:
        yield CudaHost(made, manager)
