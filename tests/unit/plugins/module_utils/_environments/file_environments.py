# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments of plain files, which need no engine."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.plan import Rules, drift
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.resource import Environments
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import Store
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context, converge
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor

_START = datetime(2026, 11, 22, 20, 15, 30, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Contents:
    """Names and versions; each is a file in the prefix."""

    pins: dict[str, str]

    @property
    def digest(self) -> str:
        return str(sorted(self.pins.items())).encode().hex() + "000000"

    @property
    def size(self) -> str:
        return f"{len(self.pins)} files"


@dataclass(frozen=True)
class Desired:
    root: str
    state: str
    contents: Contents = field(default_factory=lambda: Contents({}))
    absent_packages: tuple[str, ...] = ()
    keep: int = 2
    reinstall: bool = False
    adopt: bool = False
    output: str = ""
    rollback_to: str = ""
    force = False
    verify_files = False
    name = "ml"

    @property
    def link(self) -> str:
        return os.path.join(self.root, self.name)


class FileRules(Rules):
    def recorded(self, generation: t.Any) -> t.Any:
        return generation.record["installed"]

    def text(self, desired: t.Any, generation: t.Any) -> str:
        return "".join(f"{name}=={version}\n" for name, version in generation.record["installed"].items())


class FileEnvironments(Environments[t.Any, t.Any]):
    """Environments of plain files, which need no engine: the store, the planner and the loop are the real ones."""

    kind = "files"
    rules = FileRules()
    count = 0

    def installed_in(self, generation: t.Any) -> dict[str, str]:
        return {path.name: path.read_text() for path in Path(generation.prefix).iterdir() if path.is_file()}

    def drift_of(self, generation: t.Any, *, files: bool = False) -> tuple[str, ...]:
        return drift(generation.record["installed"], self.installed_in(generation))

    def contents(self, desired: t.Any, state: t.Any, context: t.Any) -> t.Any:
        return desired.contents if desired.state == "present" else None

    def settled(self, desired: t.Any) -> bool:
        return False

    def make_builder(self, context: t.Any) -> t.Any:
        return self

    def check(self, desired: t.Any, observed: t.Any) -> None:
        return None

    def preview(self, desired: t.Any, observed: t.Any) -> None:
        return None

    def build(self, desired: t.Any, observed: t.Any, store: Store) -> t.Any:
        pins = dict(desired.contents.pins)
        if desired.state == "absent":
            pins = {k: v for k, v in observed.installed.items() if k not in desired.absent_packages}
        FileEnvironments.count += 1
        with store.build(Contents(pins).digest, _START + timedelta(seconds=self.count)) as building:
            os.mkdir(building.prefix)
            for name, version in pins.items():
                Path(building.prefix, name).write_text(version)
            sealed = store.seal(building, {"kind": self.kind, "installed": pins})
        return sealed, {"timings": {}}


def run(desired: Desired, *, check: bool) -> t.Any:
    context = Context(Host(), None, Redactor([]), check, lambda text: None)  # type: ignore[arg-type] # runs nothing
    return converge(FileEnvironments({"lock_timeout": 5}), desired, context, check_mode=check)
