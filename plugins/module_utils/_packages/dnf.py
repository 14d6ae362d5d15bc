# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf 4 and rpm, without ever asking a question."""

from __future__ import annotations

import os
import re
import time
import typing as t
import uuid
from dataclasses import replace

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import dnf_output, locks
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.dnf_history import History
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.dnf_repair import Repair
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import (
    CHANGE_TIMEOUT,
    FRESH,
    PRESENT,
    Lists,
    PackageManager,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    SECURITY,
    Change,
    Forecast,
    Installed,
    Transaction,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.version_locks import (
    PLUGIN_PACKAGE,
    VersionLocks,
)

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.undone import Undone

_QUERY_FORMAT = r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t[%{PROVIDENAME} ]\n"
_CANDIDATE_FORMAT = "%{name}\t%{epoch}\t%{version}\t%{release}\t%{arch}"
_SHOWN = {
    "version": "evr",
    "summary": "summary",
    "description": "description",
    "homepage": "url",
    "section": "group",
    "depends": "requires",
    "installed_size": "installsize",
}
_CACHE = "/var/cache/dnf"
# Dnf keeps no record of a refresh that brought nothing new; emptying its cache takes this file along.
_STAMP = f"{_CACHE}/gpufleet-mlstack.refreshed"
_REPOSITORIES = "/etc/yum.repos.d"
_PID_FILES = ("/var/lib/dnf/rpmdb_lock.pid", f"{_CACHE}/metadata_lock.pid", f"{_CACHE}/download_lock.pid")
_RPM_LOCKS = ("/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock")
# Without package lists, and for an ordinary user, dnf does not even say what it would do.
_CANNOT_TELL = ("Cache-only enabled but no cache", "has to be run with superuser privileges")
# Upgrades and advisories are read from all repositories anew, and then this plugin writes its own cache.
_NO_COMPLETIONS = ("--disableplugin=generate_completion_cache",)
_NO_LISTS = "there are none"
_LOCKED = 200  # dnf's exit status when another dnf runs and exit_on_lock is set
_ARCHITECTURE = re.compile(r"\.(?:x86_64|aarch64|i686|noarch|ppc64le|s390x)\Z")


class Dnf(PackageManager):
    """Rocky, Alma and RHEL 9 and 10."""

    name = "dnf"

    def __init__(self, *arguments: t.Any) -> None:
        super().__init__(*arguments)
        self._locks = VersionLocks(self.host)
        self._repair = Repair(self.host, self.commands, self._locks, self._rpm, self._lasting)

    def installed(self, names: t.Sequence[str]) -> dict[str, Installed]:
        if not names:
            return {}
        wanted = sorted({_ARCHITECTURE.sub("", name) for name in names})
        packages = self._rpm(["--whatprovides", *wanted])
        found = {name: dnf_output.pick(name, packages, self.host.machine) for name in names}
        return {name: self._with_hold(package) for name, package in found.items() if package is not None}

    def all_installed(self) -> list[Installed]:
        packages = [package for package in self._rpm(["--all"]) if package.name != "gpg-pubkey"]
        return sorted((self._with_hold(package) for package in packages), key=lambda package: package.name)

    def interrupted(self, found: t.Iterable[Installed] = ()) -> str:
        """See PackageManager. A transaction that was killed between its installations and its removals leaves two
        versions of one package, and scripts that did not come to their end."""
        return self._repair.told([package.name for package in found if not package.complete])

    def needed_for_holds(self) -> tuple[str, ...]:
        return () if self._locks.usable else (PLUGIN_PACKAGE,)

    def candidates(self, names: t.Sequence[str], lists: Lists = PRESENT) -> dict[str, tuple[str, ...]]:
        if not names:
            return {}
        result = self._dnf(["--quiet", "repoquery", "--queryformat", _CANDIDATE_FORMAT, *names], lists)
        return dnf_output.parse_candidates(result.out)

    def members(self, group: str, lists: Lists = PRESENT) -> tuple[str, ...]:
        # With --cacheonly dnf says that there are no groups, but lists that never expire are not fetched either.
        if not lists.fetch and self.stale(float("inf")) == _NO_LISTS:
            return ()
        options = [*_NO_COMPLETIONS, "--setopt=metadata_expire=-1", "--setopt=*.metadata_expire=-1", "--quiet"]
        return dnf_output.parse_group(self._dnf([*options, "group", "info", group], replace(lists, fetch=True)).out)

    def similar(self, name: str, lists: Lists = PRESENT) -> list[str]:
        import difflib

        known = self._dnf(["--quiet", "repoquery", "--queryformat", "%{name}"], lists).out.split()
        return difflib.get_close_matches(name, sorted(set(known)), n=3, cutoff=0.75)

    def simulate(self, transaction: Transaction, lists: Lists = PRESENT) -> Forecast | None:
        changes: list[Change] = []
        for erasing in (False, True):
            steps = _steps(transaction, erasing=erasing)
            results = [self._run(["--assumeno", *step], transaction, lists) for step in steps]
            texts = [f"{result.out}\n{result.err}" for result in results]
            if any(mark in text for text in texts for mark in _CANNOT_TELL):
                return None
            unknown = [argument for text in texts for argument in dnf_output.unmatched(text)]
            if unknown:
                return Forecast(unknown=tuple(_named(argument, transaction) for argument in unknown))
            problem = next((dnf_output.problem_of(text) for text in texts if "\nError:" in f"\n{text}"), "")
            changes = _one_after_the_other([dnf_output.parse_table(text) for text in texts])
            if not problem:
                break
        if problem:
            return Forecast(problem=problem)
        changes = self._with_old_versions(list(dict.fromkeys(changes)))
        # Dnf removes locked packages without a word.
        held = [c.name for c in changes if c.before and self._locks.held_at(c.name, c.before)]
        return Forecast(tuple(changes), held=tuple(held))

    def upgrade_of(self, what: str, lists: Lists = PRESENT) -> Transaction | None:
        known = [*_NO_COMPLETIONS, "--quiet", "updateinfo", "list", "--all"]
        if what == SECURITY and not self._dnf(known, lists).out.strip():
            raise MlstackError(
                "no_advisories",
                wanted="upgrade what mends security",
                found="no enabled repository has advisories, so nobody can tell which versions these are",
                to_fix="enable a repository that has them (updateinfo), or set upgrade to all",
            )
        return Transaction(upgrade=what)

    def freed_by(self, names: t.Sequence[str]) -> list[str]:
        removing = ["--setopt=clean_requirements_on_remove=True", "--assumeno"]
        texts = [
            self._dnf([*removing, *step])
            for step in (["autoremove"], ["--disableplugin=versionlock", "remove", *names])
        ]
        before, after = ([c.name for c in dnf_output.parse_table(text.out)] for text in texts)
        return [name for name in after if name not in {*before, *names}]

    def stale(self, valid_seconds: float) -> str:
        fetched = [
            self._changed_at(f"{_CACHE}/{name}/repodata/repomd.xml")
            for name in self.host.names(_CACHE)
            if "." not in name
        ]
        if not any(fetched):
            return _NO_LISTS
        updated = max(*fetched, self._changed_at(_STAMP), 0.0)
        sources = [_REPOSITORIES, *(f"{_REPOSITORIES}/{name}" for name in self.host.names(_REPOSITORIES))]
        if any(self._changed_at(path) > updated for path in sources):
            return "the repositories have been changed since they were fetched"
        age = time.time() - updated
        return f"they are {age / 3600:.1f} h old" if age > valid_seconds else ""

    def lock_holder(self) -> str:
        for path in _PID_FILES:
            pid = (self.host.read_text(path) or "").strip()
            if pid.isdigit() and (found := locks.describe_process(self.host, int(pid))):
                return found
        return next(filter(None, (locks.holder_of(self.host, path) for path in _RPM_LOCKS)), "")

    def upgradable(self) -> dict[str, str]:
        result = self._dnf(["--quiet", "repoquery", "--upgrades", "--queryformat", _CANDIDATE_FORMAT])
        found = dnf_output.parse_candidates(result.out)
        return {name: versions[0] for name, versions in found.items() if not _ARCHITECTURE.search(name)}

    def search(self, text: str) -> list[dict[str, str]]:
        result = self._dnf(["--quiet", "search", "--", text])
        pairs = (line.partition(" : ") for line in result.out.splitlines() if " : " in line)
        return [{"name": _ARCHITECTURE.sub("", name.strip()), "summary": summary} for name, _colon, summary in pairs]

    def show(self, names: t.Sequence[str]) -> dict[str, dict[str, t.Any]]:
        if not names:
            return {}
        form = "\x1e" + "\x1f".join(f"%{{{tag}}}" for tag in ("name", *_SHOWN.values()))
        result = self._dnf(["--quiet", "repoquery", "--latest-limit=1", "--queryformat", form, *names])
        shown: dict[str, dict[str, t.Any]] = {}
        for record in result.out.split("\x1e")[1:]:
            name, *values = ("" if value.strip() == "(none)" else value.strip() for value in record.split("\x1f"))
            shown[name] = dict(zip(_SHOWN, values))
            shown[name]["installed_size"] = int(shown[name]["installed_size"] or "0")
        return shown

    # ---------------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        result = self.commands.run(
            ["dnf", "--color=never", "-y", "makecache", "--refresh"],
            purpose="refresh the package lists",
            timeout=CHANGE_TIMEOUT,
            check=False,
        )
        if not result.ok:
            raise dnf_output.explained(result, "refresh the package lists")
        writing.write_whole(self.host.path(_STAMP), "")

    def repair(self) -> None:
        self._repair.run(dnf_output.duplicates(self._rpm(["--all"]), self.host.machine))

    def apply(self, transaction: Transaction) -> list[str]:
        warnings: list[str] = []
        # By this comment the transactions are found again in dnf's history, whoever else uses dnf.
        comment = f"gpufleet.mlstack {uuid.uuid4()}"
        for step in _steps(transaction, erasing=bool(transaction.remove or transaction.allow_removal)):
            if step[0] == "remove":
                # What the step before replaced may be a name that its successor provides, and dnf removes those.
                there = {package.name for package in self._rpm(step[1:])}
                step = [step[0], *(name for name in step[1:] if _ARCHITECTURE.sub("", name) in there)]
                if not step[1:]:
                    continue
            wanted = f"dnf {' '.join(step)}"
            with self._unlocked(transaction) as unlocked:
                argv = self._argv(["-y", f"--comment={comment}", *step], transaction, unlocked, FRESH)
                result = self._lasting(argv, wanted, retries=5, retry_if=lambda result: result.rc == _LOCKED)
            if not result.ok:
                raise dnf_output.explained(result, wanted, self._taken_back(comment))
            warnings += dnf_output.script_warnings(f"{result.out}\n{result.err}")
        return warnings

    def _taken_back(self, comment: str) -> Undone:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import dnf_undo

        return dnf_undo.take_back(History(self.host).of(comment), self.commands, self._rpm, timeout=CHANGE_TIMEOUT)

    def hold(self, names: t.Sequence[str]) -> None:
        found = self.installed(names)
        self._locks.set({package.name: package.version for package in found.values()})

    def unhold(self, names: t.Sequence[str]) -> None:
        self._locks.clear([_ARCHITECTURE.sub("", name) for name in names])

    def _rpm(self, arguments: t.Sequence[str]) -> list[Installed]:
        result = self.commands.run(["rpm", "--query", f"--queryformat={_QUERY_FORMAT}", *arguments], check=False)
        return dnf_output.parse_query(result.out)

    def _with_hold(self, package: Installed) -> Installed:
        held_at = self._locks.held_at(package.name, package.version)
        return package if held_at is None else replace(package, held=True, held_at=held_at)

    def _with_old_versions(self, changes: list[Change]) -> list[Change]:
        unsure = [change.name for change in changes if change.action in ("upgrade", "downgrade", "reinstall")]
        known = self.installed(unsure)
        return [
            replace(change, before=known[change.name].version) if change.name in known and not change.before else change
            for change in changes
        ]

    def _dnf(self, arguments: t.Sequence[str], lists: Lists = PRESENT) -> CommandResult:
        """Dnf for a question."""
        return self.commands.run(["dnf", "--color=never", *_by(lists), *arguments], timeout=CHANGE_TIMEOUT, check=False)

    def _run(self, step: t.Sequence[str], transaction: Transaction, lists: Lists) -> CommandResult:
        """Dnf for a step that changes nothing."""
        with self._unlocked(transaction) as unlocked:
            argv = self._argv([*(_NO_COMPLETIONS if transaction.upgrade else ()), *step], transaction, unlocked, lists)
            return self.commands.run(argv, timeout=CHANGE_TIMEOUT, check=False)

    def _unlocked(self, transaction: Transaction) -> t.ContextManager[t.Sequence[str]]:
        return self._locks.lifted([_ARCHITECTURE.sub("", name) for name in transaction.lifted])

    @staticmethod
    def _argv(step: t.Sequence[str], transaction: Transaction, unlocked: t.Sequence[str], lists: Lists) -> list[str]:
        return [
            "dnf",
            "--color=never",
            *_by(lists),
            f"--setopt=install_weak_deps={transaction.install_recommends}",
            # What is no longer needed stays until somebody asks: nobody named it.
            "--setopt=clean_requirements_on_remove=False",
            "--setopt=exit_on_lock=True",
            *unlocked,
            *step,
        ]

    def _lasting(self, argv: t.Sequence[str], wanted: str, **options: t.Any) -> CommandResult:
        with self.recorded(wanted) as folder:
            return self.lasting(argv, folder, wanted, **options)

    def _changed_at(self, path: str) -> float:
        try:
            return os.stat(self.host.path(path)).st_mtime
        except OSError:
            return 0.0


def _by(lists: Lists) -> list[str]:
    """From which lists dnf answers, and what of them it sees."""
    return [*([] if lists.fetch else ["--cacheonly"]), *lists.foreseen]


def _steps(transaction: Transaction, *, erasing: bool) -> list[list[str]]:
    """Dnf's commands for a transaction. What is to be removed may stand in the way of what is to be installed."""
    if transaction.upgrade:
        return [["upgrade", *(["--security"] if transaction.upgrade == SECURITY else [])]]
    steps = []
    if transaction.install:
        wanted = [_specification(name, version) for name, version in transaction.install]
        steps.append([*(["--allowerasing"] if erasing or transaction.remove else []), "install", *wanted])
    if transaction.remove:
        steps.append(["remove", *transaction.remove])
    return steps


def _one_after_the_other(steps: t.Sequence[t.Sequence[Change]]) -> list[Change]:
    """The changes of several steps, each foretold from the host as it is now: what an earlier one has dealt with is not
    there for the later ones."""
    found: list[Change] = []
    for step in steps:
        done = {change.name for change in found}
        found += [change for change in step if change.name not in done]
    return found


def _specification(name: str, version: str) -> str:
    match = _ARCHITECTURE.search(name)
    if not version or match is None:
        return f"{name}-{version}" if version else name
    return f"{name[: match.start()]}-{version}{match.group()}"


def _named(argument: str, transaction: Transaction) -> str:
    """What the user calls an argument of ours."""
    for name, version in transaction.install:
        if argument == _specification(name, version):
            return f"{name} {version}".rstrip()
    return argument
