# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of pip_pinned: requirement files that lie here travel with the task, in the same round trip."""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._files_here import FilesHere, packed


class ActionModule(FilesHere):
    """Reads requirement files, and those they include, and runs the module with their contents."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        contents: dict[str, bytes] = {}
        environments = arguments.get("environments") or []
        if isinstance(environments, list):
            arguments["environments"] = [self._with_paths(item, contents) for item in environments]
        if contents:
            arguments["requirement_files"] = packed(contents)
        result: dict[str, t.Any] = self._execute_module(
            module_name="gpufleet.mlstack.pip_pinned", module_args=arguments, task_vars=task_vars
        )
        return result

    def _with_paths(self, environment: t.Any, contents: dict[str, bytes]) -> t.Any:
        """The environment with absolute paths; what they lead to is added to ``contents``."""
        if not isinstance(environment, dict) or boolean(environment.get("remote_src", False), strict=False):
            return environment
        located = dict(environment)
        for option in ("requirements", "constraints"):
            paths = environment.get(option)
            paths = paths.split(",") if isinstance(paths, str) else paths  # as the module would divide it
            if not paths or not isinstance(paths, list):
                continue  # the module's own validation says what is wrong
            located[option] = [self.located(path) for path in paths]
            for path in located[option]:
                self.gather(path, contents)
        return located
