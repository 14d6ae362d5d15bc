# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that note how they are called and print what a test has written: for the command lines of apt and dnf.

They stand in for programs that a machine on which unit tests run need not have, or must not be changed by. What the
real ones do with these command lines is tested on hosts of the bed.
"""

from __future__ import annotations

from pathlib import Path

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

PROGRAM = """#!/bin/sh
printf '%s\\n' "{name} $*" >>{folder}/calls
for answer in {folder}/{name}.*; do
    case " $* " in *" ${{answer#{folder}/{name}.}} "*) cat "$answer/out"; exit "$(cat "$answer/rc")" ;; esac
done
"""


class Programs:
    """A host whose programs these are."""

    def __init__(self, root: Path, *names: str) -> None:
        self._folder = root / "programs"
        (self._folder / "bin").mkdir(parents=True)
        (root / "usr").mkdir()
        for name in names:
            path = self._folder / "bin" / name
            path.write_text(PROGRAM.format(name=name, folder=self._folder))
            path.chmod(0o755)
        self.host = Host(str(root))
        self.commands = Commands(environ={"PATH": f"{self._folder}/bin:/usr/bin:/bin"})

    def answer(self, name: str, word: str, out: str, rc: int = 0) -> None:
        """What a program prints when this word is among its arguments."""
        folder = self._folder / f"{name}.{word}"
        folder.mkdir(exist_ok=True)
        (folder / "out").write_text(out)
        (folder / "rc").write_text(str(rc))

    def calls(self) -> list[str]:
        """How programs have been called since the last question."""
        path = self._folder / "calls"
        told = path.read_text().splitlines() if path.exists() else []
        path.write_text("")
        return told
