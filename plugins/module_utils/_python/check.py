# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of ``pip check``, in process: what installed distributions miss, and where two disagree."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, requirements, versions
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import dependency

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.distributions import Distribution
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.markers import Environment


class Conflict(t.NamedTuple):
    """``package`` wants ``wanted``; what is ``found`` of it is a version, or None where it isn't installed."""

    package: str
    package_version: str
    wanted: str
    wanted_name: str  # normalised
    found: str | None

    def __str__(self) -> str:
        found = f"version {self.found} is installed" if self.found else "it is not installed"
        return f"{self.package} {self.package_version} needs {self.wanted}, and {found}"


class Verdict(t.NamedTuple):
    conflicts: tuple[Conflict, ...]
    unreadable: tuple[str, ...]  # 'package: dependency' lines that PEP 508 cannot read


def check(installed: t.Iterable[Distribution], environment: Environment) -> Verdict:
    """Judge every dependency that holds in ``environment`` without extras, as pip does."""
    by_name = {item.name: item for item in installed}
    conflicts: list[Conflict] = []
    unreadable: list[str] = []
    for item in sorted(by_name.values(), key=lambda distribution: distribution.name):
        for text in item.requires:
            try:
                wanted = dependency(text)
            except requirements.InvalidRequirement as error:
                unreadable.append(f"{item.written_name}: {text} ({error.reason})")
                continue
            if wanted.name is None or not wanted.applies(environment):
                continue
            other = by_name.get(wanted.name)
            if other is None or not versions.satisfies(other.version, wanted.specifiers):
                conflicts.append(_conflict(item, wanted, other))
    return Verdict(tuple(conflicts), tuple(unreadable))


def _conflict(item: Distribution, wanted: requirements.Requirement, other: Distribution | None) -> Conflict:
    text = str(wanted.written_name) + ",".join(map(str, wanted.specifiers))
    name = names.normalize(wanted.written_name or "")
    return Conflict(item.written_name, item.version, text, name, other.version if other else None)
