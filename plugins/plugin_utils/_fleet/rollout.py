# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decisions of a driver rollout: which driver each host is asked for, who goes first, who is left alone, and
where the rollout stands. Pure: what was observed in, decisions out; playbooks/driver_rollout.yml only follows.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

Facts = t.Mapping[str, t.Any]

CANARY, REST, SAME, WITHOUT, UNWELL, HELD = "canary", "rest", "same", "without", "unwell", "held"


@dataclass(frozen=True)
class Settings:
    """What an operator says: ``canary`` is a number or names of hosts; ``back_from`` a driver to leave, a version or a
    branch; ``state`` and ``reboot`` are those of the role; ``accept`` are codes of problems with which a host
    passes."""

    state: str = "present"
    canary: t.Any = 1
    back_from: str = ""
    reboot: str = "when_required"
    accept: t.Collection[str] = ()


@dataclass(frozen=True)
class Decision:
    """What becomes of a host. ``group`` says when: ``canary`` or ``rest``; or why not: ``same`` has the driver and is
    well, ``without`` has no GPU, ``unwell`` has the driver and something is wrong, ``held`` would follow a canary that
    is not well or does not answer any more. ``waits`` is a reboot that others make."""

    group: str
    reason: str
    waits: bool = False


def asked(found: Facts, settings: Settings) -> tuple[str, bool]:
    """The state that the role is asked for, and whether it is asked at all: of those who do not have the driver that is
    left, some are on their way back, and keep what they have."""
    if not settings.back_from:
        return settings.state, True
    driver = present(found)
    leaves = driver == settings.back_from or driver.startswith(f"{settings.back_from}.")
    return ("previous", True) if leaves else ("present", False)


def present(found: Facts) -> str:
    """The driver that a host has, by gpu_info."""
    driver = found.get("driver") or {}
    return driver.get("libraries") or driver.get("on_disk") or ""


def wrong(found: Facts, settings: Settings, *, absent: bool) -> list[str]:
    """Why a host that has its driver is not well."""
    told = [problem["text"] for problem in found.get("problems", ()) if problem["code"] not in settings.accept]
    silent = [gpu for gpu in found.get("gpus", ()) if gpu["owner"] in ("host", "nobody") and gpu["index"] is None]
    return told + (["not every GPU answers"] if silent and not absent else [])


def decide(hosts: t.Mapping[str, Facts], settings: t.Mapping[str, Settings]) -> dict[str, Decision]:
    """A decision for each host. Of a host ``found`` is the result of gpu_info, ``answer`` that of nvidia_driver in
    check mode, and ``drained`` says that a rollout before left it empty."""
    changing = [name for name, facts in hosts.items() if not _skipped(facts) and _changes(facts)]
    same = [name for name, facts in hosts.items() if not _skipped(facts) and not _changes(facts)]
    first = _canaries(changing, same, settings)
    decided = {name: _decision(name, facts, settings[name], first) for name, facts in hosts.items()}
    lost = _lost_canaries(decided, settings)
    if not lost:
        return decided
    held = Decision(HELD, f"{', '.join(lost)} should have gone first, and cannot")
    return {name: held if decision.group == REST else decision for name, decision in decided.items()}


def _lost_canaries(decided: t.Mapping[str, Decision], settings: t.Mapping[str, Settings]) -> list[str]:
    """The canaries by name of which nobody can learn anything: a number is made up from those who are left."""
    said = next(iter(settings.values())).canary if settings else 0
    names = [] if _number(said) else _names(said)
    return [name for name in names if name not in decided or decided[name].group in (UNWELL, WITHOUT)]


def _skipped(facts: Facts) -> bool:
    return bool(facts["answer"].get("skipped"))


def _plan(facts: Facts) -> t.Sequence[t.Any]:
    return facts["answer"].get("plan") or ()


def _changes(facts: Facts) -> bool:
    return bool(_plan(facts) or facts["answer"].get("reboot_required"))


def _canaries(changing: t.Sequence[str], same: t.Sequence[str], settings: t.Mapping[str, Settings]) -> set[str]:
    """Names are taken as they are. Of a number those are left over that have the driver already, where others
    reboot: this runs many times then, and the hosts that are rebooted by now are the canaries of those that follow."""
    if not settings:
        return set()
    said = next(iter(settings.values())).canary
    if not _number(said):
        return set(changing) & set(_names(said))
    done = [name for name in same if settings[name].reboot == "never"]
    return {*done, *changing[: max(0, int(said) - len(done))]}


def _number(canary: t.Any) -> bool:
    return re.fullmatch(r"[0-9]+", str(canary)) is not None


def _names(canary: t.Any) -> list[str]:
    return [name.strip() for name in canary.split(",")] if isinstance(canary, str) else list(canary)


def _decision(name: str, facts: Facts, settings: Settings, first: t.Collection[str]) -> Decision:
    if _skipped(facts):
        return Decision(WITHOUT, "no NVIDIA GPU is here")
    state, _asked = asked(facts["found"], settings)
    absent = state == "absent"
    if not _changes(facts):
        problems = wrong(facts["found"], settings, absent=absent)
        if problems:
            return Decision(UNWELL, "; ".join(problems))
        if not facts.get("drained"):
            has = "has no driver, as desired" if absent else f"has {present(facts['found'])} already and is well"
            return Decision(SAME, has)
    waits = settings.reboot == "never" and bool(facts["answer"].get("reboot_required")) and not _plan(facts)
    reason = "; ".join(step["summary"] for step in _plan(facts)) or (
        "a reboot is due" if _changes(facts) else "a rollout before left it empty"
    )
    return Decision(CANARY if name in first else REST, reason, waits)


@dataclass(frozen=True)
class Standing:
    """Where a rollout stands after a batch. ``missing`` hosts were begun and did not come to an end, which is one that
    stopped answering; ``stop`` says that more of the batch failed than may."""

    failed: tuple[str, ...]
    missing: tuple[str, ...]
    unbooted: tuple[str, ...]
    changed: tuple[str, ...]
    left: tuple[str, ...]
    batch_missing: tuple[str, ...]
    stop: bool


def standing(hosts: t.Mapping[str, Facts], batch: t.Collection[str], may_fail: float) -> Standing:
    """Of a host that is to be changed ``begun``, ``ended``, ``failed`` and ``waits`` say how far it came.
    ``may_fail`` is a share in percent."""
    begun = {name for name, facts in hosts.items() if facts["begun"]}
    failed = {name for name, facts in hosts.items() if facts["failed"]}
    missing = {name for name in begun if not hosts[name]["ended"]}
    unbooted = {name for name, facts in hosts.items() if facts["waits"]}
    here = set(batch)
    lost = (failed | missing) & here
    return Standing(
        failed=tuple(sorted(failed)),
        missing=tuple(sorted(missing)),
        unbooted=tuple(sorted(unbooted)),
        changed=tuple(sorted(here - failed - missing - unbooted)),
        left=tuple(sorted(set(hosts) - begun)),
        batch_missing=tuple(sorted(missing & here)),
        # Ansible counts what failed by itself.
        stop=bool(missing & here) and 100 * len(lost) > may_fail * len(here),
    )
