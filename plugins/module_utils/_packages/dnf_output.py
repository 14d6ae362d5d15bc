# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf and rpm print, turned into data. Pure functions over recorded text."""

from __future__ import annotations

import collections
import re
import typing as t
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Change, Installed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.rpm_version import newest_first

# The headings of dnf's transaction table (dnf/cli/output.py). Other headings name what is left out.
if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.undone import Undone

_SECTIONS = {
    "Installing:": "install",
    "Installing dependencies:": "install",
    "Installing weak dependencies:": "install",
    "Installing group/module packages:": "install",
    "Upgrading:": "upgrade",
    "Downgrading:": "downgrade",
    "Reinstalling:": "reinstall",
    "Removing:": "remove",
    "Removing dependent packages:": "remove",
    "Removing unused dependencies:": "remove",
}
_REPLACING = re.compile(r"^ +replacing +(?P<name>\S+)\.\S+ (?P<version>\S+)\Z")

# What dnf prints, our code for it, and the advice. The first that fits is taken.
CAUSES = (
    ("more space needed on the", "disk_full", "free disk space, then run the task again"),
    ("No space left on device", "disk_full", "free disk space, then run the task again"),
    ("is not signed", "unsigned_package", "sign the packages and name the key with gpgkey; nothing was installed"),
    ("GPG check FAILED", "unsigned_package", "name the right key with gpgkey in the repository; nothing was installed"),
    (
        "Failed to download metadata",
        "repository_unusable",
        "mend the repository, its key or the way to it, or disable it",
    ),
    ("Error downloading packages", "repository_unusable", "mend the way to the repository, then run the task again"),
    ("Read-only file system", "read_only", "mount the file system writable, then run the task again"),
    ("already locked by", "package_lock_timeout", "let the other process end, or raise lock_timeout"),
)


def cause_of(text: str) -> tuple[str, str]:
    """Our code and the advice. While a transaction runs, scripts may print any word: of that only rpm's and dnf's own
    errors count."""
    before, running, during = text.partition("\nRunning transaction\n")
    own = [line for line in during.splitlines() if line.lower().startswith(("error", "[errno"))]
    lines = [*(before.splitlines() if not running else ()), *own]
    # In dnf's error come the lines that it indents.
    lines += [problem_of(during)] if running else []
    for mark, code, to_fix in CAUSES:
        if any(mark in line for line in lines):
            return code, to_fix
    if re.search(r"(?m)^error: %pre\w*\(.+\) scriptlet failed", text):
        return "package_script_failed", "mend what the package's script complains about"
    return "package_manager_failed", "read stdout and stderr in this result, mend the cause, run the task again"


def explained(result: CommandResult, wanted: str, undone: Undone | None = None) -> MlstackError:
    """The error for a failed run, with what dnf and rpm say of it."""
    text = f"{result.out}\n{result.err}"
    code, to_fix = cause_of(text)
    found = problem_of(text)
    detail = [line.strip() for line in text.splitlines() if "more space needed" in line or "is not signed" in line]
    detail += [line.strip() for line in text.splitlines() if "Curl error" in line or "GPG Keys are configured" in line]
    detail += [line.strip() for line in text.splitlines() if line.startswith("error: %")]
    return MlstackError(
        code,
        wanted=wanted,
        found="; ".join(dict.fromkeys([*detail, found, *([str(undone)] if undone is not None else [])])),
        to_fix=to_fix,
        rc=result.rc,
        stdout=result.out,
        stderr=result.err,
        **(undone.details() if undone is not None else {}),
    )


def parse_table(text: str) -> list[Change]:
    """The transaction that C(dnf --assumeno) announces. Dnf does not say which version an upgrade replaces."""
    changes: list[Change] = []
    action, row = "", ""
    inside = False
    for line in text.splitlines():
        if line.startswith("Transaction Summary"):
            break
        if line.startswith("=" * 20):
            inside = True
        elif (inside and line.rstrip() in _SECTIONS) or (line.endswith(":") and not line.startswith(" ")):
            action, row = _SECTIONS.get(line.rstrip(), ""), ""
        elif inside and action and line.startswith(" "):
            replaced = _REPLACING.match(line)
            if replaced:
                changes.append(Change("remove", replaced.group("name"), replaced.group("version")))
                continue
            # A name that is too long for its column has the rest of its row on the next line.
            row = f"{row} {line}" if row and line.startswith("  ") else line
            fields = row.split()
            if len(fields) >= 4:
                changes.append(_change(action, fields[0], fields[2]))
                row = ""
    return changes


def parse_query(text: str) -> list[Installed]:
    """C(rpm -q) in QUERY_FORMAT; lines in prose, for what is not installed, are left out."""
    found = []
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) == 6:
            name, epoch, version, release, arch, provides = fields
            found.append(Installed(name, arch, full_version(epoch, version, release), provides=tuple(provides.split())))
    return found


def parse_candidates(text: str) -> dict[str, tuple[str, ...]]:
    """C(dnf repoquery) in CANDIDATE_FORMAT: versions by name and by name.arch, newest first."""
    versions: dict[str, list[str]] = {}
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) == 5:
            name, epoch, version, release, arch = fields
            for key in (name, f"{name}.{arch}"):
                known = versions.setdefault(key, [])
                full = full_version(epoch, version, release)
                if full not in known:
                    known.append(full)
    return {name: tuple(newest_first(known)) for name, known in versions.items()}


def parse_group(text: str) -> tuple[str, ...]:
    """C(dnf group info): the packages that an installation of the group brings."""
    names: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.rstrip().endswith("Packages:"):
            inside = line.strip() in ("Mandatory Packages:", "Default Packages:")
        elif inside and line.startswith("   ") and line.strip():
            names.append(line.strip())
        else:
            inside = False
    return tuple(dict.fromkeys(names))


def unmatched(text: str) -> list[str]:
    """The arguments for which dnf finds no package."""
    found = re.search(r"(?m)^Error: Unable to find a match: (.+)$", text)
    filtered = set(re.findall(r"(?m)^All matches were filtered out by exclude filtering for argument: (.+)$", text))
    return [] if found is None or filtered else found.group(1).split()


def problem_of(text: str) -> str:
    """Why dnf refuses: its error with the indented lines below it, and the arguments that excludes have hidden."""
    lines = text.splitlines()
    told = [line for line in lines if line.startswith("All matches were filtered out")]
    for number, line in enumerate(lines):
        if line.startswith("Error:"):
            told.append(line[len("Error:") :].strip())
            for following in lines[number + 1 :]:
                if not following.startswith(" "):
                    break
                told.append(following.strip(" -"))
    return "; ".join(dict.fromkeys(part for part in told if part)) or "it gave no reason"


def script_warnings(text: str) -> list[str]:
    """Scripts of packages that failed: to rpm that is no failure of the transaction."""
    lines = text.splitlines()
    told = []
    for number, line in enumerate(lines):
        if re.match(r"warning: %\w+\(.+\) scriptlet failed", line):
            said = lines[number - 1].strip() if number else ""
            told.append(f"{line[len('warning: ') :]} ({said})")
    return told


def full_version(epoch: str, version: str, release: str) -> str:
    prefix = "" if epoch in ("0", "(none)", "") else f"{epoch}:"
    return f"{prefix}{version}-{release}"


def matches_name(name: str, package: Installed) -> bool:
    """Whether a package is, or provides, what was asked for, which may end in an architecture."""
    return package.answers_to(name) or name in package.provides


def pick(name: str, packages: t.Sequence[Installed], machine: str) -> Installed | None:
    """The package for a name: itself before one that merely provides it, this machine's architecture before others,
    the newest of several that may be installed side by side."""
    fitting = [package for package in packages if matches_name(name, package)]
    for choice in (
        [p for p in fitting if p.answers_to(name) and p.arch in (machine, "noarch")],
        [p for p in fitting if p.answers_to(name)],
        fitting,
    ):
        if choice:
            first = newest_first([package.version for package in choice])[0]
            newest = next(package for package in choice if package.version == first)
            # Rpm names a package once for every name that it answers to, and others may provide this one too.
            versions = newest_first(list({p.version for p in choice if (p.name, p.arch) == (newest.name, newest.arch)}))
            broken = len(versions) > 1 and not _may_stand_beside_itself(newest)
            return replace(newest, also=tuple(versions[1:]), status="duplicate" if broken else newest.status)
    return None


def duplicates(packages: t.Sequence[Installed], machine: str) -> list[str]:
    """The packages of which there are several versions that dnf would not keep side by side."""
    counted = collections.Counter((package.name, package.arch) for package in packages)
    names = sorted({name for (name, _arch), count in counted.items() if count > 1})
    picked = (pick(name, [p for p in packages if p.name == name], machine) for name in names)
    return [package.name for package in picked if package is not None and not package.complete]


def _may_stand_beside_itself(package: Installed) -> bool:
    """Whether dnf keeps several versions of it on purpose: its option installonlypkgs, with the default value."""
    marks = ("installonlypkg(", "multiversion(kernel)")
    return package.name in ("kernel", "kernel-PAE") or any(name.startswith(marks) for name in package.provides)


def _change(action: str, name: str, version: str) -> Change:
    return Change(action, name, version) if action == "remove" else Change(action, name, "", version)
