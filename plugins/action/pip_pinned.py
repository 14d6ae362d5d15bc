# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of pip_pinned: requirement files that lie here travel with the task, in the same round trip."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._files_here import FilesHere


class ActionModule(FilesHere):
    """Reads requirement files, and those they include, and runs the module with their contents."""

    _supports_async = True
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        return self.run_with_files("pip_pinned", "environments", self.with_paths, task_vars)
