# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the scripts of an environment start its own Python. They are read, not run."""

from __future__ import annotations

import os

from ansible_collections.gpufleet.mlstack.plugins.module_utils._files.looking import Folder, Refused

_MOST_BYTES = 1 << 20  # a script that pip writes has 300


def leading_astray(real: str) -> tuple[list[str], int]:
    """What is wrong with scripts of the prefix ``real`` that name a Python in their first line, and how many do."""
    wrong, count = [], 0
    with Folder.at(real) as tree, tree.folder("bin") as folder:
        for name in folder.names():
            if folder.what(name) != "a file":
                continue
            try:
                first = folder.read(name, _MOST_BYTES).split(b"\n", 1)[0][:4096]
            except Refused:
                continue  # a program, not a script
            program = os.fsdecode(first[2:].strip().split(b" ")[0]) if first.startswith(b"#!/") else ""
            if not os.path.basename(program).startswith("python"):
                continue
            count += 1
            if not os.path.exists(program):
                wrong.append(f"{name} starts {program}, which is not there")
            elif not _same(os.path.dirname(program), os.path.join(real, "bin")):
                wrong.append(f"{name} starts {program}, which is another environment's")
    return wrong, count


def _same(one: str, other: str) -> bool:
    """Whether two folders are one, or one lies in front of the other as a generation's shim does."""
    places = {os.path.realpath(one), os.path.realpath(other)}
    return len(places) == 1 or any(f"{os.path.dirname(os.path.dirname(place))}/bin" in places for place in places)
