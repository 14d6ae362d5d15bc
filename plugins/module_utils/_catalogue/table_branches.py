# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver branches: type, end of life, kernel module flavours that NVIDIA packages.

``end`` is the month in which support ends, C(ended) where it is over and the month was not found, empty where nobody
said. Open kernel modules exist from 515; from 615 NVIDIA packages no proprietary ones any more. For 580 two pages
disagree (2028-06 and 2028-08); the earlier month counts.
"""

from __future__ import annotations

TABLE = """
branch | type        | end     | flavours    | status    | source
390    | lts         | 2022-12 | proprietary | memory    | memory
396    | new_feature | ended   | proprietary | memory    | memory
410    | production  | ended   | proprietary | memory    | memory
415    | new_feature | ended   | proprietary | memory    | memory
418    | lts         | ended   | proprietary | memory    | memory
430    | production  | ended   | proprietary | memory    | memory
435    | new_feature | ended   | proprietary | memory    | memory
440    | production  | ended   | proprietary | memory    | memory
450    | lts         | 2023-07 | proprietary | verified  | cuda-drivers-support
455    | new_feature | ended   | proprietary | memory    | memory
460    | production  | ended   | proprietary | memory    | memory
465    | new_feature | ended   | proprietary | memory    | memory
470    | lts         | 2024-07 | proprietary | memory    | memory
495    | new_feature | ended   | proprietary | memory    | memory
510    | production  | ended   | proprietary | verified  | driver-support
515    | production  | ended   | both        | verified  | driver-support
520    | new_feature | ended   | both        | verified  | driver-support
525    | production  | ended   | both        | verified  | driver-support
530    | new_feature | ended   | both        | memory    | memory
535    | lts         | 2026-06 | both        | verified  | driver-support-615
545    | new_feature | ended   | both        | memory    | memory
550    | production  | ended   | both        | verified  | driver-support
555    | new_feature | ended   | both        | memory    | memory
560    | new_feature | ended   | both        | verified  | driver-support
565    | new_feature | ended   | both        | verified  | driver-support
570    | production  | 2026-02 | both        | verified  | driver-support
575    | new_feature | ended   | both        | verified  | driver-support
580    | lts         | 2028-06 | both        | verified  | driver-support-615
590    | new_feature | ended   | both        | verified  | gcp-installer
595    | production  | 2027-03 | both        | verified  | driver-support-615
610    | new_feature | 2026-08 | both        | verified  | driver-support-615
615    | unknown     |         | open        | secondary | driver-guide-615
620    | lts         | 2029-09 | open        | secondary | driver-support-620
"""
