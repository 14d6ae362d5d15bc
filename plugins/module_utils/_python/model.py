# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual environment as it is desired, and where distributions come from."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Desired
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names


@dataclass(frozen=True)
class Sources:
    """Where distributions come from. Empty means: whatever the engine's own configuration on this host says."""

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    trusted_hosts: tuple[str, ...] = ()
    ca_bundle: str = ""
    offline: bool = False

    def urls(self) -> tuple[str, ...]:
        """Every URL that may carry credentials."""
        return tuple(url for url in (self.index_url, *self.extra_index_urls, *self.find_links) if url)


@dataclass(frozen=True, eq=False, repr=False)
class DesiredEnvironment(Desired):
    """A virtual environment, or with C(state=locked) the lock of one. ``sources`` are the module's."""

    sources: Sources
    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    require_hashes: bool
    pre: bool
    no_binary: tuple[str, ...]
    only_binary: tuple[str, ...]
    no_deps: bool
    overrides: tuple[str, ...]
    build_constraints: tuple[str, ...]
    no_build_isolation: tuple[str, ...]
    python: str
    freeze_to: str
    lock_to: str
    universal: bool
    python_version: str
    upgrade: bool

    not_contents = frozenset({"sources", "freeze_to", "lock_to", "universal", "python_version", "upgrade"})

    @property
    def output(self) -> str:
        return self.freeze_to

    @staticmethod
    def normalized(name: str) -> str:
        return names.normalize(name)
