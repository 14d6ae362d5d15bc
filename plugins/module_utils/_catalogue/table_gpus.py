# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs by PCI device id: capability, kernel module flavours, first drivers, whether the board has a fabric.

``drivers`` starts with the first driver that knows the product; the others are first releases in later branches that
began without it. It is no list of refusals: a branch that is not named and newer than the first one has it.
``fabric`` is C(switch) where the product sits on boards with NVSwitches as well as without, C(always) where its
NVSwitches are not on the PCI bus. Products that only pci.ids names have the first driver of
their chip. ``class`` decides on forward compatibility packages, which are for C(datacenter).
"""

from __future__ import annotations

TABLE = """
id | product | capability | modules | drivers | fabric | class | status | source
1023 | Tesla K40m | 3.5 | proprietary | 352.39 |  | datacenter | memory | memory
102d | Tesla K80 | 3.7 | proprietary | 352.39 |  | datacenter | memory | memory
13bd | Tesla M10 | 5.0 | proprietary | 352.39 |  | datacenter | memory | memory
13c0 | GeForce GTX 980 | 5.2 | proprietary | 352.39 |  | consumer | memory | memory
13c2 | GeForce GTX 970 | 5.2 | proprietary | 352.39 |  | consumer | memory | memory
13f2 | Tesla M60 | 5.2 | proprietary | 352.39 |  | datacenter | memory | memory
13f3 | Tesla M6 | 5.2 | proprietary | 352.39 |  | datacenter | memory | memory
15f0 | Quadro GP100 | 6.0 | proprietary | 375.26 |  | pro | secondary | pci-ids
15f7 | Tesla P100-PCIE-12GB | 6.0 | proprietary | 375.26 |  | datacenter | memory | memory
15f8 | Tesla P100-PCIE-16GB | 6.0 | proprietary | 375.26 |  | datacenter | memory | memory
15f9 | Tesla P100-SXM2-16GB | 6.0 | proprietary | 375.26 |  | datacenter | memory | memory
15fc | Tesla P100-DGXS-16GB | 6.0 | proprietary | 375.26 |  | datacenter | secondary | pci-ids
17c8 | GeForce GTX 980 Ti | 5.2 | proprietary | 352.39 |  | consumer | memory | memory
17fd | Tesla M40 | 5.2 | proprietary | 352.39 |  | datacenter | memory | memory
1b00 | TITAN X (Pascal) | 6.1 | proprietary | 375.26 |  | consumer | memory | memory
1b02 | TITAN Xp | 6.1 | proprietary | 375.26 |  | consumer | memory | memory
1b06 | GeForce GTX 1080 Ti | 6.1 | proprietary | 375.26 |  | consumer | memory | memory
1b38 | Tesla P40 | 6.1 | proprietary | 375.26 |  | datacenter | memory | memory
1b80 | GeForce GTX 1080 | 6.1 | proprietary | 375.26 |  | consumer | memory | memory
1b81 | GeForce GTX 1070 | 6.1 | proprietary | 375.26 |  | consumer | memory | memory
1b82 | GeForce GTX 1070 Ti | 6.1 | proprietary | 375.26 |  | consumer | memory | memory
1bb3 | Tesla P4 | 6.1 | proprietary | 375.26 |  | datacenter | memory | memory
1bb4 | Tesla P6 | 6.1 | proprietary | 375.26 |  | datacenter | memory | memory
1c03 | GeForce GTX 1060 6GB | 6.1 | proprietary | 375.26 |  | consumer | memory | memory
1c82 | GeForce GTX 1050 Ti | 6.1 | proprietary | 375.26 |  | consumer | memory | memory
1d81 | TITAN V | 7.0 | proprietary | 384.81 |  | consumer | memory | memory
1db1 | Tesla V100-SXM2-16GB | 7.0 | proprietary | 384.81 |  | datacenter | memory | memory
1db3 | Tesla V100-FHHL-16GB | 7.0 | proprietary | 384.81 |  | datacenter | memory | memory
1db4 | Tesla V100-PCIE-16GB | 7.0 | proprietary | 384.81 |  | datacenter | memory | memory
1db5 | Tesla V100-SXM2-32GB | 7.0 | proprietary | 384.81 |  | datacenter | memory | memory
1db6 | Tesla V100-PCIE-32GB | 7.0 | proprietary | 384.81 |  | datacenter | memory | memory
1db8 | Tesla V100-SXM3-32GB | 7.0 | proprietary | 384.81 | switch | datacenter | memory | memory
1dba | Quadro GV100 | 7.0 | proprietary | 384.81 |  | pro | memory | memory
1df6 | Tesla V100S-PCIE-32GB | 7.0 | proprietary | 384.81 |  | datacenter | memory | memory
1e02 | TITAN RTX | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e04 | GeForce RTX 2080 Ti | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e07 | GeForce RTX 2080 Ti | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e09 | CMP 50HX | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e30 | Quadro RTX 6000, Quadro RTX 8000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1e36 | Quadro RTX 6000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1e78 | Quadro RTX 6000, Quadro RTX 8000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1e81 | GeForce RTX 2080 SUPER | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e82 | GeForce RTX 2080 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e84 | GeForce RTX 2070 SUPER | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e87 | GeForce RTX 2080 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e89 | GeForce RTX 2060 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e90 | GeForce RTX 2080 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e91 | GeForce RTX 2070 Super | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1e93 | GeForce RTX 2080 Super | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1eb0 | Quadro RTX 5000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1eb1 | Quadro RTX 4000, EIZO Quadro MED-XN92 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1eb5 | Quadro RTX 5000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1eb6 | Quadro RTX 4000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1eb8 | T4 | 7.5 | both | 410.48 |  | datacenter | derived | cuda-matrix
1ec2 | GeForce RTX 2070 SUPER | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1ec7 | GeForce RTX 2070 SUPER | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1ed0 | GeForce RTX 2080 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1ed1 | GeForce RTX 2070 Super | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1ed3 | GeForce RTX 2080 Super | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1ef5 | Quadro RTX 5000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1f02 | GeForce RTX 2070 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f03 | GeForce RTX 2060 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f06 | GeForce RTX 2060 SUPER | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f07 | GeForce RTX 2070 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f08 | GeForce RTX 2060 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f0a | GeForce GTX 1650 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f0b | CMP 40HX | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f10 | GeForce RTX 2070 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f11 | GeForce RTX 2060 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f12 | GeForce RTX 2060 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f14 | GeForce RTX 2070 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f15 | GeForce RTX 2060 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f36 | Quadro RTX 3000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1f42 | GeForce RTX 2060 SUPER | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f47 | GeForce RTX 2060 SUPER | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f50 | GeForce RTX 2070 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f51 | GeForce RTX 2060 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f54 | GeForce RTX 2070 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f55 | GeForce RTX 2060 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f76 | Matrox D-Series D2450, Matrox D-Series D2480, Quadro RTX 3000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1f82 | GeForce GTX 1650 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f83 | GeForce GTX 1630 | 7.5 | both | 515.57 |  | consumer | verified | open-git
1f91 | GeForce GTX 1650 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f95 | GeForce GTX 1650 Ti | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f96 | GeForce GTX 1650 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f97 | GeForce MX450 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f98 | GeForce MX450 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f99 | GeForce GTX 1650 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f9c | GeForce MX450 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f9d | GeForce GTX 1650 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1f9f | GeForce MX550 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1fa0 | GeForce MX550 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1fb0 | DGX Display, T1000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fb1 | T600 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fb2 | T400 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fb6 | T600 Laptop GPU | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fb7 | T550 Laptop GPU | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fb8 | Quadro T2000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fb9 | Quadro T1000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fba | T600 Laptop GPU | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fbb | T500 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fbc | T1200 Laptop GPU | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1fdd | GeForce GTX 1650 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
1ff0 | T1000 8GB | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1ff2 | T400 4GB, T400E | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
1ff9 | Quadro T1000 | 7.5 | both | 410.48 |  | pro | derived | cuda-matrix
20b0 | A100-PG509-200, A100-SXM4-40GB | 8.0 | both | 450.36.06 | switch | datacenter | derived | cuda-matrix
20b2 | A100-SXM4-80GB, PG509-210 | 8.0 | both | 450.36.06 | switch | datacenter | derived | cuda-matrix
20b3 | PG506-242, PG506-243, A100-SXM-64GB | 8.0 | both | 450.36.06 | switch | datacenter | derived | cuda-matrix
20b5 | A100 80GB PCIe | 8.0 | both | 450.36.06 |  | datacenter | derived | cuda-matrix
20b6 | PG506-232 | 8.0 | both | 450.36.06 |  | datacenter | derived | cuda-matrix
20b7 | A30 | 8.0 | both | 450.36.06 |  | datacenter | derived | cuda-matrix
20bd | A800-SXM4-40GB | 8.0 | both | 535.104.05 | switch | datacenter | verified | open-git
20f1 | A100-PCIE-40GB | 8.0 | both | 450.36.06 |  | datacenter | derived | cuda-matrix
20f3 | A800-SXM4-80GB | 8.0 | both | 515.86.01 | switch | datacenter | verified | open-git
20f5 | A800 80GB PCIe, A800 80GB PCIe LC | 8.0 | both | 515.86.01 |  | datacenter | verified | open-git
20f6 | A800 40GB PCIe, A800 40GB Active | 8.0 | both | 515.86.01 |  | datacenter | verified | open-git
20fd | AX800 | 8.0 | both | 535.154.05 |  | datacenter | verified | open-git
2182 | GeForce GTX 1660 Ti | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
2184 | GeForce GTX 1660 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
2187 | GeForce GTX 1650 SUPER | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
2188 | GeForce GTX 1650 | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
2189 | CMP 30HX | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
2191 | GeForce GTX 1660 Ti | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
2192 | GeForce GTX 1650 Ti | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
21c4 | GeForce GTX 1660 SUPER | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
21d1 | GeForce GTX 1660 Ti | 7.5 | both | 410.48 |  | consumer | derived | cuda-matrix
2203 | GeForce RTX 3090 Ti | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2204 | GeForce RTX 3090 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2206 | GeForce RTX 3080 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2207 | GeForce RTX 3070 Ti | 8.6 | both | 515.86.01 |  | consumer | verified | open-git
2208 | GeForce RTX 3080 Ti | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
220a | GeForce RTX 3080 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
220d | CMP 90HX | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2216 | GeForce RTX 3080 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2230 | RTX A6000 | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
2231 | RTX A5000 | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
2232 | RTX A4500 | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
2233 | RTX A5500 | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
2235 | A40 | 8.6 | both | 455.23.05 |  | datacenter | derived | cuda-matrix
2236 | A10 | 8.6 | both | 455.23.05 |  | datacenter | derived | cuda-matrix
2237 | A10G | 8.6 | both | 455.23.05 |  | datacenter | derived | cuda-matrix
2238 | A10M | 8.6 | both | 455.23.05 |  | datacenter | derived | cuda-matrix
230e | H20 NVL16 | 9.0 | both | 580.82.07 | switch | datacenter | verified | open-git
2321 | H100 NVL | 9.0 | both | 535.104.05 |  | datacenter | verified | open-git
2322 | H800 PCIe | 9.0 | both | 525.105.17 530.41.03 |  | datacenter | verified | open-git
2324 | H800 | 9.0 | both | 525.105.17 530.41.03 | switch | datacenter | verified | open-git
2329 | H20 | 9.0 | both | 535.161.07 | switch | datacenter | verified | open-git
232c | H20-3e | 9.0 | both | 535.216.03 550.127.08 565.77 | switch | datacenter | verified | open-git
2330 | H100 80GB HBM3 | 9.0 | both | 525.85.05 | switch | datacenter | verified | open-git
2331 | H100 PCIe | 9.0 | both | 520.56.06 |  | datacenter | verified | open-git
2335 | H200 | 9.0 | both | 550.90.07 555.42.06 | switch | datacenter | verified | open-git
2336 | H100 80GB HBM2e | 9.0 | both | 525.85.05 |  | datacenter | verified | open-git
2339 | H100 | 9.0 | both | 525.105.17 530.41.03 |  | datacenter | verified | open-git
233a | H800 NVL | 9.0 | both | 535.104.05 |  | datacenter | verified | open-git
233b | H200 NVL | 9.0 | both | 565.57.01 |  | datacenter | verified | open-git
2342 | GH200 120GB, GH200 480GB | 9.0 | open | 535.129.03 545.29.02 |  | datacenter | verified | open-git
2348 | GH200 144G HBM3e | 9.0 | open | 565.57.01 |  | datacenter | verified | open-git
2414 | GeForce RTX 3060 Ti | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2420 | GeForce RTX 3080 Ti Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2438 | RTX A5500 Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
2460 | GeForce RTX 3080 Ti Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2482 | GeForce RTX 3070 Ti | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2484 | GeForce RTX 3070 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2486 | GeForce RTX 3060 Ti | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2487 | GeForce RTX 3060 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2488 | GeForce RTX 3070 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2489 | GeForce RTX 3060 Ti | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
248a | CMP 70HX | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
249c | GeForce RTX 3060 Laptop GPU, GeForce RTX 3080 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
249d | GeForce RTX 3070 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
24a0 | GeForce RTX 3060 Laptop GPU, GeForce RTX 3070 Ti Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
24b0 | RTX A4000 | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
24b1 | RTX A4000H | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
24b6 | RTX A5000 Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
24b7 | RTX A4000 Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
24b8 | RTX A3000 Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
24b9 | RTX A3000 12GB Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
24ba | RTX A4500 Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
24bb | RTX A3000 12GB Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
24c7 | GeForce RTX 3060 | 8.6 | both | 525.116.03 |  | consumer | verified | open-git
24c9 | GeForce RTX 3060 Ti | 8.6 | both | 515.86.01 |  | consumer | verified | open-git
24dc | GeForce RTX 3080 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
24dd | GeForce RTX 3070 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
24e0 | GeForce RTX 3070 Ti Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
24fa | RTX A4500 Embedded GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
2503 | GeForce RTX 3060 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2504 | GeForce RTX 3060 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2507 | GeForce RTX 3050 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2508 | GeForce RTX 3050 OEM | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2520 | GeForce RTX 3060 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2521 | GeForce RTX 3060 Laptop GPU | 8.6 | both | 515.65.07 |  | consumer | verified | open-git
2523 | GeForce RTX 3050 Ti Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2531 | RTX A2000 | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
2544 | GeForce RTX 3060 | 8.6 | both | 515.86.01 |  | consumer | verified | open-git
2560 | GeForce RTX 3060 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2563 | GeForce RTX 3050 Ti Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
2571 | RTX A2000 12GB | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
2582 | GeForce RTX 3050 | 8.6 | both | 515.105.01 525.78.01 |  | consumer | verified | open-git
2584 | GeForce RTX 3050 | 8.6 | both | 535.161.07 |  | consumer | verified | open-git
25a0 | GeForce RTX 3050 Ti Laptop GPU, GeForce RTX 3060 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25a2 | GeForce RTX 3050 Laptop GPU, GeForce RTX 3050 Ti Laptop GPU, GeForce RTX 3060 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25a5 | GeForce RTX 3050 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25a6 | GeForce MX570 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25a7 | GeForce RTX 2050 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25a9 | GeForce RTX 2050 | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25aa | GeForce MX570 A | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25ab | GeForce RTX 3050 4GB Laptop GPU | 8.6 | both | 515.105.01 525.85.12 |  | consumer | verified | open-git
25ac | GeForce RTX 3050 6GB Laptop GPU | 8.6 | both | 515.105.01 525.85.12 |  | consumer | verified | open-git
25ad | GeForce RTX 2050 | 8.6 | both | 515.105.01 525.85.05 |  | consumer | verified | open-git
25b0 | RTX A1000 | 8.6 | both | 550.76 |  | pro | verified | open-git
25b2 | RTX A400 | 8.6 | both | 550.76 |  | pro | verified | open-git
25b6 | A16, A2 | 8.6 | both | 455.23.05 |  | datacenter | derived | cuda-matrix
25b8 | RTX A2000 Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
25b9 | RTX A1000 Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
25ba | RTX A2000 8GB Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
25bb | RTX A500 Laptop GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
25bc | RTX A1000 6GB Laptop GPU | 8.6 | both | 525.116.03 |  | pro | verified | open-git
25bd | RTX A500 Laptop GPU | 8.6 | both | 525.116.03 |  | pro | verified | open-git
25e0 | GeForce RTX 3050 Ti Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25e2 | GeForce RTX 3050 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25e5 | GeForce RTX 3050 Laptop GPU | 8.6 | both | 455.23.05 |  | consumer | derived | cuda-matrix
25ec | GeForce RTX 3050 6GB Laptop GPU | 8.6 | both | 515.105.01 525.85.12 |  | consumer | verified | open-git
25ed | GeForce RTX 2050 | 8.6 | both | 515.105.01 525.85.05 |  | consumer | verified | open-git
25f9 | RTX A1000 Embedded GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
25fa | RTX A2000 Embedded GPU | 8.6 | both | 455.23.05 |  | pro | derived | cuda-matrix
25fb | RTX A500 Embedded GPU | 8.6 | both | 515.105.01 525.60.11 |  | pro | verified | open-git
2684 | GeForce RTX 4090 | 8.9 | both | 525.78.01 |  | consumer | verified | open-git
2685 | GeForce RTX 4090 D | 8.9 | both | 535.154.05 |  | consumer | verified | open-git
2689 | GeForce RTX 4070 Ti SUPER | 8.9 | both | 555.42.02 |  | consumer | verified | open-git
26b1 | RTX 6000 Ada Generation | 8.9 | both | 525.78.01 |  | pro | verified | open-git
26b2 | RTX 5000 Ada Generation | 8.9 | both | 535.98 |  | pro | verified | open-git
26b3 | RTX 5880 Ada Generation | 8.9 | both | 535.146.02 |  | pro | verified | open-git
26b5 | L40 | 8.9 | both | 525.78.01 |  | datacenter | verified | open-git
26b9 | L40S | 8.9 | both | 535.104.05 |  | datacenter | verified | open-git
26ba | L20 | 8.9 | both | 535.154.05 |  | datacenter | verified | open-git
2702 | GeForce RTX 4080 SUPER | 8.9 | both | 550.54.14 |  | consumer | verified | open-git
2704 | GeForce RTX 4080 | 8.9 | both | 525.78.01 |  | consumer | verified | open-git
2705 | GeForce RTX 4070 Ti SUPER | 8.9 | both | 550.54.14 |  | consumer | verified | open-git
2709 | GeForce RTX 4070 | 8.9 | both | 550.67 |  | consumer | verified | open-git
2717 | GeForce RTX 4090 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
2730 | RTX 5000 Ada Generation Laptop GPU | 8.9 | both | 525.116.03 |  | pro | verified | open-git
2757 | GeForce RTX 4090 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
2770 | RTX 5000 Ada Generation Embedded GPU | 8.9 | both | 525.147.05 535.104.05 |  | pro | verified | open-git
2782 | GeForce RTX 4070 Ti | 8.9 | both | 525.78.01 |  | consumer | verified | open-git
2783 | GeForce RTX 4070 SUPER | 8.9 | both | 550.54.14 |  | consumer | verified | open-git
2786 | GeForce RTX 4070 | 8.9 | both | 525.116.03 |  | consumer | verified | open-git
2788 | GeForce RTX 4060 Ti | 8.9 | both | 550.67 |  | consumer | verified | open-git
27a0 | GeForce RTX 4080 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
27b0 | RTX 4000 SFF Ada Generation | 8.9 | both | 525.105.17 530.41.03 |  | pro | verified | open-git
27b1 | RTX 4500 Ada Generation | 8.9 | both | 535.104.12 |  | pro | verified | open-git
27b2 | RTX 4000 Ada Generation | 8.9 | both | 535.98 |  | pro | verified | open-git
27b6 | L2 | 8.9 | both | 535.154.05 |  | datacenter | verified | open-git
27b8 | L4 | 8.9 | both | 525.105.17 530.41.03 |  | datacenter | verified | open-git
27ba | RTX 4000 Ada Generation Laptop GPU | 8.9 | both | 525.116.03 |  | pro | verified | open-git
27bb | RTX 3500 Ada Generation Laptop GPU | 8.9 | both | 525.116.03 |  | pro | verified | open-git
27e0 | GeForce RTX 4080 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
27fb | RTX 3500 Ada Generation Embedded GPU | 8.9 | both | 535.104.05 |  | pro | verified | open-git
2803 | GeForce RTX 4060 Ti | 8.9 | both | 525.125.06 |  | consumer | verified | open-git
2805 | GeForce RTX 4060 Ti | 8.9 | both | 525.147.05 535.86.05 |  | consumer | verified | open-git
2808 | GeForce RTX 4060 | 8.9 | both | 550.67 |  | consumer | verified | open-git
2820 | GeForce RTX 4070 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
2822 | GeForce RTX 3050 A Laptop GPU | 8.9 | both | 550.90.12 |  | consumer | verified | open-git
2838 | RTX 3000 Ada Generation Laptop GPU | 8.9 | both | 525.116.03 |  | pro | verified | open-git
2860 | GeForce RTX 4070 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
2882 | GeForce RTX 4060 | 8.9 | both | 525.147.05 535.86.05 |  | consumer | verified | open-git
28a0 | GeForce RTX 4060 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
28a1 | GeForce RTX 4050 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
28a3 | GeForce RTX 3050 A Laptop GPU | 8.9 | both | 550.142 |  | consumer | verified | open-git
28b0 | RTX 2000 Ada Generation, RTX 2000E Ada Generation | 8.9 | both | 550.54.14 |  | pro | verified | open-git
28b8 | RTX 2000 Ada Generation Laptop GPU | 8.9 | both | 525.116.03 |  | pro | verified | open-git
28b9 | RTX 1000 Ada Generation Laptop GPU | 8.9 | both | 535.171.04 550.54.15 |  | pro | verified | open-git
28ba | RTX 500 Ada Generation Laptop GPU | 8.9 | both | 535.183.01 550.54.15 |  | pro | verified | open-git
28bb | RTX 500 Ada Generation Laptop GPU | 8.9 | both | 535.171.04 550.54.15 |  | pro | verified | open-git
28e0 | GeForce RTX 4060 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
28e1 | GeForce RTX 4050 Laptop GPU | 8.9 | both | 525.89.02 |  | consumer | verified | open-git
28e3 | GeForce RTX 3050 A Laptop GPU | 8.9 | both | 550.163.01 570.124.04 |  | consumer | verified | open-git
28f8 | RTX 2000 Ada Generation Embedded GPU | 8.9 | both | 525.147.05 535.104.05 |  | pro | verified | open-git
2901 | B200 | 10.0 | open | 570.133.20 | always | datacenter | verified | cloud-native
2909 | HGX B200 168GB | 10.0 | open | 570.133.20 | always | datacenter | secondary | pci-ids
2920 | B100 | 10.0 | open | 570.133.20 | always | datacenter | secondary | pci-ids
2941 | HGX GB200, GB200 | 10.0 | open | 570.133.20 | switch | datacenter | verified | open-git
29bb | DRIVE P2021 | 10.0 | open | 580.82.07 |  | pro | verified | open-git
29bc | B100 | 10.0 | open | 570.133.20 | always | datacenter | secondary | pci-ids
2b85 | GeForce RTX 5090 | 12.0 | open | 570.86.16 |  | consumer | verified | open-git
2b87 | GeForce RTX 5090 D | 12.0 | open | 570.86.16 |  | consumer | verified | open-git
2b8c | GeForce RTX 5090 D V2 | 12.0 | open | 580.76.05 |  | consumer | verified | open-git
2bb1 | RTX PRO 6000 Blackwell Workstation Edition | 12.0 | open | 570.133.07 |  | pro | verified | open-git
2bb2 | RTX PRO 6000D Blackwell Workstation Edition | 12.0 | open | 580.95.05 |  | pro | verified | open-git
2bb3 | RTX PRO 5000 Blackwell, RTX PRO 5000 72GB Blackwell | 12.0 | open | 570.153.02 575.57.08 |  | pro | verified | open-git
2bb4 | RTX PRO 6000 Blackwell Max-Q Workstation Edition | 12.0 | open | 570.133.07 |  | pro | verified | open-git
2bb5 | RTX PRO 6000 Blackwell Server Edition | 12.0 | open | 575.57.08 |  | pro | verified | open-git
2bb9 | RTX 6000D | 12.0 | open | 580.82.07 |  | pro | verified | open-git
2bbc | RTX PRO 6000D Blackwell Max-Q Workstation Edition | 12.0 | open | 580.95.05 |  | pro | verified | open-git
2c02 | GeForce RTX 5080 | 12.0 | open | 570.86.16 |  | consumer | verified | open-git
2c05 | GeForce RTX 5070 Ti | 12.0 | open | 570.124.04 |  | consumer | verified | open-git
2c18 | GeForce RTX 5090 Laptop GPU | 12.0 | open | 570.133.07 |  | consumer | verified | open-git
2c19 | GeForce RTX 5080 Laptop GPU | 12.0 | open | 570.133.07 |  | consumer | verified | open-git
2c31 | RTX PRO 4500 Blackwell | 12.0 | open | 570.169 575.64 |  | pro | verified | open-git
2c33 | RTX PRO 4000 Blackwell SFF Edition | 12.0 | open | 570.190 580.76.05 |  | pro | verified | open-git
2c34 | RTX PRO 4000 Blackwell | 12.0 | open | 570.169 575.64 |  | pro | verified | open-git
2c38 | RTX PRO 5000 Blackwell Generation Laptop GPU | 12.0 | open | 570.158.01 575.64 |  | pro | verified | open-git
2c39 | RTX PRO 4000 Blackwell Generation Laptop GPU | 12.0 | open | 570.158.01 575.64 |  | pro | verified | open-git
2c3a | RTX PRO 4500 Blackwell Server Edition | 12.0 | open | 580.142 |  | pro | verified | open-git
2c58 | GeForce RTX 5090 Laptop GPU | 12.0 | open | 570.133.07 |  | consumer | verified | open-git
2c59 | GeForce RTX 5080 Laptop GPU | 12.0 | open | 570.133.07 |  | consumer | verified | open-git
2c77 | RTX PRO 5000 Blackwell Embedded GPU | 12.0 | open | 580.105.08 |  | pro | verified | open-git
2c79 | RTX PRO 4000 Blackwell Embedded GPU | 12.0 | open | 570.207 580.105.08 |  | pro | verified | open-git
2d04 | GeForce RTX 5060 Ti | 12.0 | open | 570.148.08 |  | consumer | verified | open-git
2d05 | GeForce RTX 5060 | 12.0 | open | 570.158.01 575.57.08 |  | consumer | verified | open-git
2d18 | GeForce RTX 5070 Laptop GPU | 12.0 | open | 570.153.02 575.57.08 |  | consumer | verified | open-git
2d19 | GeForce RTX 5060 Laptop GPU | 12.0 | open | 570.158.01 575.57.08 |  | consumer | verified | open-git
2d30 | RTX PRO 2000 Blackwell | 12.0 | open | 570.190 580.76.05 |  | pro | verified | open-git
2d39 | RTX PRO 2000 Blackwell Generation Laptop GPU | 12.0 | open | 570.158.01 575.64 |  | pro | verified | open-git
2d58 | GeForce RTX 5070 Laptop GPU | 12.0 | open | 570.153.02 575.57.08 |  | consumer | verified | open-git
2d59 | GeForce RTX 5060 Laptop GPU | 12.0 | open | 570.158.01 575.57.08 |  | consumer | verified | open-git
2d79 | RTX PRO 2000 Blackwell Embedded GPU | 12.0 | open | 570.207 580.105.08 |  | pro | verified | open-git
2d83 | GeForce RTX 5050 | 12.0 | open | 575.64.03 |  | consumer | verified | open-git
2d98 | GeForce RTX 5050 Laptop GPU | 12.0 | open | 570.172.08 575.64.03 |  | consumer | verified | open-git
2db8 | RTX PRO 1000 Blackwell Generation Laptop GPU | 12.0 | open | 570.158.01 575.64 |  | pro | verified | open-git
2db9 | RTX PRO 500 Blackwell Generation Laptop GPU | 12.0 | open | 570.158.01 575.64 |  | pro | verified | open-git
2dd8 | GeForce RTX 5050 Laptop GPU | 12.0 | open | 570.172.08 575.64.03 |  | consumer | verified | open-git
2df9 | RTX PRO 500 Blackwell Embedded GPU | 12.0 | open | 570.207 580.105.08 |  | pro | verified | open-git
2e03 | RTX Spark N1X (6144 cores) | 12.1 | open | 580.119.02 |  | pro | secondary | pci-ids
2e06 | RTX Spark N1X (5120 cores) | 12.1 | open | 580.119.02 |  | pro | secondary | pci-ids
2e12 | GB10 | 12.1 | open | 580.119.02 590.48.01 |  | pro | verified | open-git
2f04 | GeForce RTX 5070 | 12.0 | open | 570.133.07 |  | consumer | verified | open-git
2f06 | GeForce RTX 5060 | 12.0 | open | 570.158.01 |  | consumer | secondary | pci-ids
2f18 | GeForce RTX 5070 Ti Laptop GPU | 12.0 | open | 570.133.07 |  | consumer | verified | open-git
2f38 | RTX PRO 3000 Blackwell Generation Laptop GPU | 12.0 | open | 570.158.01 575.64 |  | pro | verified | open-git
2f58 | GeForce RTX 5070 Ti Laptop GPU | 12.0 | open | 570.133.07 |  | consumer | verified | open-git
3000 | Rubin GR100 | 10.7 | open | 615 | always | datacenter | secondary | pci-ids
3021 | Rubin GR100 (PCIe) | 10.7 | open | 615 |  | datacenter | secondary | pci-ids
3040 | Rubin GR100 | 10.7 | open | 615 | always | datacenter | secondary | pci-ids
3182 | B300 SXM6 AC | 10.3 | open | 580.82.07 | always | datacenter | verified | open-git
31a1 | GB300 MaxQ | 10.3 | open | 580.82.07 | switch | datacenter | secondary | pci-ids
31c2 | GB300 | 10.3 | open | 580.82.07 | switch | datacenter | verified | open-git
31c3 | GB300 | 10.3 | open | 580.82.07 | switch | datacenter | secondary | pci-ids
"""  # noqa: E501 - a row is a line, also where products share an id
