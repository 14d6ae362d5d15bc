# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that a toolkit works: its own compiler is run and says its release."""

from __future__ import annotations

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._nvidia.toolkits import parse_compiler


def compiler(commands: Commands, program: str, release: str) -> None:
    """Raise MlstackError unless this nvcc runs and is of that release."""
    wanted = f"a working nvcc of CUDA {release} at {program}"
    result = commands.run([program, "--version"], purpose=wanted, timeout=120, check=False)
    found = parse_compiler(result.out)
    if result.ok and found == release:
        return
    told = (
        f"it says it is of CUDA {found}" if found else f"it ended with {result.rc}: {(result.err or result.out)[-300:]}"
    )
    raise MlstackError(
        "toolkit_broken",
        wanted=wanted,
        found=told.strip(),
        to_fix="have the toolkit absent, then present again; if a runfile brought it, see that it is the right one",
        changed=True,
    )
