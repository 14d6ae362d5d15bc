# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families of GPUs by ranges of PCI device ids, for products that the table of GPUs does not name.

NVIDIA publishes no such ranges. They are drawn around the ids that pci.ids names with their chips, and reach on to
where the next family begins: every answer from here is unverified. No range lies in another.
"""

from __future__ import annotations

TABLE = """
id_from | id_to | architecture    | capability | status    | source
06c0    | 06df  | Fermi           | 2.0        | secondary | pci-ids
0d00    | 0fbf  | Fermi           | 2.1        | secondary | pci-ids
0fc0    | 0fff  | Kepler          | 3.0        | secondary | pci-ids
1000    | 102a  | Kepler          | 3.5        | secondary | pci-ids
102b    | 102d  | Kepler          | 3.7        | secondary | pci-ids
102e    | 103f  | Kepler          | 3.5        | secondary | pci-ids
1040    | 107f  | Fermi           | 2.1        | secondary | pci-ids
1080    | 10bf  | Fermi           | 2.0        | secondary | pci-ids
1100    | 117f  | Fermi           | 2.1        | secondary | pci-ids
1180    | 11ff  | Kepler          | 3.0        | secondary | pci-ids
1200    | 127f  | Fermi           | 2.1        | secondary | pci-ids
1280    | 133f  | Kepler          | 3.5        | secondary | pci-ids
1340    | 139f  | Maxwell         | 5.0        | secondary | pci-ids
13a0    | 13af  | Maxwell         | 5.2        | secondary | pci-ids
13b0    | 13bd  | Maxwell         | 5.0        | secondary | pci-ids
13be    | 14ff  | Maxwell         | 5.2        | secondary | pci-ids
1500    | 15ff  | Pascal          | 6.0        | secondary | pci-ids
1600    | 16ff  | Maxwell         | 5.2        | secondary | pci-ids
1700    | 173f  | Pascal          | 6.0        | secondary | pci-ids
1740    | 17bf  | Maxwell         | 5.0        | secondary | pci-ids
17c0    | 17ff  | Maxwell         | 5.2        | secondary | pci-ids
1b00    | 1d7f  | Pascal          | 6.1        | secondary | pci-ids
1d80    | 1dff  | Volta           | 7.0        | secondary | pci-ids
1e00    | 1fff  | Turing          | 7.5        | secondary | pci-ids
2000    | 20ff  | Ampere          | 8.0        | secondary | pci-ids
2100    | 21ff  | Turing          | 7.5        | secondary | pci-ids
2200    | 22ff  | Ampere          | 8.6        | secondary | pci-ids
2300    | 23ff  | Hopper          | 9.0        | secondary | pci-ids
2400    | 25ff  | Ampere          | 8.6        | secondary | pci-ids
2600    | 28ff  | Ada             | 8.9        | secondary | pci-ids
2900    | 29ff  | Blackwell       | 10.0       | secondary | pci-ids
2b00    | 2b7f  | Blackwell       | 11.0       | secondary | pci-ids
2b80    | 2dff  | Blackwell       | 12.0       | secondary | pci-ids
2e00    | 2eff  | Blackwell       | 12.1       | secondary | pci-ids
2f00    | 2fff  | Blackwell       | 12.0       | secondary | pci-ids
3000    | 30ff  | Rubin           | 10.7       | secondary | pci-ids
3100    | 32ff  | Blackwell Ultra | 10.3       | secondary | pci-ids
"""
