# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the sources that machines can read were read last, and when from end to end.

``tools/catalogue_update.py`` writes this. Rows of all other sources stand by hand; ``sources.py`` has their days.
"""

from __future__ import annotations

TABLE = """
source             | read       | complete
cuda-redist        |            |
driver-releases    |            |
jax-index          | 2026-12-01 | 2026-12-01
open-git           | 2026-12-01 | 2026-11-22
pci-ids            | 2026-12-01 | 2026-12-01
tensorflow-index   | 2026-12-01 | 2026-12-01
tensorflow-wheels  | 2026-11-30 | 2026-11-30
torch-builds-index |            |
torch-index        | 2026-12-01 | 2026-12-01
torch-wheels       |            |
"""
