# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The run as a whole, made of Ansible's events: pure, every event brings its time along."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.text import one_line
from ansible_collections.gpufleet.mlstack.plugins.plugin_utils._progress.told import Sentence, Thing, Told

# The worse comes later; what a phase is for a host is the worst that one of its tasks was, running apart.
RANK = ("skipped", "ok", "changed", "ignored", "failed", "unreachable")


@dataclass(frozen=True)
class Task:
    """``role`` is the role's short name, or empty; ``phase`` is the role, or else the play. ``quiet`` are tasks that
    only lead to others, or that say something themselves; ``prompts`` those that ask the user; ``looks`` those that
    work on the host itself and not for it on the controller."""

    uuid: str
    name: str
    phase: str
    role: str = ""
    action: str = ""
    quiet: bool = False
    prompts: bool = False
    looks: bool = True


@dataclass(frozen=True)
class Problem:
    """A task that failed on a host, or a host that did not answer."""

    status: str
    phase: str
    task: str
    code: str
    sentences: tuple[Sentence, ...]


@dataclass
class Phase:
    """What a phase is for one host."""

    status: str = ""
    spent: float = 0.0

    def join(self, status: str) -> None:
        if not self.status or RANK.index(status) > RANK.index(self.status):
            self.status = status


@dataclass
class Host:
    """One host: the task that it has now, if any, with its start, and what became of those before."""

    name: str
    now: Task | None = None
    since: float = 0.0
    phases: dict[str, Phase] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    ignored: list[Problem] = field(default_factory=list)
    changed: int = 0
    results: int = 0
    looked: bool = False
    reboot: bool = False
    rescued: bool = False
    interrupted: bool = False
    things: dict[str, Thing] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The worst of it. A host on which nothing ran is not well, it is untouched: nobody looked."""
        if self.problems and not self.rescued:
            worst: str = max((problem.status for problem in self.problems), key=RANK.index)
            return worst
        if self.interrupted:
            return "interrupted"
        if not self.results:
            return "waiting"
        if self.changed:
            return "changed"
        return "ok" if self.looked else "untouched"


@dataclass
class Run:
    """All hosts of a run."""

    started: float
    playbook: str = ""
    preview: bool = False
    hosts: dict[str, Host] = field(default_factory=dict)
    roles: list[str] = field(default_factory=list)
    plays: list[str] = field(default_factory=list)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    answered: bool = False  # whether any host did

    @property
    def phases(self) -> list[str]:
        """The columns: roles in the order in which they came; of a run without any, its plays."""
        return self.roles or self.plays

    def host(self, name: str) -> Host:
        return self.hosts.setdefault(name, Host(name))

    def play_started(self, name: str, hosts: t.Iterable[str]) -> None:
        """A play begins, or the next batch of one."""
        if name not in self.plays:
            self.plays.append(name)
        for host in hosts:
            self.host(host)

    def host_started(self, name: str, task: Task, at: float) -> None:
        host = self.host(name)
        host.now, host.since = task, at

    def host_ended(self, name: str, task: Task, told: Told, at: float, ignored: bool = False) -> Problem | None:
        """A result came. Returns the problem, if it is one that counts."""
        host = self.host(name)
        host.results += 1
        self.answered = True
        spent = at - host.since if host.now is not None and host.now.uuid == task.uuid else 0.0
        host.now = None
        bad = told.status in ("failed", "unreachable")
        status = "ignored" if bad and ignored else told.status
        self._phase(host, task, status, spent)
        for warning in told.warnings:
            self.warn(warning, name)
        if told.reboot is not None:
            host.reboot = told.reboot
        host.looked = host.looked or (task.looks and told.status in ("ok", "changed"))
        if told.status == "changed":
            host.changed += 1
        host.things.update({thing.name: thing for thing in told.things})
        if not bad:
            return None
        problem = Problem(told.status, task.phase, task.name, told.code, told.sentences)
        (host.ignored if ignored else host.problems).append(problem)
        return None if ignored else problem

    def _phase(self, host: Host, task: Task, status: str, spent: float) -> None:
        if task.role and task.role not in self.roles and status != "skipped":
            self.roles.append(task.role)
        phase = host.phases.setdefault(task.phase, Phase())
        phase.join(status)
        phase.spent += spent

    def warn(self, text: str, host: str = "") -> None:
        hosts = self.warnings.setdefault(one_line(text), [])
        if host and host not in hosts:
            hosts.append(host)

    def ended(self, failures: t.Mapping[str, int], dark: t.Mapping[str, int]) -> None:
        """The run is over. A host whose failures were all rescued has none by Ansible's count; one that is still at
        work was interrupted."""
        for host in self.hosts.values():
            host.interrupted, host.now = host.now is not None, None
            host.rescued = bool(host.problems) and not failures.get(host.name) and not dark.get(host.name)

    def running(self) -> list[Host]:
        """Hosts with a task, those that have it longest first."""
        return sorted((host for host in self.hosts.values() if host.now is not None), key=lambda host: host.since)

    def count(self, status: str) -> int:
        return sum(host.status == status for host in self.hosts.values())
