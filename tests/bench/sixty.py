# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirement file that the benchmarks install: sixty real packages, pinned, with the hashes of all their files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import measure

PINS = Path(__file__).with_name("sixty-packages.txt")
PYTHON = "3.11"  # the pins are those of this Python


def lock() -> Path:
    """The lock, made once by asking the index for the hashes of the pins."""
    digest = hashlib.sha256(PINS.read_bytes()).hexdigest()[:12]
    path = measure.state_directory() / f"sixty-{digest}.lock"
    if not path.exists():
        made = path.with_suffix(".part")
        options = [
            "--generate-hashes",
            "--no-deps",
            "--no-annotate",
            "--no-header",
            "--quiet",
            "--python-version",
            PYTHON,
        ]
        measure.run([measure.program("uv"), "pip", "compile", *options, PINS, "--output-file", made])
        made.rename(path)
    return path
