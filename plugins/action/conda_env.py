# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of conda_env: it reads environment files and locks, which are YAML, for hosts that cannot."""

from __future__ import annotations

import base64
import errno
import json
import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.gpufleet.mlstack.plugins.module_utils._conda import desired, url_credentials, virtual_packages
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._conda import environment_files
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._files_here import FilesHere, packed

# Most hosts are; what another one is the module tells, and the files are then read anew for it.
_LIKELY = "linux-64"


class ActionModule(FilesHere):
    """Reads the files of all environments and runs the module with what they say."""

    _supports_async = True
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        platform = str(self._task.args.get("platform") or self._known_platform())
        result = self._run_for(platform)
        other = result.get("platform")
        if result.get("failed") and other and other != platform and not self._task.args.get("platform"):
            result = self._run_for(str(other))
        return result

    def _known_platform(self) -> str:
        """The host's platform, where facts were gathered."""
        machine = self._task_vars.get("ansible_facts", {}).get("architecture", "")
        return virtual_packages.platform_of(machine) if machine else _LIKELY

    def _run_for(self, platform: str) -> dict[str, t.Any]:
        arguments = {**self._task.args}
        contents: dict[str, bytes] = {}
        self._credentials: url_credentials.Credentials = []
        environments = arguments.get("environments") or []
        if isinstance(environments, list):
            try:
                arguments["environments"] = [self._read(item, platform, contents) for item in environments]
            except MlstackError as exc:
                return {"failed": True, "changed": False, "msg": str(exc), "code": exc.code, **exc.details}
        if contents:
            arguments["environment_files"] = packed(contents)
            arguments["platform"] = platform
        if self._credentials:
            arguments["credentials"] = [*(arguments.get("credentials") or []), *self._credentials]
        return self.run_module("conda_env", arguments, self._task_vars)

    def _read(self, environment: t.Any, platform: str, contents: dict[str, bytes]) -> t.Any:
        """The environment with absolute paths; what its files say is added to ``contents``."""
        if not isinstance(environment, dict):
            return environment  # the module's own validation says what is wrong
        remote = boolean(environment.get("remote_src", False), strict=False)
        located = dict(environment)
        path = environment.get("file")
        if path:
            located["file"] = str(path) if remote else self.located(path)
            self._describe(located, platform, contents, remote)
        listed = environment.get("pip_requirements")
        listed = listed.split(",") if isinstance(listed, str) else listed
        if isinstance(listed, list) and not remote:
            located["pip_requirements"] = [self.located(item) for item in listed]
            for item in located["pip_requirements"]:
                self.gather(item, contents)
        return located

    def _describe(self, options: dict[str, t.Any], platform: str, contents: dict[str, bytes], remote: bool) -> None:
        categories = options.get("categories") or ["main"]
        categories = categories.split(",") if isinstance(categories, str) else categories
        environment = options.get("environment") or "default"
        path = options["file"]
        try:
            text = self._slurped(path) if remote else self.content(path)
        except OSError:
            return  # the module names it as missing, with everything else that is wrong
        found = environment_files.read_file(
            text, path, platform, categories=categories, environment=environment, environ=os.environ
        )
        found, credentials = url_credentials.out_of_file(found)
        self._credentials += [item for item in credentials if item not in self._credentials]
        key = desired.file_key(path, categories, environment)
        contents[key] = json.dumps(found.as_data(), sort_keys=True).encode()
        section = found.pip_text()
        if section.strip() and not remote:
            gathered = {path: section.encode()}
            self.gather(path, gathered)
            contents.update({name: data for name, data in gathered.items() if name != path})

    def _slurped(self, path: str) -> bytes:
        answer = self._execute_module(
            module_name="ansible.legacy.slurp", module_args={"src": path}, task_vars=self._task_vars
        )
        if answer.get("failed"):
            if "content" not in answer and "not found" in str(answer.get("msg", "")):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
            raise AnsibleActionFail(str(answer.get("msg")))
        return base64.b64decode(answer["content"])
