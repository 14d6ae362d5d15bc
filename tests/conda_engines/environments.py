# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root where conda_env keeps environments with one engine, for the tests that hold every engine to one contract."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import file_key
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda.environment_yaml import read_environment_yaml
from ansible_collections.gpufleet.mlstack.tests.bed import host
from ansible_collections.gpufleet.mlstack.tests.bed.conda_channel import Channel
from ansible_collections.gpufleet.mlstack.tests.conda_engines.work import PLATFORM, installed
from ansible_collections.gpufleet.mlstack.tests.integration import module_runner
from ansible_collections.gpufleet.mlstack.tests.integration.module_runner import Ran


def warnings(ran: Ran) -> list[str]:
    """As texts, which ansible-core 2.19 has as structures; but for the one about the solver itself."""
    found = [item if isinstance(item, str) else str(item["event"]["msg"]) for item in ran.result.get("warnings", ())]
    return [text for text in found if not text.startswith("conda solves with its classic solver")]


@dataclass
class Environments:
    """``engine`` are the module's options about the engine; ``cache`` is its own, for all tests of a run."""

    folder: Path
    channel: Channel
    engine: Mapping[str, str]
    cache: Path
    solver: str
    files: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "envs"

    def arguments(self, **environment: Any) -> dict[str, Any]:
        engine = {key: environment.pop(key) for key in ("engine", "executable") if key in environment}
        return {
            "root": str(self.root),
            "channels": [self.channel.url],
            "cache_dir": str(self.cache),
            # Kept below the bed's state: what lies there was installed by version and hash.
            "toolbox": str(host.state_directory() / "toolbox"),
            "environments": [{"name": "ml", **environment}],
            **self.engine,
            **engine,
            **({"environment_files": self.files, "platform": PLATFORM} if self.files else {}),
        }

    @property
    def environ(self) -> dict[str, str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {"HOME": str(home)}

    def apply(self, *, check: bool = False, **environment: Any) -> Ran:
        return module_runner.succeed("conda_env", self.arguments(**environment), check=check, env=self.environ)

    def refuse(self, code: str, *, check: bool = False, **environment: Any) -> str:
        ran = module_runner.refuse("conda_env", self.arguments(**environment), code, check=check, env=self.environ)
        return str(ran.result["msg"])

    def tell(self, *paths: Path, **arguments: Any) -> list[dict[str, Any]]:
        asked = {"root": "/nonexistent", "paths": list(map(str, paths)), "verify_files": True, **arguments}
        found: list[dict[str, Any]] = module_runner.succeed("conda_env_info", asked, env=self.environ).result[
            "environments"
        ]
        return found

    def file(self, text: str) -> str:
        """An environment.yml as the controller sends it; the path under which it is known."""
        path = "environment.yml"
        read = read_environment_yaml(text.format(channel=self.channel.url), path, PLATFORM)
        data = zlib.compress(json.dumps(read.as_data()).encode())
        self.files = {file_key(path, ["main"], "default"): base64.b64encode(data).decode()}
        return path

    def prefix(self, name: str = "ml") -> Path:
        return (self.root / name / "prefix").resolve()

    def versions(self, name: str = "ml") -> dict[str, str]:
        return {package: found.split()[0] for package, found in installed(self.prefix(name)).items()}
