# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits until it may go on, and imports only then."""

import os
import time

while not os.path.exists("/run/go-on"):
    time.sleep(0.05)

from bed_tool import later

with open("/run/said", "w", encoding="utf-8") as stream:
    stream.write(later.__file__)
