# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every package manager can do for us."""

from __future__ import annotations

import abc
import typing as t
from dataclasses import dataclass

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import CommandResult, Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.model import (
        Forecast,
        Installed,
        Transaction,
    )

# A driver or toolkit with its dependencies on a slow line takes this long, in seconds, and no longer.
CHANGE_TIMEOUT = 7200.0
# Where runs of a manager are written down that outlive us: see transaction.py. Not there on a host at rest.
TRANSACTIONS = "/var/lib/gpufleet-mlstack/transactions"


@dataclass(frozen=True)
class Lists:
    """By which package lists a question is answered: by those that the host has, unless the manager may ``fetch`` what
    is missing or too old. ``foreseen`` are options for answers as they will be after a change of sources, see
    foreseen_sources.py."""

    fetch: bool = False
    foreseen: tuple[str, ...] = ()


PRESENT, FRESH = Lists(), Lists(fetch=True)


class PackageManager(abc.ABC):
    """One package manager's command line. Methods above the line only read; those below change the host.

    All raise MlstackError. Versions are full ones: C([epoch:]version-release).
    """

    name: str

    def __init__(self, host: Host, commands: Commands) -> None:
        self.host = host
        self.commands = commands

    @abc.abstractmethod
    def installed(self, names: t.Sequence[str]) -> dict[str, Installed]:
        """The state and hold of these packages, keyed by the given names; one query.

        A name that no package has, but that an installed one provides, is answered with the provider.
        """

    @abc.abstractmethod
    def all_installed(self) -> list[Installed]:
        """Every installed package, sorted by name."""

    @abc.abstractmethod
    def interrupted(self, found: t.Iterable[Installed] = ()) -> str:
        """Why an earlier run must be finished before anything else can be done; empty if not. ``found`` are packages
        whose state was asked for already."""

    def needed_for_holds(self) -> tuple[str, ...]:
        """Packages that must be installed before anything can be held."""
        return ()

    @abc.abstractmethod
    def candidates(self, names: t.Sequence[str], lists: Lists = PRESENT) -> dict[str, tuple[str, ...]]:
        """The versions that can be installed, newest first; a name without any is left out."""

    @abc.abstractmethod
    def members(self, group: str, lists: Lists = PRESENT) -> tuple[str, ...]:
        """The packages that a group of packages (dnf) or a task (apt) stands for; none where it is not known."""

    @abc.abstractmethod
    def similar(self, name: str, lists: Lists = PRESENT) -> list[str]:
        """Names that the repositories know and that look like this one."""

    @abc.abstractmethod
    def simulate(self, transaction: Transaction, lists: Lists = PRESENT) -> Forecast | None:
        """What the manager itself would do. None where it cannot tell without changing something."""

    @abc.abstractmethod
    def upgrade_of(self, what: str, lists: Lists = PRESENT) -> Transaction | None:
        """The transaction that brings the host's packages, ALL of them or those of SECURITY, to their newest version;
        None where there are none. Raises MlstackError where no repository tells which versions mend security."""

    @abc.abstractmethod
    def freed_by(self, names: t.Sequence[str]) -> list[str]:
        """Packages that nobody asked for and that nothing needs any more once these are removed."""

    @abc.abstractmethod
    def stale(self, valid_seconds: float) -> str:
        """Why the package lists are too old to install from; empty if they are not."""

    @abc.abstractmethod
    def lock_holder(self) -> str:
        """Who keeps us from changing anything, as C(pid 42 (apt-get upgrade)); empty if nobody."""

    @abc.abstractmethod
    def upgradable(self) -> dict[str, str]:
        """Installed packages for which there is a newer version, and that version."""

    @abc.abstractmethod
    def search(self, text: str) -> list[dict[str, str]]:
        """Packages whose name or summary holds the text: name and summary."""

    @abc.abstractmethod
    def show(self, names: t.Sequence[str]) -> dict[str, dict[str, t.Any]]:
        """What the repositories say of packages: version, summary, description, homepage, section, depends,
        installed_size in bytes."""

    # ---------------------------------------------------------------------------------------------------------------

    def lasting(self, argv: t.Sequence[str], folder: str, purpose: str, **options: t.Any) -> CommandResult:
        """Run a step of a change, which goes on when we die; see transaction.run()."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import transaction

        return transaction.run(
            self.host, self.commands, argv, folder, purpose=purpose, timeout=CHANGE_TIMEOUT, **options
        )

    def recorded(self, wanted: str) -> t.ContextManager[str]:
        """The folder for the record of a change."""
        from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages import transaction

        return transaction.folder(self.host, wanted)

    @abc.abstractmethod
    def refresh(self) -> None:
        """Fetch the package lists. A repository that is unreachable or not signed as it should be is an error."""

    @abc.abstractmethod
    def repair(self) -> None:
        """Finish an interrupted run."""

    @abc.abstractmethod
    def apply(self, transaction: Transaction) -> list[str]:
        """Carry a transaction out and return warnings. After a failure what it had newly installed is gone again."""

    @abc.abstractmethod
    def hold(self, names: t.Sequence[str]) -> None:
        """Keep packages at the version they have."""

    @abc.abstractmethod
    def unhold(self, names: t.Sequence[str]) -> None:
        """Let packages change again."""
