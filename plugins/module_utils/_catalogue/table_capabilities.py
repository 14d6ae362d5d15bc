# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compute capabilities: the toolkits that compile for them, the last driver branch, the kernel module flavour.

Empty ends are open. Grace Hopper is 9.0 and open only: products say so themselves. For 9.0 sources disagree between
11.8 and 12.0; nvcc of 11.8 compiles for it.
"""

from __future__ import annotations

TABLE = """
capability | architecture    | first_cuda | last_cuda | last_branch | modules     | status    | source
2.0        | Fermi           | 3.0        | 8.0       | 390         | proprietary | memory    | memory
2.1        | Fermi           | 3.2        | 8.0       | 390         | proprietary | memory    | memory
3.0        | Kepler          | 4.2        | 10.2      | 470         | proprietary | memory    | memory
3.5        | Kepler          | 5.0        | 11.8      | 470         | proprietary | verified  | cuda-matrix
3.7        | Kepler          | 6.5        | 11.8      | 470         | proprietary | verified  | cuda-matrix
5.0        | Maxwell         | 6.0        | 12.9      | 580         | proprietary | verified  | cuda-matrix
5.2        | Maxwell         | 6.5        | 12.9      | 580         | proprietary | verified  | cuda-matrix
5.3        | Maxwell         | 6.5        | 12.9      | 580         | proprietary | verified  | cuda-matrix
6.0        | Pascal          | 8.0        | 12.9      | 580         | proprietary | verified  | cuda-matrix
6.1        | Pascal          | 8.0        | 12.9      | 580         | proprietary | verified  | cuda-matrix
7.0        | Volta           | 9.0        | 12.9      | 580         | proprietary | verified  | cuda-matrix
7.2        | Volta           | 9.0        |           |             | both        | verified  | cuda-matrix
7.5        | Turing          | 10.0       |           |             | both        | verified  | cuda-matrix
8.0        | Ampere          | 11.0       |           |             | both        | verified  | cuda-matrix
8.6        | Ampere          | 11.1       |           |             | both        | verified  | cuda-matrix
8.7        | Ampere          | 11.4       |           |             | both        | verified  | cuda-matrix
8.9        | Ada             | 11.8       |           |             | both        | verified  | cuda-matrix
9.0        | Hopper          | 11.8       |           |             | both        | verified  | cuda-matrix
10.0       | Blackwell       | 12.8       |           |             | open        | verified  | cuda-matrix
10.3       | Blackwell Ultra | 12.9       |           |             | open        | verified  | cuda-matrix
10.7       | Rubin           | 13.4       |           |             | open        | secondary | cutlass-notes
11.0       | Blackwell       | 13.0       |           |             | open        | verified  | cuda-matrix
12.0       | Blackwell       | 12.8       |           |             | open        | verified  | cuda-matrix
12.1       | Blackwell       | 12.9       |           |             | open        | verified  | cuda-matrix
"""
