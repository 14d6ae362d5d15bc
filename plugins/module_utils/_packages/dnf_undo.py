# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What failed transactions of dnf did, by dnf's own history, and how that is taken back."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import dnf_output
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.dnf_history import Item
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Installed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.undone import Undone

# No repository is needed to remove something, and nothing goes that only seems to be needed no more.
_REMOVE = (
    *("dnf", "--color=never", "--disablerepo=*", "--disableplugin=versionlock"),
    *("--setopt=clean_requirements_on_remove=False", "--setopt=exit_on_lock=True"),
)

Present = t.Mapping[tuple[str, str], t.AbstractSet[str]]


def take_back(
    items: t.Sequence[Item],
    commands: Commands,
    query: t.Callable[[t.Sequence[str]], list[Installed]],
    *,
    timeout: float,
) -> Undone:
    """Remove what our transactions have newly installed, as far as nothing else needs it.

    Source: ``items``, what dnf's history has under the comment that only this run gave its transactions. So what others
    did before, after or meanwhile is none of it. ``query`` gives the installed packages of some names.
    """
    done = [item for item in items if item.done and item.action]
    names = sorted({item.name for item in done})
    if not names:
        return Undone()
    replacing = {item.name for item in done if item.action != "install"}
    now = _versions(query(names))
    new = [item for item in done if item.action == "install" and item.name not in replacing and _is(item, now)]
    removable = _removable(new, commands, timeout)
    if removable:
        commands.run(
            [*_REMOVE, "-y", "remove", *map(_specification, removable)], timeout=timeout, check=False, outlives_us=True
        )
        now = _versions(query(names))
    removed = tuple(f"{item.name}:{item.arch}" for item in new if not _is(item, now))
    return Undone(removed, tuple(dict.fromkeys(filter(None, (_difference(item, now) for item in done)))))


def _removable(new: t.Sequence[Item], commands: Commands, timeout: float) -> list[Item]:
    """Those whose removal takes nothing along that was not new."""
    names = {item.name for item in new}

    def along(items: t.Sequence[Item]) -> set[str]:
        result = commands.run(
            [*_REMOVE, "--assumeno", "remove", *map(_specification, items)], timeout=timeout, check=False
        )
        return {change.name for change in dnf_output.parse_table(result.out)}

    if not new or along(new) <= names:
        return list(new)
    return [item for item in new if along([item]) <= names]


def _difference(item: Item, now: Present) -> str:
    """What is otherwise than before one step, or nothing."""
    here = _is(item, now)
    if item.action == "remove":
        return "" if here else f"{item.name} (removed)"
    if item.action in ("install", "downgrade", "obsolete", "upgrade"):
        return f"{item.name} ({item.version} installed)" if here else ""
    return ""


def _is(item: Item, now: Present) -> bool:
    return item.version in now.get((item.name, item.arch), ())


def _versions(packages: t.Iterable[Installed]) -> Present:
    found: dict[tuple[str, str], set[str]] = {}
    for package in packages:
        found.setdefault((package.name, package.arch), set()).add(package.version)
    return found


def _specification(item: Item) -> str:
    return f"{item.name}-{item.version}.{item.arch}"
