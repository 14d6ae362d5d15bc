# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a Python environment is to what it should be: pure decisions."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import model
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import plan as generations
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Desired, Versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.contents import Contents

    Observed = model.Observed[Contents]
else:
    Observed = model.Observed
drift, comparison, lines = generations.drift, generations.comparison, generations.lines


class PythonRules(generations.Rules):
    """Virtual environments: C(freeze_to) is the file that a desired state may have written."""

    def recorded(self, generation: Generation) -> Versions:
        installed: Versions = generation.record.get("installed", {})
        return installed

    def text(self, desired: Desired, generation: Generation) -> str:
        return freeze_text(generation)


RULES = PythonRules()


def freeze_text(generation: Generation) -> str:
    """The contents of a generation as a requirement file."""
    return "".join(f"{line}\n" for line in generation.record.get("freeze", []))
