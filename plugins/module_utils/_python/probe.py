# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what an interpreter says of itself when it runs markers.PROBE."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError


def described(printed: str, path: str) -> dict[str, t.Any]:
    """What PROBE printed under the program ``path``. Raises MlstackError where that is no Python."""
    try:
        facts: dict[str, t.Any] = json.loads(printed)
        complete = {"version_info", "environment", "executable"} <= set(facts)
    except (ValueError, TypeError):
        complete = False
    if not complete:
        raise MlstackError(
            "python_unusable",
            wanted=f"the Python interpreter {path}",
            found=f"a program that answers {printed.strip()[:80]!r} when it is asked what it is",
            to_fix="name the path of a Python 3 interpreter",
        )
    return facts
