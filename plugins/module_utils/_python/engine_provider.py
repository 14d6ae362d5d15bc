# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of a module call: which one, and from where its program comes."""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import cache as caches
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Cache, DesiredEngine, Engine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_pip import PipEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_uv import UvEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.interpreters import Interpreters, system_python
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.toolbox import PIP, UV, Tool, Toolbox


class EngineProvider:
    """Chooses an engine for one module call, installing its pinned program into the toolbox where it is missing."""

    def __init__(self, context: Context, desired: DesiredEngine, scratch: str = "") -> None:
        self._context = context
        self._desired = desired
        self._folder = desired.toolbox
        self._building_folder = os.path.join(scratch, "toolbox") if scratch else self._folder
        self._cache = Cache(desired.cache_dir, desired.no_cache)
        if scratch and not desired.sources.offline:  # offline the cache is where distributions come from
            self._cache = Cache(os.path.join(scratch, "cache"))
        self._engine: Engine | None = None
        managed = tuple(os.path.join(folder, "python") for folder in (self._folder, self._building_folder))
        self.interpreters = Interpreters(context.host, context.commands, tuple(dict.fromkeys(managed)))

    def visiting(self, scratch: str) -> EngineProvider:
        """A provider that leaves the host as it is: what tools are missing, and the cache, lie in ``scratch``."""
        return EngineProvider(self._context, self._desired, scratch)

    @property
    def python_downloads(self) -> bool:
        return self._desired.python_downloads

    @property
    def download_env(self) -> dict[str, str]:
        """Where uv gets managed Pythons from, in its own variables."""
        named = {
            "UV_PYTHON_INSTALL_MIRROR": self._desired.python_mirror,
            "UV_PYTHON_DOWNLOADS_JSON_URL": self._desired.python_downloads_json,
        }
        return {name: value for name, value in named.items() if value}

    def engine(self) -> Engine:
        """The engine, chosen at the first call. Raises MlstackError."""
        if self._engine is None:
            self._require_ours()
            choices = {"uv": self._uv, "pip": self._pip, "auto": self._auto}
            self._engine = choices[self._desired.name]()
        return self._engine

    def _require_ours(self) -> None:
        """Before the first program runs: nobody else may put one into the toolbox, nor packages into the cache."""
        self._toolbox(self._folder).require_ours()
        if not self._cache.off:
            for folder in caches.folders(self._context.host, self._cache.folder):
                trust.require(folder, f"use the cache {folder}", "name another one with the option cache_dir")

    def _auto(self) -> Engine:
        try:
            return self._uv()
        except InvalidArguments:
            raise
        except MlstackError as exc:
            self._context.warn(f"uv cannot be had, pip builds instead, which takes longer. {exc}")
            return self._pip()

    def _uv(self) -> Engine:
        if self._desired.executable:
            program = self._named(self._desired.executable)
            result = self._context.commands.run([program, "--version"], purpose="ask uv for its version", timeout=60)
            version = result.out.split()[1] if len(result.out.split()) > 1 else "unknown"
        else:
            program, version = self._tool(UV), UV.version
        context, timeout = self._context, self._desired.timeout
        return UvEngine(context.commands, program, version, timeout, context.host, self._cache)

    def _pip(self) -> Engine:
        try:
            program, version = self._tool(PIP), PIP.version
        except MlstackError as exc:
            if exc.code == "pip_not_found" or isinstance(exc, trust.NotOursAlone):
                raise
            # Any pip of the host is better than none, on a host that reaches no index for example.
            source = self._toolbox(self._building_folder).pip()
            program, version = source.argv[1], source.version
            self._context.warn(
                f"pip {PIP.version} cannot be had, {source.origin} (pip {version}) builds instead. {exc}"
            )
        return PipEngine(self._context.commands, program, version, self._desired.timeout, self._cache)

    def _named(self, executable: str) -> str:
        found = executable if "/" in executable else self._context.host.which(executable)
        if not found or not os.access(found, os.X_OK):
            raise InvalidArguments(
                "executable_missing",
                wanted=f"the uv {executable}",
                found="no such program on this host",
                to_fix="correct the option executable, or leave it out to have a pinned uv installed",
            )
        trust.require(os.path.abspath(found), f"run the uv {found}", "name another one with the option executable")
        return found

    def _tool(self, tool: Tool) -> str:
        found = self._toolbox(self._folder).find(tool)
        return found or self._toolbox(self._building_folder).ensure(tool)

    def _toolbox(self, folder: str) -> Toolbox:
        python = system_python(self._context.host)
        return Toolbox(
            folder, self._context.commands, python, self._desired.sources, self._desired.timeout, self._cache
        )
