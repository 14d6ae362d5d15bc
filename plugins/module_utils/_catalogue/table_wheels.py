# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compute capabilities for which wheels carry machine code.

Code for x.y runs on every x.z with z >= y. Where ``ptx`` names a capability, that one and newer GPUs can compile from
it when the driver is at least that of the toolkit. ``up_to`` is the newest capability with which a build works at all,
empty where code and PTX decide: what TensorFlow compiles at run time goes through the compiler of its own CUDA, which
cannot write for Blackwell. Without any capability a wheel is a build for the CPU. Wheels of one tag differ between
releases of a framework (``release_from`` to ``release_to``).
"""

from __future__ import annotations

TABLE = """
framework | tag | architecture | release_from | release_to | capabilities | ptx | up_to | status | source
torch | cu113 | x86_64 | 1.12 | 1.12 | 3.7 5.0 6.0 7.0 7.5 8.0 8.6 |  |  | memory | memory
torch | cu116 | x86_64 | 1.12 | 1.13 | 3.7 5.0 6.0 7.0 7.5 8.0 8.6 |  |  | memory | memory
torch | cu117 | x86_64 | 1.13 | 2.0 | 3.7 5.0 6.0 7.0 7.5 8.0 8.6 |  |  | memory | memory
torch | cu118 | x86_64 | 2.0 | 2.7 | 3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0 |  |  | secondary | torch-builds
torch | cu121 | x86_64 | 2.1 | 2.5 | 5.0 6.0 7.0 7.5 8.0 8.6 9.0 |  |  | secondary | torch-builds
torch | cu124 | x86_64 | 2.4 | 2.6 | 5.0 6.0 7.0 7.5 8.0 8.6 9.0 |  |  | secondary | torch-builds
torch | cu126 | x86_64 | 2.6 | 2.11 | 5.0 6.0 7.0 7.5 8.0 8.6 9.0 |  |  | secondary | torch-docs-kr
torch | cu126 | x86_64 | 2.12 |  | 5.0 6.0 7.0 7.5 8.0 8.6 9.0 |  |  | verified | torch-release
torch | cu128 | x86_64 | 2.7 | 2.7 | 7.5 8.0 8.6 9.0 10.0 12.0 | 12.0 |  | secondary | torch-builds
torch | cu128 | x86_64 | 2.8 | 2.10 | 7.0 7.5 8.0 8.6 9.0 10.0 12.0 |  |  | secondary | torch-builds
torch | cu128 | x86_64 | 2.11 | 2.11 | 7.5 8.0 8.6 9.0 10.0 12.0 |  |  | secondary | torch-builds
torch | cu129 | x86_64 | 2.8 | 2.8 | 7.0 7.5 8.0 8.6 9.0 10.0 12.0 | 12.0 |  | secondary | torch-builds
torch | cu130 | x86_64 | 2.9 | 2.11 | 7.5 8.0 8.6 9.0 10.0 12.0 | 12.0 |  | secondary | torch-docs-kr
torch | cu130 | x86_64 | 2.12 |  | 7.5 8.0 8.6 9.0 10.0 12.0 | 12.0 |  | verified | torch-release
torch | cu132 | x86_64 | 2.12 |  | 7.5 8.0 8.6 9.0 10.0 12.0 | 12.0 |  | verified | torch-release
torch | cu126 | aarch64 | 2.6 | 2.11 | 8.0 9.0 |  |  | secondary | torch-docs-kr
torch | cu126 | aarch64 | 2.12 |  | 8.0 9.0 |  |  | verified | torch-release
torch | cu128 | aarch64 | 2.7 | 2.11 | 8.0 9.0 10.0 12.0 |  |  | secondary | torch-docs-kr
torch | cu129 | aarch64 | 2.8 | 2.8 | 8.0 9.0 10.0 12.0 | 12.0 |  | memory | memory
torch | cu130 | aarch64 | 2.9 | 2.11 | 8.0 9.0 10.0 11.0 12.0 | 12.0 |  | secondary | torch-docs-kr
torch | cu130 | aarch64 | 2.12 |  | 8.0 9.0 10.0 11.0 12.0 | 12.0 |  | verified | torch-release
torch | cu132 | aarch64 | 2.12 |  | 8.0 9.0 10.0 11.0 12.0 | 12.0 |  | verified | torch-release
jax | cuda12 | x86_64 | 0.4 | 0.4 | 5.2 6.0 7.0 8.0 9.0 | 9.0 | 9.0 | memory | memory
jax | cuda12 | x86_64 | 0.5 |  | 5.2 6.0 7.0 8.0 9.0 10.0 | 12.0 |  | memory | memory
jax | cuda13 | x86_64 | 0.8 |  | 7.5 8.0 9.0 10.0 | 12.0 |  | secondary | jax-builds
jax | cuda12 | aarch64 | 0.4 | 0.4 | 5.2 6.0 7.0 8.0 9.0 | 9.0 | 9.0 | memory | memory
jax | cuda12 | aarch64 | 0.5 |  | 5.2 6.0 7.0 8.0 9.0 10.0 | 12.0 |  | memory | memory
jax | cuda13 | aarch64 | 0.8 |  | 7.5 8.0 9.0 10.0 | 12.0 |  | secondary | jax-builds
tensorflow |  | x86_64 | 2.9 | 2.14 | 3.5 5.0 6.0 7.0 7.5 8.0 | 8.0 | 9.0 | memory | memory
tensorflow |  | x86_64 | 2.15 | 2.15 | 5.0 6.0 7.0 7.5 | 8.0 | 9.0 | verified | tensorflow-wheels
tensorflow |  | x86_64 | 2.16 | 2.16 | 5.0 6.0 7.0 8.0 | 9.0 | 9.0 | verified | tensorflow-wheels
tensorflow |  | x86_64 | 2.17 |  | 6.0 7.0 8.0 8.9 | 9.0 | 9.0 | verified | tensorflow-wheels
tensorflow |  | aarch64 | 2.16 |  |  |  |  | verified | tensorflow-wheels
"""
