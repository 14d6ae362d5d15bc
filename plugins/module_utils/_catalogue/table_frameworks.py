# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases of frameworks, the CUDA they are built with, and the Pythons that they have wheels for.

``newest`` is the newest patch release when the table was made. A release of PyTorch has several builds, each on an
index of its own that is named after ``tag``; of 2.15 only the default build was seen. TensorFlow has one, on the
ordinary index; its ``extra`` brings the libraries of CUDA, and without one the wheel takes those of the host. Newer
Pythons than the maker's own list names count where wheels for them are on the index. JAX has plugins for two major
versions of CUDA beside one package; its ``extra`` brings plugin and libraries, and ``tag`` is the same word. Its plugin
for CUDA 13 begins with 0.7.2 and is listed from 0.8 on.
"""

from __future__ import annotations

TABLE = """
framework  | version | newest | cuda | tag    | extra    | channel      | python_from | python_to | status   | source
torch      | 2.15    | 2.15.0 | 13.2 | cu132  |          | stable       | 3.11        | 3.15      | verified | torch-index
torch      | 2.14    | 2.14.1 | 12.6 | cu126  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.14    | 2.14.1 | 13.0 | cu130  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.14    | 2.14.1 | 13.2 | cu132  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.13    | 2.13.0 | 12.6 | cu126  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.13    | 2.13.0 | 13.0 | cu130  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.13    | 2.13.0 | 13.2 | cu132  |          | experimental | 3.10        | 3.14      | verified | torch-release
torch      | 2.12    | 2.12.1 | 12.6 | cu126  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.12    | 2.12.1 | 13.0 | cu130  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.12    | 2.12.1 | 13.2 | cu132  |          | experimental | 3.10        | 3.14      | verified | torch-release
torch      | 2.11    | 2.11.0 | 12.6 | cu126  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.11    | 2.11.0 | 12.8 | cu128  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.11    | 2.11.0 | 13.0 | cu130  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.10    | 2.10.0 | 12.6 | cu126  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.10    | 2.10.0 | 12.8 | cu128  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.10    | 2.10.0 | 13.0 | cu130  |          | experimental | 3.10        | 3.14      | verified | torch-release
torch      | 2.9     | 2.9.1  | 12.6 | cu126  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.9     | 2.9.1  | 12.8 | cu128  |          | stable       | 3.10        | 3.14      | verified | torch-release
torch      | 2.9     | 2.9.1  | 13.0 | cu130  |          | experimental | 3.10        | 3.14      | verified | torch-release
torch      | 2.8     | 2.8.0  | 12.6 | cu126  |          | stable       | 3.9         | 3.13      | verified | torch-release
torch      | 2.8     | 2.8.0  | 12.8 | cu128  |          | stable       | 3.9         | 3.13      | verified | torch-release
torch      | 2.8     | 2.8.0  | 12.9 | cu129  |          | experimental | 3.9         | 3.13      | verified | torch-release
torch      | 2.7     | 2.7.1  | 11.8 | cu118  |          | stable       | 3.9         | 3.13      | verified | torch-release
torch      | 2.7     | 2.7.1  | 12.6 | cu126  |          | stable       | 3.9         | 3.13      | verified | torch-release
torch      | 2.7     | 2.7.1  | 12.8 | cu128  |          | experimental | 3.9         | 3.13      | verified | torch-release
torch      | 2.6     | 2.6.0  | 11.8 | cu118  |          | stable       | 3.9         | 3.13      | verified | torch-release
torch      | 2.6     | 2.6.0  | 12.4 | cu124  |          | stable       | 3.9         | 3.13      | verified | torch-release
torch      | 2.6     | 2.6.0  | 12.6 | cu126  |          | experimental | 3.9         | 3.13      | verified | torch-release
torch      | 2.5     | 2.5.1  | 11.8 | cu118  |          | stable       | 3.9         | 3.13      | verified | torch-index
torch      | 2.5     | 2.5.1  | 12.1 | cu121  |          | stable       | 3.9         | 3.13      | verified | torch-index
torch      | 2.5     | 2.5.1  | 12.4 | cu124  |          | stable       | 3.9         | 3.13      | verified | torch-index
torch      | 2.4     | 2.4.1  | 11.8 | cu118  |          | stable       | 3.8         | 3.12      | verified | torch-release
torch      | 2.4     | 2.4.1  | 12.1 | cu121  |          | stable       | 3.8         | 3.12      | verified | torch-release
torch      | 2.4     | 2.4.1  | 12.4 | cu124  |          | experimental | 3.8         | 3.12      | verified | torch-release
torch      | 2.3     | 2.3.1  | 11.8 | cu118  |          | stable       | 3.8         | 3.12      | verified | torch-index
torch      | 2.3     | 2.3.1  | 12.1 | cu121  |          | experimental | 3.8         | 3.12      | verified | torch-index
torch      | 2.2     | 2.2.2  | 11.8 | cu118  |          | stable       | 3.8         | 3.12      | verified | torch-index
torch      | 2.2     | 2.2.2  | 12.1 | cu121  |          | experimental | 3.8         | 3.12      | verified | torch-index
torch      | 2.1     | 2.1.2  | 11.8 | cu118  |          | stable       | 3.8         | 3.11      | verified | torch-release
torch      | 2.1     | 2.1.2  | 12.1 | cu121  |          | experimental | 3.8         | 3.11      | verified | torch-release
torch      | 2.0     | 2.0.1  | 11.7 | cu117  |          | stable       | 3.8         | 3.11      | verified | torch-release
torch      | 2.0     | 2.0.1  | 11.8 | cu118  |          | experimental | 3.8         | 3.11      | verified | torch-release
torch      | 1.13    | 1.13.1 | 11.6 | cu116  |          | stable       | 3.7         | 3.11      | verified | torch-index
torch      | 1.13    | 1.13.1 | 11.7 | cu117  |          | experimental | 3.7         | 3.11      | verified | torch-index
torch      | 1.12    | 1.12.1 | 11.3 | cu113  |          | stable       | 3.7         | 3.10      | verified | torch-release
torch      | 1.12    | 1.12.1 | 11.6 | cu116  |          | experimental | 3.7         | 3.10      | verified | torch-release
tensorflow | 2.21    | 2.21.0 | 12.5 |        | and-cuda | stable       | 3.10        | 3.13      | verified | tensorflow-source
tensorflow | 2.20    | 2.20.0 | 12.5 |        | and-cuda | stable       | 3.9         | 3.13      | verified | tensorflow-source
tensorflow | 2.19    | 2.19.1 | 12.5 |        | and-cuda | stable       | 3.9         | 3.12      | verified | tensorflow-source
tensorflow | 2.18    | 2.18.1 | 12.5 |        | and-cuda | stable       | 3.9         | 3.12      | verified | tensorflow-source
tensorflow | 2.17    | 2.17.1 | 12.3 |        | and-cuda | stable       | 3.9         | 3.12      | verified | tensorflow-source
tensorflow | 2.16    | 2.16.2 | 12.3 |        | and-cuda | stable       | 3.9         | 3.12      | verified | tensorflow-source
tensorflow | 2.15    | 2.15.1 | 12.2 |        | and-cuda | stable       | 3.9         | 3.11      | verified | tensorflow-source
tensorflow | 2.14    | 2.14.1 | 11.8 |        | and-cuda | stable       | 3.9         | 3.11      | verified | tensorflow-source
tensorflow | 2.13    | 2.13.1 | 11.8 |        |          | stable       | 3.8         | 3.11      | verified | tensorflow-source
tensorflow | 2.12    | 2.12.1 | 11.8 |        |          | stable       | 3.8         | 3.11      | verified | tensorflow-source
tensorflow | 2.11    | 2.11.1 | 11.2 |        |          | stable       | 3.8         | 3.10      | verified | tensorflow-index
tensorflow | 2.10    | 2.10.1 | 11.2 |        |          | stable       | 3.7         | 3.10      | verified | tensorflow-source
tensorflow | 2.9     | 2.9.3  | 11.2 |        |          | stable       | 3.7         | 3.10      | verified | tensorflow-source
jax        | 0.12    | 0.12.0 | 13.0 | cuda13 | cuda13   | stable       | 3.12        | 3.15      | derived  | jax-index
jax        | 0.12    | 0.12.0 | 12.6 | cuda12 | cuda12   | stable       | 3.12        | 3.15      | derived  | jax-index
jax        | 0.11    | 0.11.2 | 13.0 | cuda13 | cuda13   | stable       | 3.12        | 3.15      | derived  | jax-index
jax        | 0.11    | 0.11.2 | 12.6 | cuda12 | cuda12   | stable       | 3.12        | 3.15      | derived  | jax-index
jax        | 0.10    | 0.10.2 | 13.0 | cuda13 | cuda13   | stable       | 3.11        | 3.14      | verified | jax-index
jax        | 0.10    | 0.10.2 | 12.6 | cuda12 | cuda12   | stable       | 3.11        | 3.14      | verified | jax-index
jax        | 0.9     | 0.9.2  | 13.0 | cuda13 | cuda13   | stable       | 3.11        | 3.14      | verified | jax-index
jax        | 0.9     | 0.9.2  | 12.6 | cuda12 | cuda12   | stable       | 3.11        | 3.14      | verified | jax-index
jax        | 0.8     | 0.8.3  | 13.0 | cuda13 | cuda13   | stable       | 3.11        | 3.14      | verified | jax-index
jax        | 0.8     | 0.8.3  | 12.6 | cuda12 | cuda12   | stable       | 3.11        | 3.14      | verified | jax-index
jax        | 0.7     | 0.7.2  | 12.6 | cuda12 | cuda12   | stable       | 3.11        | 3.14      | verified | jax-index
jax        | 0.6     | 0.6.2  | 12.6 | cuda12 | cuda12   | stable       | 3.10        | 3.13      | verified | jax-index
jax        | 0.5     | 0.5.3  | 12.6 | cuda12 | cuda12   | stable       | 3.10        | 3.13      | verified | jax-index
jax        | 0.4     | 0.4.38 | 12.6 | cuda12 | cuda12   | stable       | 3.10        | 3.13      | verified | jax-index
"""  # noqa: E501 - a row is a line
