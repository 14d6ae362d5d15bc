# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt-get and dpkg, without ever asking a question."""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import locks
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import (
    CHANGE_TIMEOUT,
    PRESENT,
    Lists,
    PackageManager,
)
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
    ALL,
    Forecast,
    Installed,
    Transaction,
)

_FIELDS = (
    r"${Package}\t${Architecture}\t${Version}"
    r"\t${db:Status-Want}\t${db:Status-Eflag}\t${db:Status-Status}\t${Provides}\n"
)
_QUERY = "dpkg-query --show"
_LOCK_SECONDS = 60  # we have waited for the lock before: this is for somebody who was faster
_LISTS = "/var/lib/apt/lists"
_JOURNAL = "/var/lib/dpkg/updates"
_LOCKS = ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", f"{_LISTS}/lock", "/var/cache/apt/archives/lock")
# needrestart would ask which services to restart: 'l' only lists them.
_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l", "APT_LISTCHANGES_FRONTEND": "none"}
# Keep a configuration file that an administrator has edited; take the maintainer's new one where nobody has.
_CHANGE_OPTIONS = (
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
    "--option=Dpkg::Use-Pty=0",
)
_BROKEN = frozenset({"reinstall-required", "half-installed"})
# What dpkg's words for a package that is not whole mean to people; dpkg --audit says it at length.
_UNFINISHED = {
    **dict.fromkeys(_BROKEN, "to be installed again"),
    **dict.fromkeys(("unpacked", "half-configured"), "not configured"),
    **dict.fromkeys(("triggers-awaited", "triggers-pending"), "triggers not run"),
}
_SPARE_BYTES = 32 * 1000**2  # beyond what apt says it needs: dpkg writes its own database too


class Apt(PackageManager):
    """Debian and Ubuntu. What apt prints is read in apt_output.py, which only a change needs."""

    name = "apt"

    def __init__(self, *arguments: t.Any) -> None:
        super().__init__(*arguments)
        self._unfinished: list[Installed] | None = None  # as of the last look at the database

    def installed(self, names: t.Sequence[str]) -> dict[str, Installed]:
        """See PackageManager. The whole database is read: it costs dpkg the same, and holds virtual names too."""
        database = self._database()
        native = next((package.arch for package in database if package.name == "dpkg"), "")
        known: dict[str, Installed] = {}
        provided: dict[str, Installed] = {}
        for package in database:
            known[f"{package.name}:{package.arch}"] = package
            if package.arch in (native, "all"):
                known[package.name] = package
                for virtual in package.provides:
                    provided.setdefault(virtual, package)
        found = {name: known.get(name) or provided.get(name) for name in names}
        return {name: package for name, package in found.items() if package is not None}

    def all_installed(self) -> list[Installed]:
        return [package for package in self._database() if package.complete]

    def interrupted(self, found: t.Iterable[Installed] = ()) -> str:
        if any(name.isdigit() for name in self.host.names(_JOURNAL)):
            return "dpkg left a journal of unfinished work"
        if self._unfinished is None:
            self._database()
        words: dict[str, list[str]] = {}
        for package in self._unfinished or ():
            words.setdefault(_UNFINISHED.get(package.status, package.status), []).append(package.name)
        return "; ".join(f"{word}: {', '.join(names)}" for word, names in words.items())

    def candidates(self, names: t.Sequence[str], lists: Lists = PRESENT) -> dict[str, tuple[str, ...]]:
        if not names:
            return {}
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output

        return apt_output.parse_policy(self.commands.run(["apt-cache", "policy", *names], check=False).out)

    def members(self, group: str, lists: Lists = PRESENT) -> tuple[str, ...]:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output

        # All packages of all archives: only these lines are kept.
        command = "apt-cache dumpavail | grep -E '^(Package|Task): '"
        return apt_output.parse_task(self.commands.run(["sh", "-c", command], check=False).out, group)

    def similar(self, name: str, lists: Lists = PRESENT) -> list[str]:
        import difflib

        known = self.commands.run(["apt-cache", "pkgnames"], check=False).out.split()
        return difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.75)

    def simulate(self, transaction: Transaction, lists: Lists = PRESENT) -> Forecast:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output

        # Everything is allowed here: we want to hear of it, and judge it ourselves.
        allowed = ("--allow-downgrades", "--allow-change-held-packages") if not transaction.upgrade else ()
        options = ["--simulate", "--option=Debug::NoLocking=1", *allowed, *lists.foreseen]
        result = self._apt_get(options, transaction, check=False)
        return apt_output.parse_simulation(f"{result.out}\n{result.err}", result.ok)

    def upgrade_of(self, what: str, lists: Lists = PRESENT) -> Transaction | None:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output

        if what == ALL:
            return Transaction(upgrade=what)
        if not any("-security_" in name for name in self.host.names(_LISTS)):
            raise MlstackError(
                "no_advisories",
                wanted="upgrade what mends security",
                found="no enabled repository is one of security updates, so nobody can tell which versions these are",
                to_fix="enable the distribution's security archive, or set upgrade to all",
            )
        held = {package.name for package in self._database() if package.held}
        newer = [name for name in self.upgradable() if name.partition(":")[0] not in held]
        if not newer:
            return None
        policy = self.commands.run(["apt-cache", "policy", *newer], check=False).out
        mending = apt_output.parse_security(policy)
        return Transaction(install=tuple(mending.items()), upgrade=what) if mending else None

    def freed_by(self, names: t.Sequence[str]) -> list[str]:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output

        quiet = ["apt-get", "--simulate", "--option=Debug::NoLocking=1"]
        results = [
            self.commands.run([*quiet, "autoremove"], check=False),
            self.commands.run([*quiet, "--auto-remove", "--allow-change-held-packages", "remove", *names], check=False),
        ]
        before, after = ([c.name for c in apt_output.parse_simulation(r.out, r.ok).changes] for r in results)
        return [name for name in after if name not in {*before, *names}]

    def stale(self, valid_seconds: float) -> str:
        """See PackageManager. Apt touches the folder C(partial) in every update, but keeps the servers' dates on the
        lists; and a folder that has just been emptied is no fresh one."""
        names = self.host.names(_LISTS)
        if not any(name.endswith(("_InRelease", "_Release")) for name in names):
            return "there are none"
        updated = self._changed_at(f"{_LISTS}/partial")
        sources = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"]
        sources += [f"{sources[1]}/{name}" for name in self.host.names(sources[1])]
        if any(self._changed_at(path) > updated for path in sources):
            return "the repositories have been changed since they were fetched"
        age = time.time() - updated
        return f"they are {age / 3600:.1f} h old" if age > valid_seconds else ""

    def lock_holder(self) -> str:
        return next(filter(None, (locks.holder_of(self.host, path) for path in _LOCKS)), "")

    def upgradable(self) -> dict[str, str]:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output

        result = self.commands.run(
            ["apt-get", "--simulate", "--option=Debug::NoLocking=1", "dist-upgrade"], check=False
        )
        forecast = apt_output.parse_simulation(result.out, result.ok)
        kept = apt_output.section(result.out, "The following packages have been kept back")
        newer = {change.name: change.after for change in forecast.changes if change.action == "upgrade"}
        newer.update({name: versions[0] for name, versions in self.candidates(kept).items()})
        return newer

    def search(self, text: str) -> list[dict[str, str]]:
        result = self.commands.run(["apt-cache", "search", "--", text], purpose=f"search for {text}")
        pairs = (line.partition(" - ") for line in result.out.splitlines())
        return [{"name": name, "summary": summary} for name, _dash, summary in pairs]

    def show(self, names: t.Sequence[str]) -> dict[str, dict[str, t.Any]]:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output

        if not names:
            return {}
        result = self.commands.run(["apt-cache", "show", "--no-all-versions", *names], check=False)
        shown = {}
        for record in apt_output.parse_records(result.out):
            summary, _newline, description = (record.get("Description") or record.get("Description-en", "")).partition(
                "\n"
            )
            shown[record["Package"]] = {
                "version": record.get("Version", ""),
                "summary": summary,
                "description": description,
                "homepage": record.get("Homepage", ""),
                "section": record.get("Section", ""),
                "depends": record.get("Depends", ""),
                "installed_size": int(record.get("Installed-Size", "0")) * 1024,
            }
        return shown

    # ---------------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_output

        result = self.commands.run(
            ["apt-get", "update", "--option=Acquire::Retries=2"],
            purpose="refresh the package lists",
            env=_QUIET,
            timeout=CHANGE_TIMEOUT,
            check=False,
            retries=3,
            retry_if=lambda result: "Could not get lock" in result.err,
        )
        failures = apt_output.repository_failures(f"{result.out}\n{result.err}", result.ok)
        if failures:
            raise MlstackError(
                "repository_unusable",
                wanted="refresh the package lists",
                found="; ".join(failures),
                to_fix="mend the repository, its key (Signed-By) or the way to it, or disable it; nothing is installed",
                failures=failures,
            )

    def repair(self) -> None:
        wanted = "finish the interrupted run of dpkg (dpkg --configure -a)"
        self._database()
        broken = [package for package in self._unfinished or () if package.status in _BROKEN]
        again = [f"{package.name}:{package.arch}".replace(":all", "") + f"={package.version}" for package in broken]
        repairing = ["apt-get", "--yes", "--quiet", "--fix-broken", "--no-remove", *_CHANGE_OPTIONS]
        for argv in (
            # Half unpacked: nothing but their archives makes them whole, of the version that they had.
            *([[*repairing, "--reinstall", "--allow-change-held-packages", "install", *again]] if again else []),
            ["dpkg", "--force-confdef", "--force-confold", "--configure", "--pending"],
            # A run that was killed while unpacking may have left a package without what it depends on.
            [*repairing, "install"],
        ):
            with self.recorded(wanted) as folder:
                result = self.lasting(argv, folder, wanted, env=_QUIET)
        held = [package.name for package in broken if package.held]
        if held:
            self.hold(held)
        if not result.ok:
            from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import apt_failure

            raise apt_failure.explain(result, wanted)

    def apply(self, transaction: Transaction) -> list[str]:
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import (
            apt_failure,
            apt_output,
            apt_undo,
        )

        wanted = _purpose(transaction)
        fetched = self._apt_get(["--download-only", *self._permissions(transaction)], transaction, check=False)
        if not fetched.ok:
            raise apt_failure.explain(fetched, wanted)
        apt_failure.require_space(self.host, apt_output.needed_bytes(fetched.out) + _SPARE_BYTES, wanted)
        chosen = self._by_itself(transaction)
        with self.recorded(wanted) as folder:
            record = apt_undo.AptRecord(folder, f"{_QUERY} --showformat='{_FIELDS}'", parse_database)
            options = [*record.options, *_CHANGE_OPTIONS, *self._permissions(transaction)]
            result = self.lasting(_argv(options, transaction), folder, wanted, env=_QUIET)
            if not result.ok:
                undone = apt_undo.take_back(
                    record, self.host, self.commands, self._all, env=_QUIET, seconds=_LOCK_SECONDS
                )
                raise apt_failure.explain(result, wanted, undone)
        if chosen:
            self.commands.run(["apt-mark", "auto", *chosen], purpose="keep what nobody asked for so", outlives_us=True)
        return []

    def _by_itself(self, transaction: Transaction) -> list[str]:
        """Packages that came as dependencies. Apt takes every package that it is told to upgrade for asked for."""
        if not transaction.upgrade or not transaction.install:
            return []
        names = [name for name, _version in transaction.install]
        return self.commands.run(["apt-mark", "showauto", *names], purpose="see what nobody asked for").out.split()

    def hold(self, names: t.Sequence[str]) -> None:
        self.commands.run(["apt-mark", "hold", *names], purpose=f"hold {', '.join(names)}", outlives_us=True)

    def unhold(self, names: t.Sequence[str]) -> None:
        self.commands.run(["apt-mark", "unhold", *names], purpose=f"unhold {', '.join(names)}", outlives_us=True)

    def _database(self) -> list[Installed]:
        packages = [package for package in self._all() if package.status != "config-files"]
        self._unfinished = [package for package in packages if not package.complete]
        return packages

    def _all(self) -> list[Installed]:
        """What dpkg knows, packages included of which it has kept configuration files."""
        result = self.commands.run([*_QUERY.split(), f"--showformat={_FIELDS}"], purpose="read dpkg's database")
        return parse_database(result.out)

    def _apt_get(self, options: t.Sequence[str], transaction: Transaction, *, check: bool) -> CommandResult:
        """Apt-get for a step that changes no package."""
        return self.commands.run(
            _argv(options, transaction),
            purpose=_purpose(transaction),
            env=_QUIET,
            timeout=CHANGE_TIMEOUT,
            check=check,
        )

    def _permissions(self, transaction: Transaction) -> list[str]:
        """What the check of the forecast has found to be wanted; apt itself refuses anything beyond."""
        options = [f"--option=DPkg::Lock::Timeout={_LOCK_SECONDS}"]
        if transaction.lifted:
            options.append("--allow-change-held-packages")
        if transaction.allow_downgrade:
            options.append("--allow-downgrades")
        if not transaction.remove and not transaction.allow_removal:
            options.append("--no-remove")
        return options

    def _changed_at(self, path: str) -> float:
        try:
            return os.stat(self.host.path(path)).st_mtime
        except OSError:
            return 0.0


def parse_database(text: str) -> list[Installed]:
    """C(dpkg-query --show) in the format above, packages in the state C(config-files) included."""
    packages = []
    for line in text.splitlines():
        name, arch, version, want, flag, status, provides = line.split("\t")
        if status == "not-installed":
            continue
        packages.append(
            Installed(
                name=name,
                arch=arch,
                version=version,
                status="reinstall-required" if flag == "reinstreq" else status,
                held=want == "hold",
                provides=tuple(item.split()[0] for item in provides.split(",") if item.strip()),
            )
        )
    return packages


def _argv(options: t.Sequence[str], transaction: Transaction) -> list[str]:
    wanted = [f"{name}={version}" if version else name for name, version in transaction.install]
    wanted += [f"{name}-" for name in transaction.remove]
    recommends = "yes" if transaction.install_recommends else "no"
    options = [*options, "--purge"] if transaction.purge else options
    quiet = ["apt-get", "--yes", "--quiet", f"--option=APT::Install-Recommends={recommends}"]
    if transaction.upgrade == ALL:  # never removes, and brings what newer versions need
        return [*quiet, *options, "--with-new-pkgs", "upgrade"]
    only = ["--only-upgrade"] if transaction.upgrade else []
    return [*quiet, *options, *only, "install", *wanted]


def _purpose(transaction: Transaction) -> str:
    if transaction.upgrade:
        return f"upgrade packages ({transaction.upgrade})"
    words = [f"{name} {version}".rstrip() for name, version in transaction.install]
    return f"install {', '.join(words) or 'nothing'}" + (
        f" and remove {', '.join(transaction.remove)}" if transaction.remove else ""
    )
