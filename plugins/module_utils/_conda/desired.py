# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conda environment as it is desired."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.model import Sources
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Desired
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.files import EnvironmentFile, LockFile

BUILDING = ("present", "updated", "cloned")


@dataclass(frozen=True, eq=False, repr=False)
class DesiredCondaEnvironment(Desired):
    """A conda environment. ``sources``, ``more_channels`` and ``platform`` are the module's. Among ``files`` are
    environment files that the controller read, as JSON."""

    sources: Sources
    more_channels: tuple[str, ...]
    platform: str
    channels: tuple[str, ...]
    file: str
    categories: tuple[str, ...]
    environment: str
    exact: bool
    pip_packages: tuple[str, ...]
    pip_requirements: tuple[str, ...]
    pip_require_hashes: bool
    pip_may_replace: tuple[str, ...]
    virtual_packages: t.Mapping[str, t.Any]
    clone_of: str
    link_scripts: bool
    export_to: str
    export_format: str

    not_contents = frozenset({"sources", "platform", "clone_of", "export_to", "export_format"})

    @property
    def output(self) -> str:
        return self.export_to

    @staticmethod
    def normalized(name: str) -> str:
        return name.lower()

    @property
    def all_channels(self) -> tuple[str, ...]:
        return (*self.channels, *self.more_channels)

    def sources_of(self, channels: t.Iterable[str]) -> Sources:
        return replace(self.sources, channels=tuple(channels))

    @property
    def key(self) -> str:
        """Under what name the controller sends the environment file."""
        return file_key(self.file, self.categories, self.environment)

    def load(self, path: str) -> bytes:
        return self.files[path] if path == self.key and path in self.files else super().load(path)

    def described(self) -> EnvironmentFile | LockFile | None:
        """What the environment file says; None where there is none. Raises InvalidArguments where nobody read it."""
        if not self.file:
            return None
        if self.key not in self.files:
            raise InvalidArguments(
                "file_missing",
                wanted=f"environment {self.name} from {self.file}",
                found="no such file" + (" on the host" if self.remote_src else " on the controller"),
                to_fix="correct the path",
            )
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import files

        return files.from_data(json.loads(self.files[self.key]))


def file_key(path: str, categories: t.Iterable[str], environment: str) -> str:
    """One file may be read in several ways."""
    return json.dumps([path, sorted(categories), environment])
