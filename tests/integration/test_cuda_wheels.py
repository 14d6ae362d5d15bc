# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CUDA from NVIDIA's wheels, and nothing of it a stand-in: they are installed, nvcc runs and compiles a kernel."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.cuda_host import cuda_host

PACKAGES = [
    "nvidia-cuda-nvcc==13.0.88",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-nvvm==13.0.88",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-cccl==13.0.85",
]
KERNEL = "__global__ void add(float *a, const float *b) { a[threadIdx.x] += b[threadIdx.x]; }\n"


def test_nvcc_from_wheels_compiles_a_kernel(tmp_path: Path, uv: str) -> None:
    environment = {"name": "cuda-13.0", "packages": PACKAGES}
    wanted = {"root": str(tmp_path / "root"), "environments": [environment], "executable": uv}
    (tmp_path / "root").mkdir()
    module_runner.succeed("pip_pinned", wanted, env={"HOME": str(tmp_path)})
    toolkit = {"version": "13.0", "method": "wheels", "environment": f"{tmp_path}/root/cuda-13.0"}
    with cuda_host("apt", image="debian12", more_volumes=[f"{tmp_path}:{tmp_path}:ro"]) as host:
        refused = host.refuse([{**toolkit, "environment": "/nowhere"}], "wheels_missing")
        assert "pip_pinned" in refused["msg"] and host.leftovers() == ""
        done = host.succeed([toolkit])
        assert done["toolkits"][0]["compiler"] and done["default"].endswith("/nvidia/cu13")
        assert (host.release(), host.release("sh -c")) == ("13.0", "13.0")
        again = host.succeed([toolkit])
        assert not again["changed"] and again["commands_run"] == 0
        # nvcc asks the host's compiler for the preprocessed text; a preprocessor is all that PTX takes.
        host.sh("apt-get -qq update && apt-get -qqy install --no-install-recommends g++ >/dev/null 2>&1")
        host.container.write("/root/add.cu", KERNEL)
        host.sh("cd /root && bash -lc 'nvcc -ptx -arch=sm_90 add.cu'")
        text = host.container.read("/root/add.ptx")
        assert ".target sm_90" in text and ".visible .entry" in text
        host.succeed([{**toolkit, "state": "absent"}])
        assert host.leftovers() == ""
