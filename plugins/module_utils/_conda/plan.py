# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is special in the life of conda environments: pure decisions over records."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import BUILDING
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments import plan as generations
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation

EXPORTS = ("environment", "history", "explicit", "conda_lock")


class CondaRules(generations.Rules):
    """Conda environments: C(export_to) is the file that a desired state may have written."""

    building = BUILDING

    def recorded(self, generation: Generation) -> Versions:
        return contents(generation.record.get("conda", ()), generation.record.get("pip_installed", {}))

    def text(self, desired: t.Any, generation: Generation) -> str:
        return exported(generation.record, desired.name, desired.export_format)


RULES = CondaRules()


def contents(stems: t.Iterable[str], pip: Versions) -> dict[str, str]:
    """Name to version and build of conda's packages, and of what pip brought to its version."""
    found = {}
    for stem in stems:
        name, version, build = stem.rsplit("-", 2)
        found[name] = f"{version} {build}"
    return {**found, **{f"{name} (pip)": version for name, version in pip.items()}}


def outdated(recorded: t.Iterable[str], solved: t.Iterable[str]) -> tuple[str, ...]:
    """What a fresh solution changes in an environment, a sentence per package; both are C(NAME-VERSION-BUILD)."""
    before, after = contents(recorded, {}), contents(solved, {})
    lines = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if old is None:
            lines.append(f"{name} {new} would come")
        elif new is None:
            lines.append(f"{name} {old} would go")
        else:
            lines.append(f"{name} {old} can be {new}")
    return tuple(lines)


def replaced(before: Versions, after: Versions, allowed: t.Collection[str]) -> list[str]:
    """What pip made of distributions that conda had brought, a sentence each; those ``allowed`` by name left out."""
    found = []
    for name in sorted(before):
        if name not in allowed and after.get(name) != before[name]:
            now = f"replaced by {after[name]}" if name in after else "removed"
            found.append(f"{name} {before[name]} of conda would be {now}")
    return found


def exported(record: t.Mapping[str, t.Any], name: str, form: str) -> str:
    """A generation written down: C(environment) with exact packages, C(history) as it was asked for, C(explicit) with
    URLs and hashes, or C(conda_lock)."""
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import export
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Package

    packages = [Package.from_record(item) for item in record.get("packages", ())]
    channels, frozen = record.get("channels", []) or export.channels_of(packages), record.get("freeze", [])
    if form in ("history", "environment"):
        specs, pip = record.get("specs", []), record.get("pip", "").splitlines()
        specs, pip = (specs, pip) if form == "history" else (export.exact(packages), frozen)
        return export.environment_yaml(name, channels, specs, pip, variables=record.get("variables"))
    notes = "".join(f"# {line} is pip's, and not in this list.\n" for line in frozen)
    platform = record.get("platform", "")
    if form == "explicit":
        return notes + export.explicit(packages, platform)
    return notes + export.conda_lock(packages, platform, channels)
