# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SARIF 2.1.0 (OASIS), for code scanning: a rule per flaw, a result per version of a package that has it.

GitHub takes what is said here and no more: https://docs.github.com/en/code-security/reference/code-scanning/sarif-support.
C(security-severity) is what it sorts by; the fingerprint keeps a result the same result from run to run.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from urllib.parse import quote

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.model import Flaw
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs import grouped
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.fleet import VERSION, Fleet, Placed
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._audit.outputs.grouped import Found, Trouble

_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "unknown": "warning"}
# GitHub refuses a run with more results or rules, and shows no more locations and tags.
_MOST_RESULTS = 25_000
_MOST_LOCATIONS = 100
_MOST_TAGS = 10
_LONGEST = 1024  # characters of a description

_MEANINGS = {
    "broken_metadata": "Metadata that nobody can read, an interrupted installation as a rule",
    "broken_requirement": "A package needs one that is missing or has another version",
    "licence_denied": "A licence that the policy does not allow",
    "may_differ": "A package that may differ from the release of its version",
    "no_advisories": "Packages of which nobody publishes advisories here",
    "not_answered": "The source of advisories did not tell all about a package",
    "not_audited": "What could not be audited",
    "outdated": "There is a newer version",
    "undecided": "Whether an advisory is about a version cannot be decided",
    "unhashed": "A line of a file without a hash",
    "unknown_package": "Nobody can tell whether a package has known flaws",
    "unpinned": "A line of a file without a version",
    "unreadable_requirement": "A requirement that nobody can read",
    "untrusted_origin": "A package from a place that the policy does not trust",
    "yanked": "A release that its makers took back",
}


def render(fleet: Fleet) -> str:
    """The text of the file."""
    return json.dumps(document(fleet), separators=(",", ":")) + "\n"


def document(fleet: Fleet) -> dict[str, t.Any]:
    found, troubles = grouped.flaws(fleet), grouped.troubles(fleet)
    everything: list[Found | Trouble] = [*found, *troubles]
    everything.sort(key=lambda item: bool(item.ignored))  # what is ignored is the first that may be left out
    kept = everything[:_MOST_RESULTS]
    rules = _rules(kept)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    unheard = fleet.unheard()
    told = [("error", f"{what} could not be audited: {why}") for what, why in unheard]
    told += [("warning", sentence) for sentence in _left_out(everything, kept)]
    run = {
        "tool": {
            "driver": {
                "name": "gpufleet.mlstack dep_audit",
                "version": VERSION,
                "semanticVersion": VERSION,
                "rules": rules,
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, index) for item in kept],
        "invocations": [
            {
                "executionSuccessful": not unheard,
                "endTimeUtc": fleet.made,
                "toolExecutionNotifications": [{"level": level, "message": {"text": text}} for level, text in told],
            }
        ],
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _left_out(everything: t.Sequence[Found | Trouble], kept: t.Sequence[Found | Trouble]) -> t.Iterator[str]:
    if len(kept) < len(everything):
        yield f"{len(everything) - len(kept)} results are left out, none of them worse: there can be {_MOST_RESULTS}."
    cut = sum(len(item.places) > _MOST_LOCATIONS for item in kept)
    if cut:
        yield f"{cut} results are in more than {_MOST_LOCATIONS} places, of which the first {_MOST_LOCATIONS} are told."


def _rules(kept: t.Iterable[Found | Trouble]) -> list[dict[str, t.Any]]:
    """One for each id, however many databases tell of it in different words."""
    rules: dict[str, dict[str, t.Any]] = {}
    for item in kept:
        if isinstance(item, Found):
            if item.flaw.id not in rules:
                rules[item.flaw.id] = _rule(item.flaw)
        elif item.kind not in rules:
            rules[item.kind] = _rule_of_kind(item.kind)
    return list(rules.values())


def _rule(flaw: Flaw) -> dict[str, t.Any]:
    title = f"{'Malware: ' if flaw.malware else ''}{flaw.summary or flaw.id}"
    known = f"Known as {', '.join(flaw.ids)}; severity {flaw.word}"
    known += f", CVSS {flaw.score:.1f}" if flaw.score is not None else ""
    url = flaw.url if flaw.url.startswith("https://") else ""
    advice = "Update the package to the version that the result names, or look for another package where it names none."
    rule: dict[str, t.Any] = {
        **_described(flaw.id, title, f"{title}. {known}.", f"{advice} {url}".strip()),
        "defaultConfiguration": {"level": _LEVELS[flaw.severity]},
        "properties": {"tags": ["security", *dict.fromkeys((flaw.word, flaw.severity)), *flaw.aliases][:_MOST_TAGS]},
    }
    if url:
        rule["helpUri"] = quote(url, safe="/:?#[]@!$&'()*+,;=%~")
    if flaw.score is not None:
        rule["properties"]["security-severity"] = f"{flaw.score:.1f}"
    return rule


def _rule_of_kind(kind: str) -> dict[str, t.Any]:
    meaning = _MEANINGS.get(kind, kind.replace("_", " ").capitalize())
    return {
        **_described(
            kind, meaning, f"{meaning}.", "The result says what it is about; mend that, or let the policy ignore it."
        ),
        "name": "".join(word.capitalize() for word in kind.split("_")),
        "defaultConfiguration": {"level": "warning"},
    }


def _described(name: str, title: str, text: str, advice: str) -> dict[str, t.Any]:
    return {
        "id": name,
        "shortDescription": {"text": title[:_LONGEST]},
        "fullDescription": {"text": text[:_LONGEST]},
        "help": {"text": advice},
    }


def _result(item: Found | Trouble, index: t.Mapping[str, int]) -> dict[str, t.Any]:
    hosts = len({place.host for place in item.places})
    where = f"on {item.places[0].host}" if hosts == 1 else f"on {hosts} hosts"
    if isinstance(item, Found):
        rule, level, subject = item.flaw.id, _LEVELS[item.flaw.severity], f"{item.package.name}=={item.package.version}"
        text = f"{item.package.name} {item.package.version} {where} has {rule} ({item.flaw.word}). {item.advice}"
    else:
        rule, level, subject, text = item.kind, "warning", item.text, f"{item.text} ({where})"
    digest = hashlib.sha256(json.dumps(item.identity).encode()).hexdigest()
    result = {
        "ruleId": rule,
        "ruleIndex": index[rule],
        "level": level,
        "message": {"text": text},
        "locations": [_location(place, subject) for place in item.places[:_MOST_LOCATIONS]],
        "occurrenceCount": len(item.places),
        # The one key that GitHub reads. It ends in the number of the same line before it, of which there is none.
        "partialFingerprints": {"primaryLocationLineHash": f"{digest[:32]}:1"},
    }
    if item.ignored:
        result["suppressions"] = [{"kind": "external", "justification": item.ignored}]
    return result


def _location(place: Placed, subject: str) -> dict[str, t.Any]:
    return {
        "physicalLocation": {
            # Code scanning takes paths of a repository only; host and environment make one.
            "artifactLocation": {"uri": quote(f"{place.host}/{place.path.lstrip('/')}")},
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"fullyQualifiedName": f"{place.host}:{place.path}:{subject}", "kind": "package"}],
    }
