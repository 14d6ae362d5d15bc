# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C(/usr/local/cuda) in the alternatives system: update-alternatives(1) on Debian, alternatives(8) on Enterprise Linux.

Both keep the same kind of file: the mode, the link, and each choice on a line of its own. Reading it costs no program.
"""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._command import Commands
from ansible_collections.gpufleet.mlstack.plugins.module_utils._cuda.model import LINK, Default, release_key
from ansible_collections.gpufleet.mlstack.plugins.module_utils._errors import MlstackError
from ansible_collections.gpufleet.mlstack.plugins.module_utils._host import Host

NAME = "cuda"
_NOTES = ("/var/lib/dpkg/alternatives/cuda", "/var/lib/alternatives/cuda")
_MIDDLE = f"/etc/alternatives/{NAME}"


def read(host: Host) -> Default:
    """Where the link leads, and what else it could lead to."""
    text = next(filter(None, (host.read_text(path) for path in _NOTES)), "")
    choices = tuple(line for line in text.splitlines()[2:] if line.startswith("/"))
    link = host.path(LINK)
    if not os.path.islink(link):
        return Default("", choices, foreign=os.path.lexists(link))
    target = os.readlink(link)
    if target != _MIDDLE:
        return Default(os.path.normpath(os.path.join(os.path.dirname(LINK), target)), choices, foreign=True)
    try:
        return Default(os.readlink(host.path(_MIDDLE)), choices)
    except OSError:
        return Default("", choices)


class Alternatives:
    """Changes the link. A link that is not of the system is replaced, a folder is refused by the plan."""

    def __init__(self, host: Host, commands: Commands) -> None:
        self._host = host
        self._commands = commands
        self._program = host.which("update-alternatives") or host.which("alternatives") or "update-alternatives"

    def lead_to(self, path: str, release: str) -> None:
        """Make a toolkit the default, and a choice where it is none yet."""
        found = read(self._host)
        if found.foreign and os.path.islink(self._host.path(LINK)):
            os.unlink(self._host.path(LINK))
        if path not in found.choices or found.foreign:
            priority = "".join(str(part) for part in release_key(release))
            self._run("--install", LINK, NAME, path, priority, purpose=f"offer {path} as {LINK}")
        self._run("--set", NAME, path, purpose=f"let {LINK} lead to {path}")
        now = read(self._host)
        if now.path != path:
            raise MlstackError(
                "default_not_set",
                wanted=f"{LINK} leading to {path}",
                found=f"it leads to {now.path or 'nothing'} although {self._program} succeeded",
                to_fix="see what else writes that link, then run the task again",
            )

    def forget(self, path: str) -> None:
        """Take a choice away; where it was the default, the newest of the others takes its place."""
        if path in read(self._host).choices:
            self._run("--remove", NAME, path, purpose=f"forget {path} as {LINK}")

    def _run(self, *words: str, purpose: str) -> None:
        self._commands.run([self._program, *words], purpose=purpose, timeout=60)
