# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of python_env_info: locks that lie here travel with the task, as pip_pinned's files do."""

from __future__ import annotations

import typing as t

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._files_here import FilesHere, packed


class ActionModule(FilesHere):
    """Reads the files of C(locks) and runs the module with their contents."""

    _supports_async = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        locks = arguments.get("locks")
        if isinstance(locks, dict) and not boolean(arguments.get("remote_src", False), strict=False):
            contents: dict[str, bytes] = {}
            arguments["locks"] = {name: self.located(path) for name, path in locks.items()}
            for path in arguments["locks"].values():
                self.gather(path, contents)
            if contents:
                arguments["requirement_files"] = packed(contents)
        return self.run_module("python_env_info", arguments, task_vars)
