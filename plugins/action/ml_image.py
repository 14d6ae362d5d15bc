# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ml_image: requirement files that lie here travel with the task, in the same round trip."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._files_here import FilesHere


class ActionModule(FilesHere):
    """Reads the requirement files of all images' environments, and runs the module with their contents."""

    _supports_async = True
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        return self.run_with_files("ml_image", "images", self._image, task_vars)

    def _image(self, image: t.Any, contents: dict[str, bytes]) -> t.Any:
        if not isinstance(image, dict) or not isinstance(image.get("python_envs"), list):
            return image  # the module's own validation says what is wrong
        environments = [self.with_paths(item, contents) for item in image["python_envs"]]
        return {**image, "python_envs": environments}
