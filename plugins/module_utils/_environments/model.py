# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One environment as it is desired and as it is observed, whatever its kind: plain values."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field, fields

from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.record import Generation
from ansible_collections.gpufleet.mlstack.plugins.module_utils._environments.store import StoreState

Versions = t.Mapping[str, str]

# Options that say how an environment lives, not what it holds.
_OF_ITS_LIFE = frozenset({"root", "files", "name", "state", "keep", "adopt", "reinstall", "rollback_to", "force"})


@dataclass(frozen=True, eq=False, repr=False)  # each generated method costs every run
class Desired:
    """One item of the argument ``environments``: a kind adds the options that it alone has, each by its name.

    ``files`` are the contents of files that lie on the controller, by their paths there.
    """

    root: str
    files: t.Mapping[str, bytes]
    name: str
    state: str
    packages: tuple[str, ...]
    remote_src: bool
    verify_imports: tuple[str, ...]
    verify_files: bool
    compile_bytecode: bool
    keep: int
    adopt: bool
    reinstall: bool
    rollback_to: str
    force: bool

    # Further options of a kind that do not bear on what an environment holds.
    not_contents: t.ClassVar[frozenset[str]] = frozenset()

    @property
    def link(self) -> str:
        return os.path.join(self.root, self.name)

    @property
    def absent_packages(self) -> tuple[str, ...]:
        """The packages to take out of an environment that stays."""
        return tuple(dict.fromkeys(map(self.normalized, self.packages))) if self.state == "absent" else ()

    @property
    def output(self) -> str:
        """The file that is to have the contents written down; empty for none."""
        raise NotImplementedError

    @staticmethod
    def normalized(name: str) -> str:
        """A package's name as this kind of environment compares it."""
        raise NotImplementedError

    def load(self, path: str) -> bytes:
        """The content of a requirement file. Raises OSError."""
        if self.remote_src:
            with open(path, "rb") as stream:
                return stream.read()
        if path not in self.files:
            raise FileNotFoundError(2, "not found on the controller")
        return self.files[path]

    def said(self) -> dict[str, t.Any]:
        """The options that bear on what the environment holds, as they were written."""
        without = _OF_ITS_LIFE | {"verify_files"} | self.not_contents
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in without}


class Contents(t.Protocol):
    """The contents that a desired state asks for. ``digest`` is the same for desired states that mean the same,
    ``pins`` is what is known of them without a resolver, ``size`` says how many there are (C(3 requirements)),
    ``note`` what a record keeps to know the same words again."""

    @property
    def digest(self) -> str: ...

    @property
    def pins(self) -> Versions: ...

    @property
    def size(self) -> str: ...

    @property
    def note(self) -> t.Mapping[str, t.Any]: ...


ContentsT = t.TypeVar("ContentsT", bound=Contents)


@dataclass(frozen=True)
class Observed(t.Generic[ContentsT]):
    """What was found out about one environment.

    ``desired`` is what the requirements say; None where there are none, or where the generation in use is just that.
    ``installed`` and ``drift`` are those of the generation in use: what its folders hold, and how that differs from
    its record. ``generations`` are all finished ones, read only where one of them may be switched to or go; ``intact``
    are those besides the one in use that have no drift, and ``in_use`` the ids of those that live processes use.
    ``preview`` is what a build would hold, where somebody wants to know, else None. ``frozen`` is the content of the
    file that the desired state has written. ``rebuilt`` says that this run has built the environment already.
    ``outdated`` says, in sentences, for what newer packages the generation in use makes no room.
    """

    store: StoreState
    desired: ContentsT | None = None
    installed: Versions = field(default_factory=dict)
    drift: tuple[str, ...] = ()
    generations: tuple[Generation, ...] = ()
    intact: tuple[Generation, ...] = ()
    damaged: tuple[str, ...] = ()
    in_use: frozenset[str] = frozenset()
    preview: Versions | None = None
    frozen: str | None = None
    rebuilt: bool = False
    outdated: tuple[str, ...] = ()

    @property
    def current(self) -> Generation | None:
        return self.store.current

    @property
    def record(self) -> t.Mapping[str, t.Any]:
        """That of the generation in use; empty without one."""
        return self.current.record if self.current is not None else {}

    @property
    def repairing(self) -> bool:
        """Whether the desired state is the one that the generation in use was built for."""
        return self.current is not None and self.desired is not None and self.current.digest == self.desired.digest
