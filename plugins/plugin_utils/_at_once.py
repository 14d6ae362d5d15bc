# Copyright (c) 2026 gpufleet.mlstack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packed modules that cost a host less to read and to import.

With pipelining, Ansible hands a module to the standard input of a Python, and Python reads a script from there with one
system call for each byte: some 0.3 ms of CPU for each kB, on every host and for every task. Our modules have 250 to
500 kB. Told to read its input as data and to run that, Python needs a few dozen system calls for it.

However a module gets there, Python imports from the archive in it and compiles every file twice, in every task. An
importer ahead of the module's own lines has it compile once (plugins/module_utils/_zip_imports.py).
"""

from __future__ import annotations

import inspect
import shlex
import typing as t

from ansible.module_utils.common.text.converters import to_bytes
from ansible.plugins.action import ActionBase
from ansible_collections.gpufleet.mlstack.plugins.module_utils import _zip_imports

# What Ansible 2.16 and later put at the head of a module that they packed, after what must come first in a script.
_PACKED = b"\n_ANSIBALLZ_WRAPPER"
_READ_AND_RUN = "import sys; exec(sys.stdin.buffer.read())"
# In a place of its own: its names are not the module's.
_CHEAPER_IMPORTS = f"\nexec({inspect.getsource(_zip_imports) + 'install()'!r}, {{}})".encode()


def _is_packed(script: t.Any) -> bool:
    return bool(script) and _PACKED in to_bytes(script[:4096])


def with_cheaper_imports(script: str | bytes) -> str | bytes:
    """A packed module with our importer at its head; anything else as it is."""
    return to_bytes(script).replace(_PACKED, _CHEAPER_IMPORTS + _PACKED, 1) if _is_packed(script) else script


class AtOnce(ActionBase):
    """An action whose modules are read at once where they are piped, and whose imports are cheap in any case."""

    def _low_level_execute_command(
        self, cmd: str, sudoable: bool = True, in_data: t.Any = None, *others: t.Any, **options: t.Any
    ) -> dict[str, t.Any]:
        # Where a module is piped, the command is the interpreter, with variables of the environment before it perhaps.
        if _is_packed(in_data):
            cmd = f"{cmd} -c {shlex.quote(_READ_AND_RUN)}"
            in_data = with_cheaper_imports(in_data)
        result: dict[str, t.Any] = super()._low_level_execute_command(cmd, sudoable, in_data, *others, **options)
        return result

    def _transfer_data(self, remote_path: t.Any, data: t.Any) -> t.Any:
        return super()._transfer_data(remote_path, with_cheaper_imports(data))
