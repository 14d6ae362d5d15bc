# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change at any time. Other collections use the modules instead.
"""SARIF 2.1.0 (OASIS), for code scanning: a rule per flaw, a result per environment that has it.

C(security-severity) is what code scanning sorts by; the fingerprint keeps a result the same result from run to run.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from urllib.parse import quote

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Finding, Flaw, Package, Problem
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import (
    VERSION,
    Fleet,
    Placed,
    rank,
)

_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "unknown": "warning"}


def render(fleet: Fleet) -> str:
    """The text of the file."""
    return json.dumps(document(fleet), separators=(",", ":")) + "\n"


def document(fleet: Fleet) -> dict[str, t.Any]:
    flaws = sorted({item.flaw for one in fleet.environments() for item in one.environment.findings}, key=rank)
    kinds = sorted({problem.kind for one in fleet.environments() for problem in one.environment.problems})
    rules = [_rule(flaw) for flaw in flaws] + [{"id": kind, "name": _camel(kind)} for kind in kinds]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    results = []
    for one in sorted(fleet.environments(), key=lambda one: not one.has_malware):
        results += [_result(finding, package, one, index) for finding, package in one.found()]
        results += [_problem(problem, one, index) for problem in one.environment.problems]
    unheard = fleet.unheard()
    run = {
        "tool": {"driver": {"name": "gpufleet.mlstack dep_audit", "version": VERSION, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "invocations": [
            {
                "executionSuccessful": not unheard,
                "endTimeUtc": fleet.made,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": f"{what} could not be audited: {why}"}}
                    for what, why in unheard
                ],
            }
        ],
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _rule(flaw: Flaw) -> dict[str, t.Any]:
    rule: dict[str, t.Any] = {
        "id": flaw.id,
        "shortDescription": {"text": f"{'Malware: ' if flaw.malware else ''}{flaw.summary or flaw.id}"},
        "defaultConfiguration": {"level": _LEVELS[flaw.severity]},
        "properties": {"tags": ["security", *dict.fromkeys((flaw.word, flaw.severity)), *flaw.aliases]},
    }
    if flaw.url.startswith("https://"):
        rule["helpUri"] = quote(flaw.url, safe="/:?#[]@!$&'()*+,;=%~")
    if flaw.score is not None:
        rule["properties"]["security-severity"] = f"{flaw.score:.1f}"
    return rule


def _result(finding: Finding, package: Package, one: Placed, index: t.Mapping[str, int]) -> dict[str, t.Any]:
    flaw = finding.flaw
    text = f"{package.name} {package.version} on {one.host} has {flaw.id} ({flaw.word}). "
    text += f"Update it to {package.fix}." if package.fix else "No fix is known."
    result = _located(flaw.id, _LEVELS[flaw.severity], text, one, index, f"{package.name}=={package.version}")
    return _suppressed(result, finding.ignored)


def _problem(problem: Problem, one: Placed, index: t.Mapping[str, int]) -> dict[str, t.Any]:
    result = _located(problem.kind, "warning", f"{problem.text} (on {one.host})", one, index, problem.text)
    return _suppressed(result, problem.ignored)


def _suppressed(result: dict[str, t.Any], why: str) -> dict[str, t.Any]:
    return {**result, "suppressions": [{"kind": "external", "justification": why}]} if why else result


def _located(
    rule: str, level: str, text: str, one: Placed, index: t.Mapping[str, int], subject: str
) -> dict[str, t.Any]:
    path = one.environment.path
    digest = hashlib.sha256(json.dumps([rule, one.host, path, subject]).encode()).hexdigest()
    return {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": level,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    # Code scanning takes paths of a repository only; host and environment make one.
                    "artifactLocation": {"uri": quote(f"{one.host}/{path.lstrip('/')}")},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": f"{one.host}:{path}:{subject}", "kind": "package"}],
            }
        ],
        "partialFingerprints": {"mlstackFinding/v1": digest},
    }


def _camel(kind: str) -> str:
    return "".join(word.capitalize() for word in kind.split("_"))
