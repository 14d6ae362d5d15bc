# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of dep_audit: advisories, matching and the verdict. The host only says what it has."""

from __future__ import annotations

import base64
import copy
import os
import typing as t
import zlib
from datetime import datetime, timezone

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.gpufleet.mlstack.plugins.module_utils._audit.arguments import OF_HOST, SPEC
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import InvalidArguments, MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._redact import Redactor
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit import auditor, files, policy
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._files_here import FilesHere

Result = dict[str, t.Any]
NOTHING = "Nothing was audited: neither paths nor search nor files name anything."


class ActionModule(FilesHere):
    """Asks the host once, then judges what it told."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        super().run(tmp, task_vars)
        redactor = Redactor()
        redactor.learn(self._task.args)
        for item in [*_listed(self._task.args.get("advisories")), *_listed(self._task.args.get("system_advisories"))]:
            redactor.add(str(item.get("token") or "") if isinstance(item, dict) else None)
        try:
            result = self._audited(task_vars or {})
        except MlstackError as exc:
            result = {**exc.details, "failed": True, "msg": str(exc), "code": exc.code}
        answer: Result = redactor.data({"changed": False, **result})
        return answer

    def _audited(self, task_vars: dict[str, t.Any]) -> Result:
        arguments = _validated(self._task.args)
        judged = policy.read(arguments["policy"]) if arguments["policy"] is not None else None
        # Refuses bad options before a host is asked. Every host of a play has a process of its own, below the same one.
        work = auditor.Auditor(arguments, datetime.now(timezone.utc), str(os.getppid()))
        local = [] if arguments["remote_src"] else [self._file(path) for path in arguments["files"]]
        told: list[Result] = []
        on_host = arguments["paths"] or arguments["search"] or arguments["os_packages"] != "none"
        if on_host or (arguments["files"] and arguments["remote_src"]):
            sent = {name: arguments[name] for name in OF_HOST}
            sent["files"] = arguments["files"] if arguments["remote_src"] else []
            answer = self._execute_module(
                module_name="gpufleet.mlstack.dep_audit", module_args=sent, task_vars=task_vars
            )
            if answer.get("failed") or "inventory" not in answer:
                return dict(answer)
            told = [_with_contents(item) for item in answer["inventory"]]
        audit = work.audit([*told, *local], judged, task_vars.get("group_names") or ())
        result: Result = audit.plain()
        if not audit.environments:
            where = ", ".join(arguments["roots"]) if "auto" in arguments["paths"] else ", ".join(arguments["search"])
            result["notes"].append(f"Nothing was audited: there is no environment below {where}." if where else NOTHING)
        reasons = audit.verdict.reasons
        if reasons and arguments["enforce"]:
            result.update(failed=True, code="policy", msg=_message(reasons))
        return result

    def _file(self, path: str) -> Result:
        located = self.located(path)
        item = {"name": os.path.basename(path), "path": path, "kind": "file"}
        try:
            return {**item, **files.read(located, self.content)}
        except MlstackError as exc:
            return {**item, "failed": str(exc)}


def _listed(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else [value]


def _validated(given: t.Mapping[str, t.Any]) -> Result:
    found = ArgumentSpecValidator(SPEC).validate(copy.deepcopy(dict(given)))
    if found.error_messages:
        raise InvalidArguments(
            "arguments_invalid",
            wanted="audit environments",
            found="; ".join(found.error_messages),
            to_fix="correct the task; ansible-doc gpufleet.mlstack.dep_audit tells the options",
        )
    return dict(found.validated_parameters)


def _with_contents(item: Result) -> Result:
    """A file's contents, read by the host, as the packages that it pins."""
    if "content" not in item:
        return item
    data = zlib.decompress(base64.b64decode(item.pop("content")))

    def load(path: str) -> bytes:
        if path != item["path"]:
            raise FileNotFoundError(2, "only the files named in the task are read from the host", path)
        return data

    try:
        return {**item, **files.read(item["path"], load)}
    except MlstackError as exc:
        return {**item, "failed": str(exc)}


def _message(reasons: t.Sequence[str]) -> str:
    shown = list(reasons[:10])
    if len(reasons) > len(shown):
        shown.append(f"and {len(reasons) - len(shown)} more")
    return (
        "Wanted: environments that meet the policy. Found: "
        + "; ".join(shown)
        + ". To fix: upgrade what has a fixed version, or ignore it with a reason and a day."
    )
