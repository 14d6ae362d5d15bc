# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for PyTorch: what framework_info asks it, answered in plain Python. It proves the asking, not PyTorch."""

from __future__ import annotations

WORKS = """
import sys
print("a framework that prints while it is imported")
__version__ = {version!r}


class version:
    cuda = {cuda!r}


class cuda:
    device_count = staticmethod(lambda: {gpus})
    is_available = staticmethod(lambda: {gpus} > 0)
    get_device_name = staticmethod(lambda device: "Stand-in GPU")


class Matrix:
    def __init__(self, value, size):
        self.value, self.size = value, size

    def __matmul__(self, other):
        return Matrix(self.value * other.value * self.size + {error}, self.size)

    def sum(self):
        return self.value * self.size * self.size


def ones(shape, device):
    assert device == "cpu" or {gpus}
    return Matrix(1.0, shape[0])
"""


def source(version: str = "2.8.0+cpu", cuda: str | None = None, gpus: int = 0, error: float = 0.0) -> str:
    """The module's text. ``error`` is added to every product."""
    return WORKS.format(version=version, cuda=cuda, gpus=gpus, error=error)
