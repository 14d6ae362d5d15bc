# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pip part of a conda environment: what pip installs on top, and that it leaves conda's packages alone."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import verify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.contents import Contents
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.model import Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names, requirement_files
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import DesiredEngine, Request
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine_provider import EngineProvider


class PipPart:
    """Installs the pip part of environments; the engine is chosen at the first one."""

    def __init__(self, context: Context, engine: DesiredEngine) -> None:
        self._context = context
        self._engine = engine
        self._provider = EngineProvider(context, engine)

    def request(self, desired: DesiredCondaEnvironment, observed: Observed[Contents]) -> Request:
        """What pip is to install."""
        contents = observed.desired
        frozen: list[str] = observed.record.get("freeze", [])
        request = Request(
            (),
            require_hashes=desired.pip_require_hashes,
            compile_bytecode=desired.compile_bytecode,
            sources=self._engine.sources,
            title=f"the pip part of environment {desired.name}",
        )
        if contents is None:  # packages are taken out: the rest of pip's stays as it is
            return replace(request, requirements=requirement_files.of_lines(frozen), no_deps=True)
        request = replace(
            request,
            requirements=contents.requirements,
            constraints=contents.constraints,
            no_deps=contents.pip_no_deps,
        )
        if not (observed.repairing and contents.requirements) or observed.outdated:
            return request
        # A repair brings back what was there, also where the desired state leaves versions open.
        pins = requirement_files.of_lines(line for line in frozen if " @ " not in line)
        return replace(request, constraints=(*request.constraints, *pins))

    def install(
        self, desired: DesiredCondaEnvironment, request: Request, prefix: str, scratch: str
    ) -> t.Mapping[str, str]:
        """Install, and refuse where that changed what conda had brought; returns that, which was there before.

        Raises MlstackError."""
        of_conda = verify.distributions(prefix)
        if not request.requirements:
            return of_conda
        if not os.path.exists(os.path.join(prefix, "bin", "python")):
            raise MlstackError(
                "python_missing",
                wanted=f"environment {desired.name} with packages by pip",
                found="none of conda's packages brings a Python",
                to_fix="add python to the packages",
            )
        for line in self._provider.engine().install(prefix, request, scratch):
            self._context.warn(f"{request.title}: {line}")
        allowed = {names.normalize(name) for name in desired.pip_may_replace}
        problems = planner.replaced(of_conda, verify.distributions(prefix), allowed)
        if problems:
            raise MlstackError(
                "pip_replaces_conda",
                wanted=f"environment {desired.name} with packages by pip beside those of conda",
                found="; ".join(problems),
                to_fix="take these versions from conda, or from pip alone, or name the packages with pip_may_replace",
            )
        return of_conda
