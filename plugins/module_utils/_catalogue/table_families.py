# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""Families of GPUs by ranges of PCI device ids, for products that the table of GPUs does not name.

NVIDIA publishes no such ranges: they are how ids were given so far, so every answer from here is unverified.
"""

from __future__ import annotations

TABLE = """
id_from | id_to | architecture    | capability | status | source
0fc0    | 103f  | Kepler          | 3.5        | memory | memory
1180    | 12bf  | Kepler          | 3.5        | memory | memory
1340    | 13bf  | Maxwell         | 5.0        | memory | memory
13c0    | 17ff  | Maxwell         | 5.2        | memory | memory
15f0    | 15ff  | Pascal          | 6.0        | memory | memory
1b00    | 1d7f  | Pascal          | 6.1        | memory | memory
1d80    | 1dff  | Volta           | 7.0        | memory | memory
1e00    | 1fff  | Turing          | 7.5        | memory | memory
2080    | 20ff  | Ampere          | 8.0        | memory | memory
2180    | 21ff  | Turing          | 7.5        | memory | memory
2200    | 22ff  | Ampere          | 8.6        | memory | memory
2300    | 23ff  | Hopper          | 9.0        | memory | memory
2400    | 25ff  | Ampere          | 8.6        | memory | memory
2600    | 28ff  | Ada             | 8.9        | memory | memory
2900    | 29ff  | Blackwell       | 10.0       | memory | memory
2b80    | 2dff  | Blackwell       | 12.0       | memory | memory
2e00    | 2eff  | Blackwell       | 12.1       | memory | memory
2f00    | 2fff  | Blackwell       | 12.0       | memory | memory
3180    | 31ff  | Blackwell Ultra | 10.3       | memory | memory
"""
