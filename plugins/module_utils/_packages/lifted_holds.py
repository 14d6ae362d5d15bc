# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds that must be lifted for a moment, and that come back whatever happens."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files import disk, trust, writing
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host
from ansible_collections.gpufleet.mlstack.plugins.module_utils._packages.manager import PackageManager

_DIRECTORY = "/var/lib/gpufleet-mlstack"
_NOTE = f"{_DIRECTORY}/lifted-holds"


class LiftedHolds:
    """Apt drops the hold of a package that it is told to change. A note on disk outlives even a kill in between:
    the next run sees it and puts the holds back."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def lost(self, manager: PackageManager) -> tuple[str, ...]:
        """Packages of the note that are installed and no longer held at what they have become. Costs a query only where
        there is a note."""
        names = (self._host.read_text(_NOTE) or "").split()
        if not names:
            return ()
        return tuple(
            name
            for name, found in manager.installed(names).items()
            if not found.held or found.held_at not in ("", found.version)
        )

    @contextlib.contextmanager
    def during(self, names: t.Sequence[str], manager: PackageManager) -> t.Iterator[None]:
        """Run the body, then hold these packages again where they are still installed, even after a failure."""
        if not names:
            yield
            return
        self._write(names)
        try:
            yield
        finally:
            again = [name for name, found in manager.installed(names).items() if found.answers_to(name)]
            if again:
                manager.hold(again)
            self.forget()

    def forget(self) -> None:
        """The holds are back: the note has served."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._host.path(_NOTE))

    def _write(self, names: t.Sequence[str]) -> None:
        disk.make_folder(self._host.path(_DIRECTORY))
        trust.require(self._host.path(_DIRECTORY), f"note lifted holds in {_NOTE}")
        writing.write_whole(self._host.path(_NOTE), "\n".join(names) + "\n")
