# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling what a host's package manager knows; nothing is changed and nothing is fetched."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Distribution
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, Inquiry
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.desired import read_package
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Installed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.which import manager_for


@dataclass(frozen=True)
class Question:
    """What is asked. ``names`` pairs what the user wrote with the packages that it stands for."""

    distribution: Distribution
    names: tuple[tuple[str, tuple[str, ...]], ...]
    show: tuple[str, ...]
    search: tuple[str, ...]
    installed: bool
    upgradable: bool
    cache_valid_time: int


class PackagesInfo(Inquiry[Question, dict[str, t.Any]]):
    """The loop's resource of system_packages_info; its plans are empty."""

    def all_desired(self, params: t.Mapping[str, t.Any], context: Context) -> list[Question]:
        distribution = context.host.distribution()
        self._manager = manager_for(context.host, context.commands, distribution)
        names = tuple((name, read_package(name, distribution).names) for name in params["packages"])
        shown = [real for name in params["show"] for real in read_package(name, distribution).names]
        return [
            Question(
                distribution=distribution,
                names=names,
                show=tuple(dict.fromkeys(shown)),
                search=tuple(params["search"]),
                installed=params["installed"],
                upgradable=params["upgradable"],
                cache_valid_time=params["cache_valid_time"],
            )
        ]

    def title(self, desired: Question) -> str:
        return "system packages"

    def observe(self, desired: Question, context: Context) -> dict[str, t.Any]:
        manager = self._manager
        release = desired.distribution
        told: dict[str, t.Any] = {
            "distribution": {
                "id": release.id,
                "version": release.version,
                "major": release.major,
                "codename": release.codename,
                "name": release.name,
                "family": release.family,
            },
            "manager": manager.name,
            "lists_stale": manager.stale(desired.cache_valid_time),
            "lock_holder": manager.lock_holder(),
        }
        named = [real for _requested, reals in desired.names for real in reals]
        found = manager.installed(named) if named else {}
        if named:
            told["packages"] = self._named(desired, found)
        if desired.installed:
            everything = manager.all_installed()
            told["installed"] = [_entry(package) for package in everything]
            told["held"] = sorted({package.name for package in everything if package.held})
        if desired.upgradable:
            newer = manager.upgradable()
            present = manager.installed(sorted(newer))
            told["upgradable"] = [
                {"name": name, "from": package.version, "to": newer[name]} for name, package in present.items()
            ]
        if desired.show:
            told["shown"] = manager.show(desired.show)
        if desired.search:
            told["found"] = {text: manager.search(text) for text in desired.search}
        told["interrupted"] = manager.interrupted(found.values())
        return told

    def describe(self, desired: Question, observed: dict[str, t.Any]) -> dict[str, t.Any]:
        return observed

    def _named(self, desired: Question, installed: t.Mapping[str, Installed]) -> list[dict[str, t.Any]]:
        names = [real for _requested, reals in desired.names for real in reals]
        candidates = self._manager.candidates(names)
        rows = []
        for requested, reals in desired.names:
            for name in reals:
                found = installed.get(name)
                versions = candidates.get(name, ())
                newest = versions[0] if versions else None
                rows.append(
                    {
                        "name": name,
                        "requested": requested,
                        "version": found.version if found else None,
                        "provided_by": found.name if found and not found.answers_to(name) else None,
                        "status": found.status if found else "absent",
                        "held": bool(found and found.held),
                        "candidate": newest,
                        "versions": list(versions),
                        "upgradable": bool(found and found.answers_to(name) and newest not in (None, found.version)),
                    }
                )
        return rows


def _entry(package: Installed) -> dict[str, t.Any]:
    return {"name": package.name, "arch": package.arch, "version": package.version, "held": package.held}
