# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt and dpkg print, turned into data. Pure functions over recorded text."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Change, Forecast

# "Inst name [old] (new origin [arch]) [...]", "Remv name [old]", "Purg name [old]": apt-private/private-install.cc
_STEP = re.compile(r"^(?P<verb>Inst|Remv|Purg) (?P<name>\S+)(?: \[(?P<old>[^]]+)\])?(?: \((?P<new>\S+) )?")
_UNKNOWN = (
    re.compile(r"^E: Unable to locate package (?P<name>\S+)"),
    re.compile(r"^E: Version '(?P<version>[^']+)' for '(?P<name>[^']+)' was not found"),
    re.compile(r"^E: Package '(?P<name>[^']+)' has no installation candidate"),
    re.compile(r"^E: Couldn't find any package by (?:glob|regex) '(?P<name>[^']+)'"),
)
_POLICY_VERSION = re.compile(r"^ (?:\*\*\*|   ) \S+ -?\d+\Z")
# "   500 https://HOST/debian-security bookworm-security/main amd64 Packages"
_SECURITY_SOURCE = re.compile(r"^ +-?\d+ \S+ \S+-security/\S+ ")
_SIZE = re.compile(
    r"^After this operation, (?P<number>[\d.,]+) (?P<unit>k|M|G)?B of additional disk space will be used"
)
_UNITS = {None: 1, "k": 1000, "M": 1000**2, "G": 1000**3}


def parse_simulation(text: str, ok: bool) -> Forecast:
    """C(apt-get --simulate), standard output and error together."""
    unknown = _unknown_names(text)
    if unknown:
        return Forecast(unknown=tuple(unknown))
    if not ok:
        return Forecast(problem=problem_of(text))
    downgraded = set(section(text, "The following packages will be DOWNGRADED"))
    changes = []
    for line in text.splitlines():
        step = _STEP.match(line)
        if step is not None:
            changes.append(_change(step, downgraded))
    return Forecast(tuple(changes), held=tuple(section(text, "The following held packages will be changed")))


def section(text: str, title: str) -> list[str]:
    """The names that apt lists, indented and wrapped, below a line of prose."""
    names: list[str] = []
    inside = False
    for line in text.splitlines():
        if inside and line.startswith("  "):
            names += line.split()
        else:
            inside = line.startswith(title)
    return names


def problem_of(text: str) -> str:
    """Why apt refuses, in its own words: the unmet dependencies if it lists them, else its errors."""
    lines = text.splitlines()
    unmet = [n for n, line in enumerate(lines) if line.startswith("The following packages have unmet dependencies")]
    if unmet:
        told = [line.strip() for line in lines[unmet[0] + 1 :] if line.startswith(" ")]
        return "; ".join(" ".join(line.split()) for line in told)
    return "; ".join(line[3:] for line in lines if line.startswith("E: ")) or "it gave no reason"


def needed_bytes(text: str) -> int:
    """The disk space that apt says it will use, in bytes; 0 where it frees some."""
    for line in text.splitlines():
        match = _SIZE.match(line)
        if match:
            return int(float(match.group("number").replace(",", "")) * _UNITS[match.group("unit")])
    return 0


def parse_policy(text: str) -> dict[str, tuple[str, ...]]:
    """C(apt-cache policy): installable versions by name. Apt's candidate, which heeds pins, first, then new to old."""
    versions: dict[str, list[str]] = {}
    name, version = "", ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            name, version = line.rstrip(":"), ""
        elif line.startswith("  Candidate: "):
            candidate = line.split(": ", 1)[1].strip()
            versions[name] = [] if candidate == "(none)" else [candidate]
        elif _POLICY_VERSION.match(line):
            version = line[5:].split()[0]
        elif version and not line.endswith("/var/lib/dpkg/status") and version not in versions.get(name, ()):
            versions.setdefault(name, []).append(version)
    return {name: tuple(known) for name, known in versions.items() if known}


def parse_security(text: str) -> dict[str, str]:
    """C(apt-cache policy): of packages for which a security archive has a newer version than the installed one, the
    newest such version that is not newer than apt's candidate, which heeds pins."""
    found: dict[str, str] = {}
    name = version = candidate = ""
    state = "above"  # of the candidate in the table of versions, then at or below it, then at the installed one
    for line in text.splitlines():
        if line and not line.startswith(" "):
            name, state = line.rstrip(":"), "above"
        elif line.startswith("  Candidate: "):
            candidate = line.split(": ", 1)[1].strip()
        elif _POLICY_VERSION.match(line):
            version = line[5:].split()[0]
            state = "installed" if line.startswith(" ***") else "within" if version == candidate else state
        elif state == "within" and _SECURITY_SOURCE.match(line):
            found.setdefault(name, version)
    return found


def parse_task(text: str, task: str) -> tuple[str, ...]:
    """The packages whose stanzas, as C(apt-cache dumpavail) prints them, name a task."""
    names: list[str] = []
    name = ""
    for line in text.splitlines():
        key, _colon, value = line.partition(": ")
        if key == "Package":
            name = value.strip()
        elif key == "Task" and task in [word.strip() for word in value.split(",")]:
            names.append(name)
    return tuple(dict.fromkeys(names))


def repository_failures(text: str, ok: bool) -> list[str]:
    """What C(apt-get update) says is wrong with repositories.

    It ends with status 0 when a signature cannot be checked or a server does not answer, and goes on with old lists:
    only its warnings tell.
    """
    marks = (
        "GPG error",
        "Failed to fetch",
        "not signed",
        "is not valid yet",
        "is expired",
        "does not have a Release file",
    )
    failures = []
    for line in text.splitlines():
        if line.startswith(("W: ", "E: ")) and any(mark in line for mark in marks):
            failures.append(" ".join(line[3:].split()))
    if not ok and not failures:
        failures = [problem_of(text)]
    return list(dict.fromkeys(failures))


def parse_records(text: str) -> list[dict[str, str]]:
    """Stanzas in Debian's control format (deb822(5)), as C(apt-cache show) prints them."""
    records = []
    for stanza in text.split("\n\n"):
        record: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line.startswith(" ") and key:
                record[key] += "\n" + line[1:]
            elif ":" in line:
                key, value = line.split(":", 1)
                record[key] = value.strip()
        if record:
            records.append(record)
    return records


class DpkgFailure(t.NamedTuple):
    """A package that dpkg could not process: dpkg's reason, and what its script said last."""

    package: str
    reason: str
    said: str = ""

    def __str__(self) -> str:
        return f"{self.package}: {f'{self.said}: ' if self.said else ''}{self.reason}"


def dpkg_failures(text: str) -> list[DpkgFailure]:
    """The packages that dpkg could not process."""
    lines = text.splitlines()
    told = []
    for number, line in enumerate(lines):
        match = re.match(r"dpkg: error processing (?:package|archive) (\S+) \((\S+)\):", line)
        if match:
            reason = lines[number + 1].strip() if number + 1 < len(lines) else ""
            before = lines[number - 1].strip() if number else ""
            said = "" if before.startswith(("Setting up", "Unpacking", "dpkg")) else before
            told.append(DpkgFailure(match.group(1), reason, said))
    return told


def fatal_errors(text: str) -> list[str]:
    """Why dpkg gave up altogether."""
    lines = text.splitlines()
    return [
        after.strip() for line, after in zip(lines, lines[1:]) if line.startswith("dpkg: unrecoverable fatal error")
    ]


def _change(step: t.Match[str], downgraded: t.AbstractSet[str]) -> Change:
    name, old, new = step.group("name"), step.group("old") or "", step.group("new") or ""
    if step.group("verb") != "Inst":
        return Change("remove", name, old)
    if not old:
        return Change("install", name, "", new)
    if name in downgraded:
        return Change("downgrade", name, old, new)
    return Change("reinstall" if old == new else "upgrade", name, old, new)


def _unknown_names(text: str) -> list[str]:
    names = []
    for line in text.splitlines():
        for pattern in _UNKNOWN:
            match = pattern.match(line)
            if match:
                version = match.groupdict().get("version")
                names.append(f"{match.group('name')} {version}" if version else match.group("name"))
    return list(dict.fromkeys(names))
