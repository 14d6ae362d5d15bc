# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CUDA releases and the drivers they need on Linux.

``driver`` is what the toolkit itself asks for; ``minor_driver`` what its programs run with inside their major version
(minor-version compatibility: no PTX from newer toolkits, no new driver features). Neither has an upper end: drivers are
backward compatible. There was no CUDA 12.7.
"""

from __future__ import annotations

TABLE = """
version | driver     | minor_driver | status    | source
13.5.0  | 620        | 580.65.06    | secondary | cuda-index
13.4.3  | 615        | 580.65.06    | secondary | cuda-index
13.4.2  | 615        | 580.65.06    | secondary | cuda-notes-13.4
13.4.1  | 615        | 580.65.06    | secondary | cuda-notes-13.4
13.3.1  | 610.43.02  | 580.65.06    | secondary | cuda-notes-13.3
13.3.0  | 610.43.02  | 580.65.06    | verified  | spack-cuda
13.2.2  | 595.71.05  | 580.65.06    | verified  | cuda-notes-13.2
13.2.1  | 595.58.03  | 580.65.06    | verified  | cuda-notes-13.2
13.2.0  | 595.45.04  | 580.65.06    | verified  | cuda-notes-13.2
13.1.2  | 590.48.01  | 580.65.06    | secondary | runfile-list
13.1.1  | 590.48.01  | 580.65.06    | verified  | cuda-notes-13.2
13.1.0  | 590.44.01  | 580.65.06    | verified  | cuda-notes-13.2
13.0.3  | 580.126.20 | 580.65.06    | secondary | runfile-list
13.0.2  | 580.95.05  | 580.65.06    | verified  | cuda-notes-13.2
13.0.1  | 580.82.07  | 580.65.06    | verified  | cuda-notes-13.2
13.0.0  | 580.65.06  | 580.65.06    | verified  | cuda-notes-13.2
12.9.2  | 575.57.08  | 525.60.13    | secondary | runfile-list
12.9.1  | 575.57.08  | 525.60.13    | verified  | cuda-notes-13.2
12.9.0  | 575.51.03  | 525.60.13    | verified  | cuda-notes-13.2
12.8.2  | 570.211.01 | 525.60.13    | secondary | runfile-list
12.8.1  | 570.124.06 | 525.60.13    | verified  | cuda-notes-13.2
12.8.0  | 570.26     | 525.60.13    | verified  | cuda-notes-13.2
12.6.3  | 560.35.05  | 525.60.13    | verified  | cuda-notes-13.2
12.6.2  | 560.35.03  | 525.60.13    | verified  | cuda-notes-13.2
12.6.1  | 560.35.03  | 525.60.13    | verified  | cuda-notes-13.2
12.6.0  | 560.28.03  | 525.60.13    | verified  | cuda-notes-13.2
12.5.1  | 555.42.06  | 525.60.13    | verified  | cuda-notes-13.2
12.5.0  | 555.42.02  | 525.60.13    | verified  | cuda-notes-13.2
12.4.1  | 550.54.15  | 525.60.13    | verified  | cuda-notes-13.2
12.4.0  | 550.54.14  | 525.60.13    | verified  | cuda-notes-13.2
12.3.2  | 545.23.08  | 525.60.13    | secondary | runfile-list
12.3.1  | 545.23.08  | 525.60.13    | verified  | cuda-notes-13.2
12.3.0  | 545.23.06  | 525.60.13    | verified  | cuda-notes-13.2
12.2.2  | 535.104.05 | 525.60.13    | verified  | cuda-notes-13.2
12.2.1  | 535.86.09  | 525.60.13    | verified  | cuda-notes-13.2
12.2.0  | 535.54.03  | 525.60.13    | verified  | cuda-notes-13.2
12.1.1  | 530.30.02  | 525.60.13    | verified  | cuda-notes-13.2
12.1.0  | 530.30.02  | 525.60.13    | verified  | cuda-notes-13.2
12.0.1  | 525.85.12  | 525.60.13    | verified  | cuda-notes-13.2
12.0.0  | 525.60.13  | 525.60.13    | verified  | cuda-notes-13.2
11.8.0  | 520.61.05  | 450.80.02    | verified  | cuda-notes-13.2
11.7.1  | 515.48.07  | 450.80.02    | verified  | cuda-notes-13.2
11.7.0  | 515.43.04  | 450.80.02    | verified  | cuda-notes-13.2
11.6.2  | 510.47.03  | 450.80.02    | verified  | cuda-notes-13.2
11.6.1  | 510.47.03  | 450.80.02    | verified  | cuda-notes-13.2
11.6.0  | 510.39.01  | 450.80.02    | verified  | cuda-notes-13.2
11.5.2  | 495.29.05  | 450.80.02    | verified  | cuda-notes-13.2
11.5.1  | 495.29.05  | 450.80.02    | verified  | cuda-notes-13.2
11.5.0  | 495.29.05  | 450.80.02    | verified  | cuda-notes-13.2
11.4.4  | 470.82.01  | 450.80.02    | verified  | cuda-notes-13.2
11.4.3  | 470.82.01  | 450.80.02    | verified  | cuda-notes-13.2
11.4.2  | 470.57.02  | 450.80.02    | verified  | cuda-notes-13.2
11.4.1  | 470.57.02  | 450.80.02    | verified  | cuda-notes-13.2
11.4.0  | 470.42.01  | 450.80.02    | verified  | cuda-notes-13.2
11.3.1  | 465.19.01  | 450.80.02    | verified  | cuda-notes-13.2
11.3.0  | 465.19.01  | 450.80.02    | verified  | cuda-notes-13.2
11.2.2  | 460.32.03  | 450.80.02    | verified  | cuda-notes-13.2
11.2.1  | 460.32.03  | 450.80.02    | verified  | cuda-notes-13.2
11.2.0  | 460.27.03  | 450.80.02    | verified  | cuda-notes-13.2
11.1.1  | 455.32     | 450.80.02    | verified  | cuda-notes-13.2
11.1.0  | 455.23     | 450.80.02    | verified  | cuda-notes-13.2
11.0.3  | 450.51.06  | 450.80.02    | verified  | cuda-notes-13.2
11.0.2  | 450.51.05  | 450.80.02    | verified  | cuda-notes-13.2
10.2.89 | 440.33     |              | verified  | cuda-notes-13.2
"""
