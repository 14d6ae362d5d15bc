# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for JAX: what framework_info asks it, answered in plain Python. It proves the asking, not JAX.

The answers have the shapes that jax 0.10.2 gave on a host without a GPU; `cuda 13020` is how its plugins name CUDA
13.2.
"""

from __future__ import annotations

NUMPY = """
class Matrix:
    def __init__(self, value, size):
        self.value, self.size = value, size

    def __matmul__(self, other):
        return Matrix(self.value * other.value * self.size, self.size)

    def sum(self):
        return self.value * self.size * self.size


def ones(shape):
    return Matrix(1.0, shape[0])
"""
WORKS = """
__version__ = {version!r}


class Device:
    class client:
        platform_version = "cuda 13020"

    def __init__(self, platform, id, kind):
        self.platform, self.id, self.device_kind = platform, id, kind


def devices(platform=None):
    gpus = [Device("gpu", number, "Stand-in GPU") for number in range({gpus})]
    return [Device("cpu", 0, "cpu")] if platform == "cpu" or not gpus else gpus


def device_put(matrix, device):
    assert isinstance(device, Device)
    return matrix
"""


def files(version: str = "0.10.2", gpus: int = 0) -> dict[str, str]:
    """The package's files by their paths."""
    return {"jax/__init__.py": WORKS.format(version=version, gpus=gpus), "jax/numpy.py": NUMPY}
