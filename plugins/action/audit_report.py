# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of audit_report: it reads what dep_audit found on all hosts and writes documents on the controller."""

from __future__ import annotations

import os
import typing as t
from datetime import datetime, timezone

from ansible.plugins.action import ActionBase
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._module import failure
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import SEVERITIES
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import context, files, fleet

_SPEC: dict[str, t.Any] = {
    "results": {"type": "str", "default": "dep_audit_result"},
    "hosts": {"type": "list", "elements": "str"},
    "folder": {"type": "path"},
    "formats": {"type": "list", "elements": "str", "choices": list(files.FORMATS), "default": ["html", "json"]},
    "due_days": {"type": "dict", "default": {}, "options": {name: {"type": "int"} for name in SEVERITIES}},
    "epss": {"type": "path"},
    "kev": {"type": "path"},
    "title": {"type": "str", "default": "Audit of the fleet"},
}


class ActionModule(ActionBase):
    """Makes one fleet of the results of all hosts; sends nothing to any."""

    _supports_check_mode = True
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _checked, options = self.validate_argument_spec(argument_spec=_SPEC)
        result["changed"] = False
        try:
            result.update(self._report(options, task_vars or {}))
        except MlstackError as error:
            result.update(failure(error))
        return result

    def _report(self, options: t.Mapping[str, t.Any], task_vars: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        hosts = options["hosts"] if options["hosts"] is not None else task_vars.get("ansible_play_hosts_all", [])
        hostvars = task_vars["hostvars"]
        # As they are: to template a thousand hosts' results, in which no template is, would take minutes.
        results = {str(host): _variable(hostvars.raw_get(host), options["results"]) for host in hosts}
        made = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        audited = fleet.from_results(results, made, options["title"])
        return {
            "files": self._written(audited, options),
            "policy_met": not audited.reasons(),
            "reasons": audited.reasons(),
            "databases": [{"source": item.source, "date": item.date} for item in audited.databases()],
            "notes": audited.notes(),
            "unheard": [{"what": what, "why": why} for what, why in audited.unheard()],
            "summary": _summary(audited),
        }

    def _written(self, audited: fleet.Fleet, options: t.Mapping[str, t.Any]) -> list[str]:
        if not options["folder"]:
            return []
        folder = os.path.abspath(os.path.expanduser(options["folder"]))
        known = context.read(folder, audited, options)
        documents = list(files.documents(audited, options["formats"], known))
        if self._task.check_mode:
            return [os.path.join(folder, path) for path, _make in documents]
        return [files.write(folder, path, make()) for path, make in documents]


def _variable(variables: t.Any, name: str) -> t.Any:
    return variables.get(name) if hasattr(variables, "get") else None


def _summary(audited: fleet.Fleet) -> dict[str, int]:
    """Distinct flaws by severity, and how many hosts they are on."""
    found = [(one.host, flaw) for one in audited.environments() for flaw in one.open_flaws()]
    flaws = {flaw for _host, flaw in found}
    counts = {severity: sum(flaw.severity == severity for flaw in flaws) for severity in SEVERITIES}
    return {
        **counts,
        "hosts": len(audited.hosts),
        "hosts_with_flaws": len({host for host, _flaw in found}),
        "problems": sum(len(one.open_problems()) for one in audited.environments()),
        "unheard": len(audited.unheard()),
    }
