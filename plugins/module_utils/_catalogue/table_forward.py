# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward compatibility: driver branches on which the package C(cuda-compat) of a CUDA major version works.

It is for data-centre GPUs, and its own libraries must still support the GPU.
"""

from __future__ import annotations

TABLE = """
cuda_major | base_branches           | status | source
11         | 418 450 470             | memory | compat-guide
12         | 450 470 510 515 525 535 | memory | compat-guide
13         | 535 550 570             | memory | compat-guide
"""
