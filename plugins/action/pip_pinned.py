# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of pip_pinned: requirement files that lie here travel with the task, in the same round trip."""

from __future__ import annotations

import base64
import errno
import os
import typing as t
import zlib

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.gpufleet.mlstack.plugins.module_utils._python import requirement_files
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._at_once import AtOnce


def packed(contents: t.Mapping[str, bytes]) -> dict[str, str]:
    """Contents as an argument. Packed small: Python reads a pipelined module byte by byte, these bytes included."""
    return {path: base64.b64encode(zlib.compress(data, 9)).decode("ascii") for path, data in contents.items()}


class ActionModule(AtOnce):
    """Reads requirement files, and those they include, and runs the module with their contents."""

    _supports_check_mode = True
    _supports_diff = True
    TRANSFERS_FILES = False

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
            located[option] = [self._located(path) for path in paths]
            for path in located[option]:
                self._read(path, contents)
        return located

    def _located(self, path: str) -> str:
        path = os.path.expanduser(str(path))
        try:
            return str(self._find_needle("files", path))
        except AnsibleError:
            return os.path.abspath(path)  # the module names it as unreadable, with everything else that is wrong

    def _read(self, path: str, contents: dict[str, bytes]) -> None:
        """Gather a file and its includes. What cannot be read or understood is left to the module to refuse."""

        def load(name: str) -> bytes:
            if name not in contents:
                contents[name] = self._content(name)
            return contents[name]

        requirement_files.read_leniently([path], load=load)

    def _content(self, path: str) -> bytes:
        """A file's bytes, decrypted where it is a vault's. Raises OSError."""
        if not os.path.isfile(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        real = self._loader.get_real_file(path)
        try:
            with open(real, "rb") as stream:
                return stream.read()
        finally:
            self._loader.cleanup_tmp_file(real)
