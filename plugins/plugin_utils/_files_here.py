# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that lie on the controller, found and read for a task, and sent with it."""

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
    """Contents as an argument, small: they travel with the task to every host."""
    return {path: base64.b64encode(zlib.compress(data, 9)).decode("ascii") for path, data in contents.items()}


class FilesHere(AtOnce):
    """An action whose module works with files that lie here."""

    TRANSFERS_FILES = False

    def run_module(
        self, name: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        """The module's result, or with C(async) what C(async_status) asks for it by: what lies here was read before."""
        later = bool(self._task.async_val) and not self._connection.has_native_async
        result: dict[str, t.Any] = self._execute_module(
            module_name=f"gpufleet.mlstack.{name}", module_args=arguments, task_vars=task_vars, wrap_async=later
        )
        return result

    def run_with_files(
        self,
        name: str,
        option: str,
        read: t.Callable[[t.Any, dict[str, bytes]], t.Any],
        task_vars: dict[str, t.Any] | None,
    ) -> dict[str, t.Any]:
        """Run a module after ``read`` has made paths of each item of a list absolute and gathered what they lead to."""
        arguments = dict(self._task.args)
        contents: dict[str, bytes] = {}
        items = arguments.get(option) or []
        if isinstance(items, list):  # else the module's own validation says what is wrong
            arguments[option] = [read(item, contents) for item in items]
        if contents:
            arguments["requirement_files"] = packed(contents)
        return self.run_module(name, arguments, task_vars)

    def located(self, path: t.Any) -> str:
        """Where a file lies, looked for as M(ansible.builtin.copy) does; absolute also where it is not found."""
        name = os.path.expanduser(str(path))
        try:
            return str(self._find_needle("files", name))
        except AnsibleError:
            return os.path.abspath(name)  # the module names it as unreadable, with everything else that is wrong

    def content(self, path: str) -> bytes:
        """A file's bytes, decrypted where it is a vault's. Raises OSError."""
        if not os.path.isfile(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        real = self._loader.get_real_file(path)
        try:
            with open(real, "rb") as stream:
                return stream.read()
        finally:
            self._loader.cleanup_tmp_file(real)

    def gather(self, path: str, contents: dict[str, bytes]) -> None:
        """Add a requirement file and those it includes. What cannot be read or understood is the module's to refuse."""

        def load(name: str) -> bytes:
            if name not in contents:
                contents[name] = self.content(name)
            return contents[name]

        requirement_files.read_leniently([path], load=load)

    def with_paths(self, environment: t.Any, contents: dict[str, bytes]) -> t.Any:
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
