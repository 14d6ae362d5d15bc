# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run of apt did, by its own record, and how that is taken back."""

from __future__ import annotations

import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import locks
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import CHANGE_TIMEOUT
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import Installed
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.undone import Undone

_FRONTEND_LOCK = "/var/lib/dpkg/lock-frontend"
_CONFIG_FILES = "config-files"

Database = t.Mapping[tuple[str, str], Installed]


class AptRecord:
    """The database right before and right after one run of apt.

    Source: apt runs these two queries itself, as its hooks DPkg::Pre-Invoke and DPkg::Post-Invoke, while it holds
    dpkg's frontend lock from before the first until after the last one. So their difference is what this run did, and
    nothing that others did before, after or meanwhile. Apt's history.log tells only what was intended, dpkg.log does
    not tell whose doing a line was, either can be switched off, and a question before apt has its lock is too early.
    Apt changes nothing when the first query fails.
    """

    def __init__(self, folder: str, query: str, parse: t.Callable[[str], list[Installed]]) -> None:
        self._before, self._after = f"{folder}/before", f"{folder}/after"
        self._query, self._parse = query, parse

    @property
    def options(self) -> tuple[str, str]:
        """What apt-get must be told so that it writes the record."""
        # Apt may call dpkg in several rounds: the first one begins it all.
        return (
            f"--option=DPkg::Pre-Invoke::=[ -e {self._before} ] || {self._query_to(self._before)}",
            f"--option=DPkg::Post-Invoke::={self._query_to(self._after)} || true",
        )

    @property
    def before(self) -> Database | None:
        """None where apt never came to change anything."""
        return self._read(self._before)

    @property
    def after(self) -> Database | None:
        """None where apt did not come to its end."""
        return self._read(self._after)

    def _query_to(self, path: str) -> str:
        return f"{{ {self._query} >{path}.part && mv {path}.part {path}; }}"

    def _read(self, path: str) -> Database | None:
        try:
            with open(path, encoding="utf-8") as stream:
                return keyed(self._parse(stream.read()))
        except FileNotFoundError:
            return None


def keyed(packages: t.Iterable[Installed]) -> Database:
    """The packages by name and architecture."""
    return {(package.name, package.arch): package for package in packages}


def brought(before: Database, after: Database, now: Database) -> list[Installed]:
    """What a run has newly installed, and nobody has touched since."""
    return [
        package
        for key, package in after.items()
        if not _present(before.get(key)) and _present(package) and now.get(key) == package
    ]


def differences(before: Database, after: Database, now: Database) -> tuple[str, ...]:
    """What a run has changed and is still otherwise than before it."""
    told = []
    for key in sorted(before.keys() | after.keys()):
        if _state(before.get(key)) != _state(after.get(key)) and _state(now.get(key)) != _state(before.get(key)):
            told.append(f"{key[0]} ({_state(now.get(key)) or 'removed'})")
    return tuple(told)


def take_back(
    record: AptRecord,
    host: Host,
    commands: Commands,
    database: t.Callable[[], list[Installed]],
    *,
    env: t.Mapping[str, str | None],
    seconds: float,
) -> Undone:
    """Remove what a failed run has newly installed, as far as nothing else needs it.

    Never more than C(dpkg --remove): a purge runs scripts that delete data, and deletes files of an administrator
    which lie where the package would have its own, even where it was never installed before. Waits up to ``seconds``
    for dpkg's lock; without it nothing is taken back.
    """
    before = record.before
    if before is None:
        return Undone()
    after = record.after
    if after is None:  # apt was killed: nobody knows what is still going on, and the next run finishes it
        now = keyed(database())
        return Undone(left=differences(before, now, now))
    with locks.held(host, _FRONTEND_LOCK, seconds) as ours:
        now = keyed(database())
        new = brought(before, after, now)
        if new and ours:
            names = [package.name if package.arch == "all" else f"{package.name}:{package.arch}" for package in new]
            commands.run(
                ["dpkg", "--remove", *names],
                env={**env, "DPKG_FRONTEND_LOCKED": "1"},
                timeout=CHANGE_TIMEOUT,
                check=False,
                outlives_us=True,
            )
            now = keyed(database())
    removed = tuple(f"{p.name}:{p.arch}" for p in new if not _present(now.get((p.name, p.arch))))
    return Undone(removed, differences(before, after, now))


def _present(package: Installed | None) -> bool:
    return package is not None and package.status != _CONFIG_FILES


def _state(package: Installed | None) -> str:
    return f"{package.version} {package.status}" if package is not None else ""
