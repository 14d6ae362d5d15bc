# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of the stand-in for nvidia-ctk, for hosts of the bed and for folders that pass for one."""

from __future__ import annotations

from pathlib import Path

_PROGRAM = Path(__file__).resolve().with_name("answer_as_nvidia_ctk.py")


def program(version: str) -> str:
    """The stand-in for nvidia-ctk of a version."""
    text = _PROGRAM.read_text(encoding="utf-8").replace('VERSION = "0"', f'VERSION = "{version}"')
    return f"#!/usr/bin/python3\n{text}"
