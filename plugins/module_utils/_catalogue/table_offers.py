# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where NVIDIA's repositories begin: the oldest driver branch and the oldest CUDA of a directory.

What is empty is not known, or another archive of the distribution has it as well. For
Debian 13 and Ubuntu 24.04 no index was read.
"""

from __future__ import annotations

TABLE = """
folder            | first_branch | first_cuda | status   | source
rhel10/x86_64     | 580          | 13.0       | verified | container-el10
rhel10/sbsa       | 580          | 13.0       | verified | container-el10
debian13/x86_64   |              | 13.0       | memory   | memory
ubuntu2404/x86_64 |              | 12.5       | memory   | memory
ubuntu2404/sbsa   |              | 12.5       | memory   | memory
"""
