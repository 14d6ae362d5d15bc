# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""What pip installs on top of conda's packages, with our own pip engine."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import plan as planner
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import verify
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.desired import DesiredCondaEnvironment
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda.wanted import Wanted
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.plan import Observed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import Context
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import names
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.desired import sources_of
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.engine import Request
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python.workshop import Workshop


@dataclass
class Contents:
    """What pip is to install, and what conda's packages had brought before it did."""

    requirements: str = ""
    constraints: str = ""
    no_deps: bool = False
    of_conda: t.Mapping[str, str] = ()  # type: ignore[assignment]


class PipPart:
    """Installs the pip part of environments; the engine is chosen at the first one."""

    def __init__(self, context: Context, params: t.Mapping[str, t.Any]) -> None:
        named = {"engine": params["pip_engine"], "executable": params["pip_executable"], "cache_dir": None}
        more = {"no_cache": False, "python_downloads": False, "python_mirror": None, "python_downloads_json": None}
        self._params = {**params, **named, **more}
        self._context = context
        self._workshop: Workshop | None = None

    def contents(self, desired: DesiredCondaEnvironment, observed: Observed[Wanted]) -> Contents:
        wanted, current = observed.wanted, observed.current
        if wanted is None:  # packages are taken out: the rest of pip's stays as it is
            listed = current.record.get("freeze", []) if current is not None else []
            return Contents("".join(f"{line}\n" for line in listed), no_deps=True)
        found = Contents(wanted.requirements, wanted.constraints, bool(wanted.more.get("no_deps")))
        if current is not None and current.digest == wanted.digest and not observed.outdated and found.requirements:
            # A repair brings back what was there, also where the desired state leaves versions open.
            pins = [line for line in current.record.get("freeze", []) if "==" in line and " @ " not in line]
            found.constraints += "".join(f"{line}\n" for line in pins)
        return found

    def install(self, desired: DesiredCondaEnvironment, contents: Contents, prefix: str, scratch: str) -> None:
        """Install, and refuse where that changed what conda had brought. Raises MlstackError."""
        contents.of_conda = verify.distributions(prefix)
        if not contents.requirements.strip():
            return
        if not os.path.exists(os.path.join(prefix, "bin", "python")):
            raise MlstackError(
                "python_missing",
                wanted=f"environment {desired.name} with packages by pip",
                found="none of conda's packages brings a Python",
                to_fix="add python to the packages",
            )
        if self._workshop is None:
            self._workshop = Workshop(self._context, self._params)
        request = Request(
            contents.requirements,
            contents.constraints,
            require_hashes=desired.options["pip_require_hashes"],
            no_deps=contents.no_deps,
            compile_bytecode=desired.options["compile_bytecode"],
            sources=sources_of(self._params),
            title=f"the pip part of environment {desired.name}",
        )
        self._workshop.engine().install(prefix, request, scratch)
        allowed = {names.normalize(name) for name in desired.options["pip_may_replace"]}
        problems = planner.replaced(contents.of_conda, verify.distributions(prefix), allowed)
        if problems:
            raise MlstackError(
                "pip_replaces_conda",
                wanted=f"environment {desired.name} with packages by pip beside those of conda",
                found="; ".join(problems),
                to_fix="take these versions from conda, or from pip alone, or name the packages with pip_may_replace",
            )
