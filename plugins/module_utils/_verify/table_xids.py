# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the codes (Xid) of the NVIDIA driver in the kernel's log mean: code, severity, meaning, next step.

Sources: NVIDIA's Xid catalog as carried by leptonai/gpud at 4a8de33 (2025-10-29), with the symbols of
NVIDIA/open-gpu-kernel-modules at df1c9a3 (``nverror.h``). Codes of which only the name is known are left out: they are
told without a meaning.
"""

from __future__ import annotations

TABLE = """
8 | warning | channel stayed idle, GPU stopped work | restart
11 | warning | command stream names missing hardware, invalid or damaged | restart
13 | warning | graphics or SM exception, mostly an out-of-bounds access of the program | restart
14 | info | test error, not real | none
25 | warning | command stream illegal | restart
31 | warning | MMU fault: program touched an illegal GPU address | restart
32 | warning | DMA engine read a bad command stream (PBDMA), often bus quality | restart
37 | warning | firmware of the front end got an unknown command | none
38 | warning | firmware watchdog of the front end ran out | none
39 | warning | copy engine 0 exception | restart
40 | warning | copy engine 1 exception | restart
41 | warning | copy engine 2 exception | restart
43 | info | channel reset after an error of the program, GPU stays healthy | none
44 | warning | graphics fault while switching context | none
45 | info | cleanup of channels after an earlier error or abort | fabric
46 | fatal | GPU stopped processing (timeout) | reset
48 | fatal | uncorrectable (double-bit) ECC error | reset
54 | warning | auxiliary power cable not connected | seating
60 | warning | security or video processor exception (SEC2) | restart
62 | fatal | micro-controller (PMU) halted | reset
63 | info | row remapping or page retirement recorded | none
64 | fatal | row remapping or page retirement could not be recorded | reset
66 | warning | driver touched a forbidden register | none
67 | warning | driver broke a firmware rule | none
68 | warning | video decoder 0 exception | restart
69 | warning | graphics engine class error | restart
70 | warning | copy engine 3 exception | restart
71 | warning | copy engine 4 exception | restart
72 | warning | copy engine 5 exception | restart
74 | fatal | NVLink error (up to NVLink 4) | reset
75 | warning | copy engine 6 exception | restart
76 | warning | copy engine 7 exception | restart
77 | warning | copy engine 8 exception | restart
78 | warning | vGPU could not start | update
79 | fatal | GPU fell off the bus | reboot
80 | warning | command data arrived damaged (CRC) | restart
82 | warning | JPEG decoder 0 exception | restart
83 | warning | video decoder 1 exception | restart
84 | warning | video decoder 2 exception | restart
85 | warning | copy engine 9 exception | restart
86 | warning | optical flow engine exception | restart
88 | warning | video decoder 3 exception | restart
89 | warning | video decoder 4 exception | restart
92 | info | many correctable ECC errors | none
93 | info | InfoROM write budget used up | none
94 | warning | uncorrectable memory error, contained to one program | restart
95 | fatal | uncorrectable memory error, not contained | reset
96 | warning | video decoder 5 exception | restart
97 | warning | video decoder 6 exception | restart
98 | warning | video decoder 7 exception | restart
99 | warning | JPEG decoder 1 exception | restart
100 | warning | JPEG decoder 2 exception | restart
101 | warning | JPEG decoder 3 exception | restart
102 | warning | JPEG decoder 4 exception | restart
103 | warning | JPEG decoder 5 exception | restart
104 | warning | JPEG decoder 6 exception | restart
105 | warning | JPEG decoder 7 exception | restart
106 | info | test message of the board controller | none
107 | info | test message of the board controller, silent | none
108 | info | remote NVLink address translation failed | none
109 | fatal | context switch timed out | reset
110 | fatal | security fault | reset
119 | fatal | GSP firmware did not answer (RPC timeout) | reset
120 | fatal | GSP firmware error | reset
121 | info | CPU-GPU chip link (C2C) had a corrected error | none
126 | warning | copy engine 10 exception | restart
127 | warning | copy engine 11 exception | restart
128 | warning | copy engine 12 exception | restart
129 | warning | copy engine 13 exception | restart
130 | warning | copy engine 14 exception | restart
131 | warning | copy engine 15 exception | restart
132 | warning | copy engine 16 exception | restart
133 | warning | copy engine 17 exception | restart
134 | warning | copy engine 18 exception | restart
135 | warning | copy engine 19 exception | restart
136 | fatal | NVLink training failed (ALI) | reset
137 | info | NVLink privilege error, access to a peer no longer allowed | none
139 | warning | optical flow engine 1 exception | restart
140 | fatal | uncorrectable ECC error found late by the driver | reset
141 | info | CUDA fast path error | none
142 | warning | video encoder 3 exception | replace
143 | fatal | GPU could not be initialised | reset
144 | warning | NVLink 5: error in unit SAW | reset
145 | warning | NVLink 5: error in unit RLW | reset
146 | warning | NVLink 5: error in unit TLW | reset
147 | info | NVLink 5: error in unit TREX | reset
148 | info | NVLink 5: error in unit NVLPW | reset
149 | fatal | NVLink 5: error in firmware unit NETIR, link down among them | reset
150 | fatal | NVLink 5: error in firmware unit MSE | reset
151 | fatal | confidential computing: key rotation failed | reboot
152 | info | accelerator SMMU error (Tegra) | none
153 | info | accelerator timeout (Tegra) | none
154 | info | driver changed its recommended recovery action | reset
155 | fatal | NVLink 5: error found by software, link down | reset
156 | warning | a resource (SM, memory part) was retired | reset
157 | info | a resource could not be retired | none
158 | fatal | GPU timed out fatally | reset
159 | warning | CHI (coherent bus) error without data | reset
160 | info | a memory channel was retired | none
161 | warning | a memory channel could not be retired | none
162 | info | power smoothing available again | none
163 | warning | power smoothing switched off by the driver | support
164 | info | power smoothing: little lifetime left | none
165 | warning | power smoothing: lifetime used up | replace
166 | warning | confidential computing: NVLink traffic before keys were set | reboot
167 | fatal | PCIe timed out fatally | reset
168 | warning | less GPU memory than usual (fault in a protected region) | support
169 | fatal | security micro-controller (SEC2) halted | reset
170 | warning | confidential computing: other secure NVLink interrupt | reboot
171 | info | detail to Xid 48: fault was in DRAM | none
172 | info | detail to Xid 48: fault was in SRAM | reset
"""
