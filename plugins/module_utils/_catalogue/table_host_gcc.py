# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest gcc that the nvcc of a CUDA release takes as its host compiler, for releases up to C(cuda_up_to)."""

from __future__ import annotations

TABLE = """
cuda_up_to | gcc | status   | source
11.0       | 9   | verified | spack-cuda
11.4       | 10  | verified | spack-cuda
11.5       | 11  | verified | spack-cuda
11.8       | 11  | verified | spack-cuda
12.3       | 12  | verified | spack-cuda
12.6       | 13  | verified | spack-cuda
12.9       | 14  | verified | spack-cuda
13.3       | 15  | verified | spack-cuda
"""
