# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one summary at the end of a run, the worst first. Pure: from the run to lines, each with its kind."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.state import Host, Problem, Run
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.text import few, one_line, seconds
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Sentence

Line = tuple[str, str]  # kind (failed, unreachable, changed, ok, warning, title, plain), text
MOST_WARNINGS = 3
MOST_SENTENCE = 600  # characters; -v shows all
_WORD = {"failed": "FAILED", "unreachable": "UNREACHABLE"}
_PREVIEW = {"changed": "would change", "ok": "as desired"}
_REAL = {"changed": "changed", "ok": "unchanged"}


def summary(run: Run, now: float, again: str = "") -> list[Line]:
    """``again`` is the command that runs this once more for the hosts that need it."""
    told = [("title", _title(run, now))]
    for (status, phase, code, _key), hosts in _groups(run).items():
        told += _group(status, phase, code, hosts)
    told += _left_out(run)
    told += _rebooting(run)
    told += _warnings(run)
    told += _well(run)
    told += _things(run)
    if again:
        told.append(("plain", f"Next: {again}"))
    return told


def bad_hosts(run: Run) -> list[str]:
    """Hosts that failed or did not answer, as --limit takes them: not names that mean something else there."""
    bad = (host.name for host in run.hosts.values() if host.status in _WORD)
    return sorted(name for name in bad if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name))


def _title(run: Run, now: float) -> str:
    hosts = list(run.hosts.values())
    words = _PREVIEW if run.preview else _REAL
    parts = [f"{run.count('unreachable')} unreachable", f"{run.count('failed')} failed"]
    if run.count("interrupted"):
        parts.append(f"{run.count('interrupted')} interrupted")
    if run.count("waiting"):
        parts.append(f"{run.count('waiting')} without a result")
    if any(host.rescued for host in hosts):
        parts.append(f"{sum(host.rescued for host in hosts)} rescued")
    if run.count("untouched"):
        parts.append(f"{run.count('untouched')} untouched")
    parts += [f"{run.count('changed')} {words['changed']}", f"{run.count('ok')} {words['ok']}"]
    one = "1 host" if len(hosts) == 1 else f"{len(hosts)} hosts"
    check = "CHECK" if run.preview else "SUMMARY"
    return f"{check} of {one} in {seconds(now - run.started)}: {', '.join(parts)}"


def _groups(run: Run) -> dict[tuple[str, str, str, str], list[tuple[Host, Problem]]]:
    """Problems that are the same but for the host's name, those of most hosts first, the unreachable before."""
    groups: dict[tuple[str, str, str, str], list[tuple[Host, Problem]]] = {}
    for host in run.hosts.values():
        for problem in host.problems if not host.rescued else ():
            text = _nameless("\0".join(map(repr, problem.sentences)), host.name)
            key = (problem.status, problem.phase, problem.code, f"{problem.task}\0{text}")
            groups.setdefault(key, []).append((host, problem))
    return dict(sorted(groups.items(), key=lambda item: (item[0][0] != "unreachable", -len(item[1]), item[0])))


def _nameless(text: str, host: str) -> str:
    return re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", "HOST", text)


def _group(status: str, phase: str, code: str, members: list[tuple[Host, Problem]]) -> list[Line]:
    hosts = [host.name for host, _problem in members]
    host, problem = members[0]
    counted = f" ({len(hosts)} hosts)" if len(hosts) > 1 else ""
    head = [f"{_WORD[status]} {few(hosts)}{counted}", one_line(phase, 60)]
    head.append(code if code else f"task: {one_line(problem.task, 80)}")
    told: list[Line] = [(status, " | ".join(head))]
    for sentence in problem.sentences[:3]:
        told += _sentence(sentence, host.name if len(hosts) > 1 else "")
    if len(problem.sentences) > 3:
        told.append(("plain", f"  and {len(problem.sentences) - 3} more of this task; -v shows them"))
    return told


def _sentence(sentence: Sentence, nameless: str) -> list[Line]:
    parts = []
    if sentence.title:
        parts.append(f"[{sentence.title}]")
    if sentence.wanted:
        parts.append(f"Wanted: {_end(sentence.wanted)}")
    parts.append(f"Found: {_end(sentence.found)}")
    told = [" ".join(parts)]
    if sentence.to_fix:
        told.append(f"To fix: {_end(sentence.to_fix)}")
    if nameless:
        told = [_nameless(text, nameless) for text in told]
    return [("plain", "  " + one_line(text, MOST_SENTENCE)) for text in told]


def _end(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _left_out(run: Run) -> list[Line]:
    told: list[Line] = []
    interrupted = [host.name for host in run.hosts.values() if host.status == "interrupted"]
    if interrupted:
        told.append(
            ("warning", f"INTERRUPTED {few(interrupted)}: at work when the run ended, so nothing is known of it")
        )
    waiting = [host.name for host in run.hosts.values() if host.status == "waiting"]
    if waiting:
        told.append(("warning", f"NO RESULT {few(waiting)}: the run ended before their turn, so nothing is known"))
    untouched = [host.name for host in run.hosts.values() if host.status == "untouched"]
    if untouched:
        told.append(("plain", f"UNTOUCHED {few(untouched)}: no task ran there, so nothing is known of them"))
    rescued = [host.name for host in run.hosts.values() if host.rescued]
    if rescued:
        told.append(("warning", f"RESCUED {few(rescued)}: a task failed and the playbook dealt with it"))
    ignored: dict[str, list[str]] = {}
    for host in run.hosts.values():
        for problem in host.ignored:
            ignored.setdefault(f"{one_line(problem.phase, 60)}: {one_line(problem.task, 80)}", []).append(host.name)
    told += [("warning", f"IGNORED {few(hosts)}: {text} failed") for text, hosts in list(ignored.items())[:2]]
    if len(ignored) > 2:
        told.append(("warning", f"IGNORED {len(ignored) - 2} more failures"))
    return told


def _rebooting(run: Run) -> list[Line]:
    hosts = [host.name for host in run.hosts.values() if host.reboot]
    return [("warning", f"REBOOT PENDING {few(hosts)}")] if hosts else []


def _warnings(run: Run) -> list[Line]:
    told: list[Line] = []
    for text, hosts in list(run.warnings.items())[:MOST_WARNINGS]:
        where = f" {few(hosts, 60)}:" if hosts and len(run.hosts) > 1 else ""
        told.append(("warning", f"WARNING{where} {one_line(text, MOST_SENTENCE)}"))
    more = len(run.warnings) - MOST_WARNINGS
    if more > 0:
        told.append(("warning", f"WARNING and {more} more; -v shows them"))
    return told


def _well(run: Run) -> list[Line]:
    told: list[Line] = []
    words = _PREVIEW if run.preview else _REAL
    for status in ("changed", "ok"):
        hosts = [host.name for host in run.hosts.values() if host.status == status]
        if hosts:
            told.append((status, f"{words[status].upper()} {few(hosts)}"))
    return told


def _things(run: Run) -> list[Line]:
    """What there is now, where one machine is what the run was about."""
    if len(run.hosts) != 1:
        return []
    (host,) = run.hosts.values()
    return [("ok", f"READY {thing.name}: {thing.use}") for thing in host.things.values()]


def as_data(run: Run, now: float) -> dict[str, t.Any]:
    """The same for programs."""
    return {
        "seconds": round(now - run.started, 1),
        "check": run.preview,
        "hosts": {
            host.name: {
                "status": "rescued" if host.rescued else host.status,
                "changed": host.changed,
                "reboot_pending": host.reboot,
                "phases": {name: phase.status for name, phase in host.phases.items()},
                "problems": [_problem(problem) for problem in host.problems],
                "ignored": [_problem(problem) for problem in host.ignored],
            }
            for host in run.hosts.values()
        },
        "warnings": run.warnings,
    }


def _problem(problem: Problem) -> dict[str, t.Any]:
    return {
        "status": problem.status,
        "phase": problem.phase,
        "task": problem.task,
        "code": problem.code,
        "sentences": [{k: v for k, v in vars(sentence).items() if v} for sentence in problem.sentences],
    }
