# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place on this machine where conda_env works for one test: a root, a home, a channel, and what lies there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.tests.bed import host
from ansible_collections.gpufleet.mlstack.tests.bed.conda_channel import Channel
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import Ran
from ansible_collections.gpufleet.mlstack.tests.integration.python_site import Site, _clean_environment


@dataclass
class CondaSite(Site):
    """``url`` is the channel's; its packages are kept in ``cache``."""

    channel: Channel | None = None
    cache: Path = Path("/nonexistent")

    def arguments(self, *environments: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        named = [{"name": "ml", **environment} for environment in environments]
        assert self.channel is not None
        fixed = {
            "root": str(self.root),
            "channels": [self.channel.url],
            "cache_dir": str(self.cache),
            # Kept below the bed's state: what lies there was installed by version and hash.
            "toolbox": str(host.state_directory() / "toolbox"),
            "environments": named,
        }
        return {**fixed, **self.options, **options}

    def run(self, *environments: Mapping[str, Any], check: bool = False, diff: bool = False, **options: Any) -> Ran:
        env = options.pop("env", None)
        arguments = self.arguments(*environments, **options)
        if env is None and "index_url" not in options:
            # The toolbox is filled from the index that this machine is set up for.
            return module_runner.run("conda_env", arguments, check=check, diff=diff, env=self.home_alone())
        with _clean_environment():
            return module_runner.run("conda_env", arguments, check=check, diff=diff, env=self.environ(env))

    def home_alone(self) -> dict[str, str]:
        return {"HOME": str(self.home)}

    def conda(self, name: str = "ml") -> dict[str, str]:
        """Name to version by the records of an environment, which say what an engine linked."""
        records = (self.path(name) / "conda-meta").glob("*.json")
        found = (json.loads(path.read_text()) for path in records)
        return {record["name"]: record["version"] for record in found}
