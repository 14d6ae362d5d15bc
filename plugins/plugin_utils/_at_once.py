# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that comes through a pipe, read by the host's Python at once instead of byte by byte.

With pipelining, Ansible hands a module to the standard input of a Python, and Python reads a script from there with one
system call for each byte: some 0.3 ms of CPU for each kB, on every host and for every task. Our modules have 250 to
500 kB. Told to read its input as data and to run that, Python needs a few dozen system calls for it.
"""

from __future__ import annotations

import shlex
import typing as t

from ansible.module_utils.common.text.converters import to_bytes
from ansible.plugins.action import ActionBase

# What Ansible 2.16 and later put at the head of a module that they packed.
_PACKED = b"_ANSIBALLZ_WRAPPER"
_READ_AND_RUN = "import sys; exec(sys.stdin.buffer.read())"


class AtOnce(ActionBase):
    """An action whose modules are read at once. Without pipelining, or for what is no packed module, Ansible's way."""

    def _low_level_execute_command(
        self, cmd: str, sudoable: bool = True, in_data: t.Any = None, *others: t.Any, **options: t.Any
    ) -> dict[str, t.Any]:
        # Where a module is piped, the command is the interpreter, with variables of the environment before it perhaps.
        if in_data and _PACKED in to_bytes(in_data[:4096]):
            cmd = f"{cmd} -c {shlex.quote(_READ_AND_RUN)}"
        result: dict[str, t.Any] = super()._low_level_execute_command(cmd, sudoable, in_data, *others, **options)
        return result
