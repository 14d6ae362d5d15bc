# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a host has under some names to the image of an archive. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._images.model import DesiredArchive, ImageFacts
from ansible_collections.gpufleet.mlstack.plugins.module_utils._plan import Action, Plan


def plan(desired: DesiredArchive, found: t.Mapping[str, ImageFacts]) -> Plan:
    """Load where no name leads to the image, then give it the names that lead elsewhere. ``found`` is by name, and by
    the ID for the image itself.
    """
    steps = []
    if desired.id not in found:
        steps.append(Action("load", desired.path, f"load {desired.id[:19]} from {desired.path}"))
    others = [tag for tag in desired.tags if tag not in found or found[tag].id != desired.id]
    steps += [Action("tag", tag, f"call {desired.id[:19]} {tag}") for tag in others]
    before = tuple(f"{tag} {found[tag].id}" for tag in desired.tags if tag in found)
    return Plan(tuple(steps), before=before, after=tuple(f"{tag} {desired.id}" for tag in desired.tags))
