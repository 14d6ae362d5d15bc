# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words in which system packages are wanted, observed and changed; the same for every package manager."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.repository import (
        Sources,
        SourcesObservation,
    )

PRESENT, ABSENT, LATEST = "present", "absent", "latest"
ALL, SECURITY = "all", "security"  # what of a whole host is upgraded


@dataclass(frozen=True)
class DesiredPackage:
    """One entry of the list a user wrote. ``names`` are the real packages that ``requested`` stands for here. Those of
    a ``group`` are only known by the package lists: see Observed.

    ``version`` is C([epoch:]version[-release]), see version_matches(); ``hold`` None leaves holds as they are.
    """

    requested: str
    names: tuple[str, ...]
    state: str = PRESENT
    version: str = ""
    hold: bool | None = None
    group: str = ""


@dataclass(frozen=True)
class Desired:
    """A whole task. ``allow_removal`` is the packages that may go although nobody asked; True means any.

    ``cache_valid_time`` and ``lock_timeout`` are in seconds. ``purge`` removes configuration files too. ``sources`` is
    what must be true of the repositories before, None for whatever there is. ``upgrade`` is ALL, SECURITY, or empty:
    what of the host's other packages is brought to its newest version. ``unwanted`` is a regular expression of names
    that must not be installed on the way, and ``unwanted_why`` says so to people.
    """

    packages: tuple[DesiredPackage, ...] = ()
    allow_downgrade: bool = False
    allow_removal: bool | frozenset[str] = False
    update_cache: bool = True
    cache_valid_time: int = 3600
    lock_timeout: int = 300
    install_recommends: bool = False
    purge: bool = False
    unwanted: str = ""
    unwanted_why: str = ""
    sources: Sources | None = None
    upgrade: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for package in self.packages for name in package.names))


@dataclass(frozen=True)
class Installed:
    """A package that the host's database knows.

    ``status`` is C(installed), or a word for less: dpkg's own, or C(duplicate). ``held_at`` is the version that the
    hold names, where holds name one (dnf), else empty. ``also`` are older versions beside it, as dnf keeps of kernels.
    """

    name: str
    arch: str
    version: str
    status: str = "installed"
    held: bool = False
    held_at: str = ""
    provides: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return self.status == "installed"

    def answers_to(self, name: str) -> bool:
        """Whether this is the package of that name, which may carry an architecture in apt's or dnf's way."""
        return name in (self.name, f"{self.name}:{self.arch}", f"{self.name}.{self.arch}")


@dataclass(frozen=True)
class Change:
    """What a transaction does to one package: ``action`` is install, upgrade, downgrade, reinstall or remove."""

    action: str
    name: str
    before: str = ""
    after: str = ""

    def result(self) -> dict[str, str]:
        return {"name": self.name, "action": self.action, "from": self.before, "to": self.after}


@dataclass(frozen=True)
class Transaction:
    """What is asked of the package manager. ``install`` pairs a name with an exact version, or with "" for its choice.

    ``lifted`` are held packages that it may change nevertheless; ``held_again`` are those of them whose holds are put
    back afterwards. ``upgrade`` makes it one of the whole host, see Desired: it changes only what is installed, keeps
    holds, and ``install`` is then what it is about where the manager has to be told.
    """

    install: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()
    lifted: tuple[str, ...] = ()
    held_again: tuple[str, ...] = ()
    install_recommends: bool = False
    allow_removal: bool = False
    allow_downgrade: bool = False
    purge: bool = False
    upgrade: str = ""

    def __bool__(self) -> bool:
        return bool(self.install or self.remove or self.upgrade)

    @property
    def named(self) -> frozenset[str]:
        return frozenset((*(name for name, _version in self.install), *self.remove))


@dataclass(frozen=True)
class Forecast:
    """What the package manager says it would do. ``unknown`` are names it does not know, ``problem`` why it would not.

    ``held`` are packages whose hold it would override.
    """

    changes: tuple[Change, ...] = ()
    held: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Observed:
    """What was found.

    - ``installed`` is keyed by every name under which a package was asked for.
    - ``candidates`` lists the installable versions of a name, newest first; ``similar`` the names that look like one
      that no repository has.
    - ``groups`` has the packages of each group that is asked for: none where no list knows it.
    - ``stale`` is why the package lists would be refreshed before anything is installed, empty if they would not;
      ``refreshed`` says that this run has done it, or that check mode, which does not, finds them young enough.
    - ``interrupted`` is why the manager's last run must be finished first.
    - ``hold_support`` are packages without which this host cannot hold any.
    - ``lost_holds`` were lifted by a run of ours that was killed.
    - ``forecast`` is None where nobody has asked the manager yet, or where it cannot tell.
    - ``upgrade`` is the transaction that upgrades the whole host, None where nobody asked for that, and
      ``upgrade_forecast`` what it would do.
    - ``sources`` is None where the desired state says nothing of repositories.
    - ``streams_foreseen`` says that answers are those of the module streams that are asked for, not the present ones.
    """

    installed: t.Mapping[str, Installed] = field(default_factory=dict)
    candidates: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    similar: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stale: str = ""
    refreshed: bool = False
    interrupted: str = ""
    hold_support: tuple[str, ...] = ()
    lost_holds: tuple[str, ...] = ()
    forecast: Forecast | None = None
    upgrade: Transaction | None = None
    upgrade_forecast: Forecast | None = None
    sources: SourcesObservation | None = None
    streams_foreseen: bool = False


def version_matches(wanted: str, version: str) -> bool:
    """Whether a full version C([epoch:]version[-release]) is meant by a desired state.

    The epoch and the release may be left out of the desired state, and it may end in or contain C(*): C(11.8),
    C(11.8.0-1), C(1:3.0.*) and C(3.0.*) all work, with apt's and with dnf's versions. An empty desired state means
    any version.
    """
    if not wanted:
        return True
    epoch, colon, rest = version.rpartition(":")
    upstream = rest.rpartition("-")[0] or rest
    forms = {version, rest, upstream, f"{epoch}{colon}{upstream}"}
    if not colon:
        forms |= {f"0:{rest}", f"0:{upstream}"}
    return any(fnmatch.fnmatchcase(form, wanted) for form in forms)
