# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first kernel for which the modules of a driver branch, and of older ones, do not build any more."""

from __future__ import annotations

TABLE = """
branch_up_to | too_new | status    | source
470          | 6.12    | secondary | dkms-reports
"""
