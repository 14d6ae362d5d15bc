# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine of a module call: which one, and from where its program comes."""

from __future__ import annotations

import atexit
import os
import tempfile

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import engine_choice, surroundings
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.engine import Engine, Limits
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import trust
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Cache, DesiredEngine
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.interpreters import system_python
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.toolbox import Toolbox


class EngineProvider:
    """Chooses an engine for one module call. In check mode the host stays as it is: what tools are missing, and the
    cache, lie in a temporary folder then."""

    def __init__(self, context: Context, desired: DesiredEngine) -> None:
        self._context = context
        self._desired = desired
        self._engine: Engine | None = None

    def engine(self) -> Engine:
        """The engine, chosen at the first call. Raises MlstackError."""
        if self._engine is None:
            scratch = tempfile.TemporaryDirectory(prefix="mlstack-")
            atexit.register(scratch.cleanup)
            self._engine = self._chosen(scratch.name)
        return self._engine

    def _chosen(self, scratch: str) -> Engine:
        desired, context = self._desired, self._context
        python = system_python(context.host)
        folder, cache = desired.toolbox, desired.cache_dir
        trust.require(folder, f"run tools from the toolbox {folder}", "choose another folder with the option toolbox")
        packages = cache or surroundings.default_cache()
        trust.require(packages, f"use the cache {packages}", "name another one with the option cache_dir")
        if context.preview:
            tool = engine_choice.tool_for(engine_choice.python_version(python, context.commands))
            folder = folder if self._toolbox(folder, python).find(tool) else os.path.join(scratch, "toolbox")
            cache = cache if desired.sources.offline else os.path.join(scratch, "cache")
        return engine_choice.choose(
            engine_choice.DesiredEngine(desired.name, desired.executable),
            context.host,
            context.commands,
            self._toolbox(folder, python),
            Limits(scratch, cache, desired.timeout),
            context.warn,
        )

    def _toolbox(self, folder: str, python: str) -> Toolbox:
        return Toolbox(folder, self._context.commands, python, self._desired.sources, self._desired.timeout, Cache())
